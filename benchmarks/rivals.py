"""Alternatives to the simulator, each behind the same small interface for ``benchmarks/simulator.py``.

``replay_rivals()`` and ``stepping_rivals()`` return those that import here, ``skipped()`` one line for each of the
others. ``prepare`` converts inputs and builds environments outside the timed work; what it returns does only what the
rival itself has to do, through its public interface and in the fastest way found. No rival is imported before it is
asked for. Warnings and prints of the rivals are silenced here and nowhere else.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from rlx.sim import Costs, Limits, simulate

EXTRA = "uv sync --extra bench"
# It cannot be in the extra with gym-trading-env, which pins ccxt==3.0.59 while torchtrade needs ccxt>=4.
TORCHTRADE = "uv run --extra bench --with torchtrade python benchmarks/simulator.py"
PATHS_AT_ONCE = 8  # vectorbt is fastest on 4 to 16 portfolios at a time: all 256 take half as long again and 7 GB
FEE_BPS = 10.0
FEATURES = 8
EPISODE = 2400  # steps of one environment in one timed call
BATCHED_STEPS = 50  # the same for a batched environment


@dataclass(frozen=True)
class Rival:
    """One alternative: its names, what it does and does not simulate, and how to set it up.

    ``prepare`` of a replayer takes returns (T, A) or (B, T, A), targets (B, T, A) and the cost in bps, and returns a
    function that replays them all and returns the final values (B,), 1 at the start. ``prepare`` of a stepping rival
    takes nothing and returns a function that takes ``steps`` account steps and returns the final values, and ``steps``.
    """

    name: str
    package: str
    module: str
    install: str
    does: str
    prepare: Callable[..., Any]

    @property
    def version(self) -> str:
        """The installed version."""
        return version(self.package)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence a rival, and undo gym-trading-env's import, which turns every later warning into an error."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def imported(module: str) -> Any:
    """Import a module of a rival, quietly."""
    with quiet():
        return import_module(module)


@cache
def missing(module: str) -> str:
    """Return why a module cannot be imported, or nothing when it can."""
    try:
        imported(module)
    except ImportError as error:
        return str(error)
    return ""


def replay_rivals() -> list[Rival]:
    """Return the installed rivals that replay target weights."""
    return [rival for rival in REPLAYERS if not missing(rival.module)]


def stepping_rivals() -> list[Rival]:
    """Return the installed environments."""
    return [rival for rival in STEPPERS if not missing(rival.module)]


def skipped() -> list[str]:
    """Return a line for every missing package: its name, the reason, and how to install it."""
    packages = {rival.package: rival for rival in (*REPLAYERS, *STEPPERS)}
    absent = [(rival, missing(rival.module)) for rival in packages.values()]
    return [f"{rival.package}: skipped, {why}. To measure it: {rival.install}" for rival, why in absent if why]


def _side_by_side(paths: np.ndarray) -> np.ndarray:
    """Concatenate the assets of all paths: (B, T, A) becomes (T, B x A)."""
    return np.ascontiguousarray(paths.transpose(1, 0, 2)).reshape(paths.shape[1], -1)


def _prices(returns: np.ndarray) -> np.ndarray:
    """Return (T + 1, A) prices from (T, A) returns, 100 before the first."""
    return 100.0 * np.vstack([np.ones(returns.shape[1]), np.cumprod(1.0 + returns, axis=0)])


def _vectorbt_frames(returns: np.ndarray, targets: np.ndarray) -> list[tuple[Any, Any]]:
    """Return closes and orders of every portion of the paths as DataFrames with a column for each path and asset.

    The orders of step t are at the price before it; the last row has no orders and only values the portfolio.
    """
    import pandas as pd

    frames, closes = [], None
    for first in range(0, len(targets), PATHS_AT_ONCE):
        orders = _side_by_side(targets[first : first + PATHS_AT_ONCE])
        n_paths = orders.shape[1] // targets.shape[2]
        columns = pd.MultiIndex.from_product([range(n_paths), range(targets.shape[2])], names=["path", "asset"])
        if closes is None or returns.ndim == 3 or closes.shape[1] != len(columns):
            own = returns[first : first + PATHS_AT_ONCE] if returns.ndim == 3 else np.stack([returns] * n_paths)
            closes = pd.DataFrame(_prices(_side_by_side(own)), columns=columns)
        orders = np.vstack([orders, np.full(len(columns), np.nan)])
        frames.append((closes, pd.DataFrame(orders, columns=columns)))
    return frames


def prepare_vectorbt(
    returns: np.ndarray, targets: np.ndarray, cost_bps: float, *, engine: str
) -> Callable[[], np.ndarray]:
    """Set up replays by ``Portfolio.from_orders``: target percentages, shared cash, sales before purchases.

    The work includes ``value()``, more than half of the time of one path: the simulation alone leaves only a list of
    orders, and a replay's result is its value path.
    """
    vbt = imported("vectorbt")
    frames = _vectorbt_frames(returns, targets)
    settings = {
        "size_type": "targetpercent",
        "fees": cost_bps * 1e-4,
        "group_by": "path",
        "cash_sharing": True,
        "call_seq": "auto",
        "init_cash": 1e6,
        "fillna_close": False,  # no price is missing: saves a pass over them
        "engine": engine,
    }

    def replay() -> np.ndarray:
        values = [vbt.Portfolio.from_orders(close, size, **settings).value().to_numpy() for close, size in frames]
        return np.concatenate([np.atleast_1d(path[-1]) for path in values]) / settings["init_cash"]

    return replay


def long_only_market(steps: int, assets: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (T, A) returns and targets of a long-only portfolio: the weights sum to at most 0.95."""
    rng = np.random.default_rng(0)
    targets = rng.dirichlet(np.full(assets, 0.5), steps) * rng.uniform(0.3, 0.95, (steps, 1))
    return rng.normal(0.0004, 0.015, (steps, assets)), targets


