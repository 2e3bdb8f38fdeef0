"""Small markets and policies whose results can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.decisions.observation import Observation
from rlx.sim.rules import Cooldown, Costs, Guard, Limits, Rules

OPEN = Limits(intraday_gross=None, closing_gross=None)
FREE = Rules(limits=OPEN)
GUARDED = Rules(
    costs=Costs(commission_bps=7.0, margin_annual=0.05, short_borrow_annual=0.02),
    limits=Limits(intraday_gross=1.6, closing_gross=1.2),
    guard=Guard(0.02, 0.6, 5, -0.01, 0.0075, 0.4, 0.002),
    cooldown=Cooldown(steps=2),
)


def make_market(close: Any) -> Market:
    """Return a daily, close-only market with these closes (N, A)."""
    close = np.asarray(close, float)
    days = np.busday_offset("2020-01-06", np.arange(len(close)), roll="forward").astype("datetime64[ns]")
    return Market(MarketPanel(tuple(f"S{i}" for i in range(close.shape[1])), days, close, source="test market"))


def random_market(n_bars: int = 60, n_assets: int = 3, seed: int = 0, volatility: float = 0.02) -> Market:
    """Return a market of independent returns."""
    steps = np.random.default_rng(seed).normal(0.0005, volatility, (n_bars, n_assets))
    return make_market(100.0 * np.exp(np.cumsum(steps, axis=0)))


class Player:
    """Asks for what ``decide(observation)`` returns; keeps every observation it received."""

    name = "player"

    def __init__(self, decide: Any, features: tuple[str, ...] = (), window_steps: int = 1) -> None:
        self.decide, self.feature_names, self.window_steps = decide, features, window_steps
        self.seen: list[Observation] = []
        self.calls: list[str] = []

    def bind(self, market: Market) -> None:
        """Record the call."""
        self.calls.append("bind")

    def reset(self, batch: int) -> None:
        """Record the batch."""
        self.calls.append(f"reset {batch}")

    def act(self, observation: Observation) -> Any:
        """Return the decision."""
        self.seen.append(observation)
        return self.decide(observation)

    def describe(self) -> dict[str, Any]:
        """Return one fact."""
        return {"kind": "test"}


def state_dependent() -> Player:
    """Return a policy whose targets depend on features and on every part of the account's state."""

    def decide(o: Observation) -> Any:
        signal = np.tanh(40.0 * o.features[:, :, :, 0].astype(float).mean(axis=1))
        tilt = o.value + o.drawdown - o.trailing_return + 0.01 * o.step
        return 0.5 * signal * tilt[:, None] + 0.3 * o.weights - 0.01 * (o.cooldown_long > 0)

    return Player(decide, features=("return_1", "return_5"), window_steps=3)
