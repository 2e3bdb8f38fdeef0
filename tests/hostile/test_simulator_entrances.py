"""Every entrance of the simulator refuses the same: what is not finite, of another shape or kind, or after the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from rlx.compilation import Compiler
from rlx.envs.gym_env import PortfolioEnv
from rlx.envs.portfolio import PortfolioBatch
from rlx.envs.vec_env import PortfolioVecEnv
from rlx.errors import DataError, RlxError
from rlx.sim import Accounts, Rules, simulate
from rlx.sim.rule_numbers import rule_numbers
from rlx.sim.torch_paths import PathPlayer
from rlx.sim.torch_state import Step, TorchRules
from tests.envs.tasks import make_market, make_task

TASK = make_task(make_market())
N_ACTIONS, N_ASSETS = TASK.head.n_actions, TASK.head.n_assets


def stepped(env: Any) -> Callable[[Any], Any]:
    env.reset()
    return (
        env.step if not isinstance(env, PortfolioVecEnv) else lambda actions: (env.step_async(actions), env.step_wait())
    )


def accounts() -> Accounts:
    return Accounts(np.zeros((4, N_ASSETS)), Rules(), 1, periods_per_year=252)


def played(targets: Any) -> Any:
    settings = rule_numbers(Rules(), N_ASSETS, 252)
    tape = Step(torch.zeros(1, 2, N_ASSETS), None, None, None)
    return PathPlayer(TorchRules(settings, torch.zeros(1)), Compiler("off", "cpu"))(torch.as_tensor(targets), tape)


ENTRANCES: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "gym": ((N_ACTIONS,), lambda x: stepped(PortfolioEnv(TASK))(x)),
    "vec": ((2, N_ACTIONS), lambda x: stepped(PortfolioVecEnv(TASK, 2))(x)),
    "batch": ((2, N_ACTIONS), lambda x: stepped(PortfolioBatch(TASK, 2))(x)),
    "allocation": ((2, N_ACTIONS), lambda x: TASK.head.weights(x)),
    "accounts": ((1, N_ASSETS), lambda x: accounts().step(x)),
    "numba": ((2, N_ASSETS), lambda x: simulate(np.zeros((2, N_ASSETS)), x, engine="numba")),
    "torch": ((2, N_ASSETS), lambda x: simulate(np.zeros((2, N_ASSETS)), x, engine="torch")),
    "paths": ((1, 2, N_ASSETS), played),
}
OFF_SHAPES: tuple[Callable[[Any], Any], ...] = (lambda x: x[..., :-1], lambda x: x[None, None], lambda x: x[..., 0])


@pytest.mark.parametrize("entrance", [name for name in ENTRANCES if name != "paths"])  # of its learner's networks
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_name(entrance: str, value: float) -> None:
    shape, enter = ENTRANCES[entrance]
    wrong = np.zeros(shape, dtype=np.float32)
    wrong.flat[-1] = value
    with pytest.raises(DataError, match=rf"(actions|targets)\[[0-9, ]*\]={value}: must be finite\."):
        enter(wrong)


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("number", range(len(OFF_SHAPES)))
def test_another_shape_is_refused(entrance: str, number: int) -> None:
    shape, enter = ENTRANCES[entrance]
    with pytest.raises(DataError, match="shape"):
        enter(OFF_SHAPES[number](np.zeros(shape)))


@pytest.mark.parametrize("entrance", [name for name in ENTRANCES if name != "paths"])
@pytest.mark.parametrize("value", ["a", None, 1j])
def test_another_kind_of_value_is_refused(entrance: str, value: Any) -> None:
    shape, enter = ENTRANCES[entrance]
    with pytest.raises(DataError, match="must be real numbers"):
        enter(np.full(shape, value))


@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -1.5])
def test_returns_that_no_price_makes_are_refused(engine: str, value: float) -> None:
    returns = np.array([[0.0, 0.1], [0.0, value]])
    with pytest.raises(DataError, match="returns"):
        simulate(returns, np.zeros((2, 2)), engine=engine)
    with pytest.raises(DataError, match="returns"):
        Accounts(returns, Rules(), 1, periods_per_year=252)


FLAT = np.zeros((4, 2))
RAGGED: Any = [[0.1, 0.2], [0.1]]
NOTHING = np.zeros((4, 0))
GAPS = np.full((4, 2), np.nan)


def opened(returns: Any = FLAT, batch: Any = 1, periods_per_year: Any = 252, **more: Any) -> Accounts:
    return Accounts(returns, Rules(), batch, periods_per_year=periods_per_year, **more)


def replayed(returns: Any = FLAT, targets: Any = FLAT, **more: Any) -> Any:
    return simulate(returns, targets, **more)


def fresh(n: Any = 2) -> PortfolioBatch:
    batch = PortfolioBatch(TASK, n)
    batch.reset()
    return batch


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "forecasts with gaps": (lambda: opened(cvar=GAPS), r"cvar\[0, 0\]=nan: must be finite"),
    "uncertainty without end": (lambda: opened(uncertainty=GAPS + np.inf), r"uncertainty\[0, 0\]=nan: must be finite"),
    "ragged overnight": (lambda: opened(overnight_returns=RAGGED), r"overnight_returns: .* rows of one length"),
    "overnight of words": (lambda: opened(overnight_returns="x"), r"overnight_returns=x: must be real numbers"),
    "overnight of no steps": (lambda: opened(overnight_returns=[0.0]), r"overnight_returns have shape \(1,\): must be"),
    "no returns": (lambda: opened(None), r"returns=null: must be real numbers"),
    "a single return": (lambda: opened(0.5), r"returns=0.5: must be an array of shape"),
    "no assets": (lambda: opened(NOTHING), r"returns have shape \(4, 0\): there must be at least one asset"),
    "no accounts": (lambda: opened(batch=0), r"batch=0: must be a whole number between 1"),
    "half an account": (lambda: opened(batch=1.5), r"batch=1.5: must be a whole number"),
    "too many accounts": (lambda: opened(batch=10**12), r"batch=1000000000000: must be a whole number"),
    "a year of words": (lambda: opened(periods_per_year="x"), r"periods_per_year=x: must be a positive number"),
    "a target": (lambda: opened().step(0.5), r"targets=0.5: must be an array of shape \(any, 2\)"),
    "no target": (lambda: opened().step(None), r"targets=null: must be real numbers"),
    "a target without axes": (lambda: opened().step(np.array(0.5)), r"targets=0.5: must be an array of shape"),
    "ragged targets": (lambda: opened(batch=2).step(RAGGED), r"targets: .* rows of one length"),
    "half a bar": (lambda: opened().reset(np.array([1.5])), r"bars have type float64: must be whole numbers"),
    "a bar that is none": (lambda: opened().reset(np.array([np.nan])), r"bars have type float64"),
    "bars of others": (lambda: opened().reset(np.array([1, 2])), r"bars have shape \(2,\): must be \(1,\)"),
    "a bar after the end": (lambda: opened().reset(np.array([9])), r"bars=\[9\]: must be from 0 to 4"),
    "ragged actions": (lambda: fresh().step(RAGGED), r"actions: .* rows of one length"),
    "an action": (lambda: fresh().step(0.5), r"actions=0.5: must be an array of shape"),
    "half a start": (lambda: fresh().reset(np.array([20.5, 20.0])), r"bars have type float64"),
    "a start for all": (lambda: fresh().reset(np.array([20])), r"bars have shape \(1,\): must be \(2,\)"),
    "an empty batch": (lambda: fresh(0), r"batch=0: must be a whole number"),
    "an empty vector": (lambda: PortfolioVecEnv(TASK, 0), r"batch=0: must be a whole number"),
    "an action of one": (lambda: stepped(PortfolioEnv(TASK))(0.5), r"actions=0.5: must be an array of shape \(5,\)"),
    "returns of nothing": (lambda: replayed(None), r"returns=null: must be real numbers"),
    "returns of no assets": (lambda: replayed(NOTHING, NOTHING), r"returns have shape \(4, 0\): must be"),
    "targets of nothing": (lambda: replayed(targets=None), r"targets=null: must be real numbers"),
    "no accounts at all": (lambda: replayed(np.zeros((0, 4, 2))), r"returns have shape \(0, 4, 2\): must be"),
    "a kink upside down": (lambda: replayed(smooth_epsilon=-1.0), r"smooth_epsilon=-1.0: must be between 0 and 1"),
    "a kink that is none": (lambda: replayed(smooth_epsilon=np.nan), r"smooth_epsilon=nan: must be between 0 and 1"),
    "costs of a number": (lambda: replayed(costs=0), r"costs=0: must be a rlx.sim.Costs"),
    "drift of words": (lambda: replayed(drift="no"), r"drift=no: must be true or false"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_value_is_one_error_that_names_it(what: str) -> None:
    enter, message = WRONG[what]
    with pytest.raises(RlxError, match=f"^{message}") as refused:
        enter()
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300


def test_lists_are_arrays_at_every_entrance() -> None:
    listed, n = np.zeros((4, 2)).tolist(), np.int64(2)
    accounts = opened(listed, n, overnight_returns=listed, cvar=listed, uncertainty=listed)
    accounts.reset([1, 2])  # type: ignore[arg-type]
    assert accounts.step([[0.5, 0.5], [0.1, 0.1]]).value.tolist() == [1.0, 1.0]  # type: ignore[arg-type]
    assert replayed(listed, listed, overnight_returns=listed, cvar=listed).value.tolist() == [1.0] * 4


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_nothing_opens_after_a_total_loss_overnight(engine: str) -> None:
    overnight = np.array([[0.0], [-1.0]])
    with pytest.raises(DataError, match=r"overnight go down to -1: must be above -1"):
        simulate(np.zeros((2, 1)), np.zeros((2, 1)), execution="next_open", overnight_returns=overnight, engine=engine)


def test_one_action_too_many_is_refused() -> None:
    env = PortfolioEnv(TASK)
    with pytest.raises(DataError, match=r"none has begun. Call reset"):
        env.step(env.action_space.sample())
    env.reset()
    while not any(env.step(np.zeros(N_ACTIONS))[2:4]):
        pass
    with pytest.raises(DataError, match=r"the episode is over.* Call reset"):
        env.step(np.zeros(N_ACTIONS))
    env.reset()
    env.step(np.zeros(N_ACTIONS))


@pytest.mark.parametrize("start", [np.nan, 1.5, "2", True, -1, 10**6])
def test_an_episode_starts_at_a_bar(start: Any) -> None:
    with pytest.raises(RlxError, match="start"):
        PortfolioEnv(TASK).reset(options={"start": start})
