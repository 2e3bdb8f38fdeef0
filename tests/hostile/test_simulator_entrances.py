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
from rlx.sim.settings import make_settings
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
    settings = make_settings(Rules(), N_ASSETS, 252)
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