def vectorbt_gap(cost_bps: float = FEE_BPS, steps: int = 2500, assets: int = 30) -> float:
    """Return the relative difference of vectorbt's final value from ours at the same cost.

    Without costs the two agree to rounding (vectorbt sums up tens of thousands of orders to track its positions). With
    costs they mean different things by a target weight: vectorbt buys the share of the equity before the fees, the
    simulator of what is left after them. So vectorbt holds more by a part of cost times turnover, which earns that much
    more of the step's return and costs that much more to trade. A loop over shares says so exactly in the tests.
    """
    returns, targets = long_only_market(steps, assets)
    limits = Limits(intraday_gross=None, closing_gross=None)
    ours = simulate(returns, targets, costs=Costs(commission_bps=cost_bps), limits=limits).value[-1]
    theirs = prepare_vectorbt(returns, targets[None], cost_bps, engine="numba")()[0]
    return abs(float(theirs / ours) - 1.0)


def _bars(steps: int) -> tuple[Any, list[int]]:
    """Return a random price series as hourly bars with features, and the position, 0 or 1, to take at each."""
    import pandas as pd

    rng = np.random.default_rng(0)
    close = 100.0 * np.cumprod(1.0 + rng.normal(0.0004, 0.015, steps))
    stamps = pd.date_range("2020-01-01", periods=steps, freq="h")
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": 1.0}, index=stamps)
    for k in range(FEATURES):
        bars[f"features_{k}"] = rng.normal(size=steps)
    return bars, rng.integers(0, 2, steps).tolist()


def _episode(env: Any, actions: list[int], value: str) -> Callable[[], float]:
    """Return the loop every Gymnasium user writes, ending with a value out of ``info``."""

    def run() -> float:
        env.reset()
        info = {}
        for action in actions:
            info = env.step(action)[4]
        return float(info[value])

    return run


def prepare_anytrading() -> tuple[Callable[[], float], int]:
    """Set up StocksEnv on its own: ``gymnasium.make`` would add wrappers, which cost it speed."""
    envs = imported("gym_anytrading.envs")
    bars, actions = _bars(EPISODE + 10)
    env = envs.StocksEnv(df=bars.rename(columns={"close": "Close"}), window_size=1, frame_bound=(1, len(bars)))
    return _episode(env, actions[:EPISODE], "total_profit"), EPISODE


def prepare_trading_env() -> tuple[Callable[[], float], int]:
    """Set up TradingEnv in or out of the asset, with our fee and as many features as our environments observe."""
    environments = imported("gym_trading_env.environments")
    bars, actions = _bars(EPISODE + 10)
    env = environments.TradingEnv(
        df=bars, positions=[0, 1], trading_fees=FEE_BPS * 1e-4, initial_position=0, portfolio_initial_value=1, verbose=0
    )
    return _episode(env, actions[:EPISODE], "portfolio_valuation"), EPISODE


def torchtrade_env(bars: Any, accounts: int, **settings: Any) -> Any:
    """Return torchtrade's vectorised environment over ``bars``, whose columns ``features_*`` are observed."""
    offline = imported("torchtrade.envs.offline")
    features = bars.filter(like="features_")

    def process(resampled: Any) -> Any:
        return resampled.join(features).rename_axis("timestamp").reset_index()

    config = offline.VectorizedSequentialTradingEnvConfig(
        num_envs=accounts, time_frames="1Hour", window_sizes=1, random_start=False, **settings
    )
    market = bars.filter(regex="^[^f]").rename_axis("timestamp").reset_index()
    return offline.VectorizedSequentialTradingEnv(market, config, feature_preprocessing_fn=process)


def prepare_torchtrade(accounts: int) -> tuple[Callable[[], np.ndarray], int]:
    """Set up the vectorised environment, stepped without torchrl's ``rollout``, which is slower."""
    import torch

    with quiet():
        env = torchtrade_env(_bars(500)[0], accounts, transaction_fee=FEE_BPS * 1e-4, action_levels=[0, 1])
    actions = torch.randint(0, 2, (BATCHED_STEPS, accounts), generator=torch.Generator().manual_seed(0))

    def run() -> np.ndarray:
        data, growth = env.reset(), torch.zeros(accounts, 1)
        for action in actions:
            data["action"] = action
            data = env.step(data)["next"]
            growth += data["reward"]  # the log return of the step
        return growth.exp().numpy()[:, 0]

    return run, BATCHED_STEPS * accounts


_VECTORBT = (
    "any number of assets, long and short, shares one cash account; charges the fee it is given, on targets taken as "
    "shares of the equity before fees; no leverage limits, guards or financing"
)
REPLAYERS = [
    Rival("vectorbt", "vectorbt", "vectorbt", EXTRA, _VECTORBT, partial(prepare_vectorbt, engine="numba")),
    Rival(
        "vectorbt-rust", "vectorbt-rust", "vectorbt_rust", EXTRA, _VECTORBT, partial(prepare_vectorbt, engine="rust")
    ),
]
_ANYTRADING = (
    "one asset, all in or out: its 'short' is cash; takes fixed fees (0.5% to buy, 1% to sell) from total_profit "
    "and none from the reward"
)
_TRADING_ENV = (
    "one asset at listed fractions, traded only when the fraction changes; charges the fee it is given, but none for "
    "the position an episode starts with, and one step's interest however long money or shares are borrowed"
)
_TORCHTRADE = (
    "one asset at listed fractions, {accounts:,} accounts at once; charges the fee it is given; futures with leverage "
    "and liquidation; no portfolios"
)
STEPPERS = [
    Rival("gym-anytrading", "gym-anytrading", "gym_anytrading", EXTRA, _ANYTRADING, prepare_anytrading),
    Rival("gym-trading-env", "gym-trading-env", "gym_trading_env", EXTRA, _TRADING_ENV, prepare_trading_env),
] + [
    Rival(
        f"torchtrade x {accounts:,}",
        "torchtrade",
        "torchtrade",
        TORCHTRADE,
        _TORCHTRADE.format(accounts=accounts),
        partial(prepare_torchtrade, accounts),
    )
    for accounts in (256, 4096, 16384)
]
