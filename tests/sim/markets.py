"""Random markets, targets and rules for tests that hold laws over all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from rlx.sim import Cooldown, Costs, Guard, Limits, Reward


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


costs = st.builds(
    Costs,
    commission_bps=st.floats(0, 60),
    half_spread_bps=st.floats(0, 20),
    slippage_bps=st.floats(0, 20),
    margin_annual=st.floats(0, 0.3),
    short_borrow_annual=st.floats(0, 0.3),
)
limits = st.builds(
    Limits,
    long_only=st.booleans(),
    max_weight=_maybe(st.floats(0.05, 1.0)),
    intraday_gross=_maybe(st.floats(0.5, 2.0)),
    closing_gross=_maybe(st.floats(0.3, 1.5)),
    base_gross=st.floats(0.5, 1.0),
)
guards = st.builds(
    Guard,
    drawdown_threshold=_maybe(st.floats(0.001, 0.2)),
    leverage_scale=st.floats(0.0, 1.0),
    window=st.integers(1, 12),
    negative_return_threshold=_maybe(st.floats(-0.1, 0.01)),
    negative_return_turnover_penalty=st.floats(0, 0.02),
    turnover_threshold=_maybe(st.floats(0.05, 1.0)),
    turnover_probe_weight=st.floats(0, 0.1),
)
cooldowns = st.builds(
    Cooldown,
    steps=st.integers(1, 8),
    probe_weight=st.floats(0, 0.2),
    penalty=st.floats(0, 1.0),
    min_position=st.floats(0, 0.01),
    tolerance=st.floats(0, 1e-3),
)
rewards = st.builds(
    Reward,
    turnover_penalty=st.floats(0, 0.02),
    drawdown_penalty=st.floats(0, 0.5),
    cvar_penalty=st.floats(0, 0.5),
    uncertainty_penalty=st.floats(0, 0.5),
)


def market(seed: int, batch: int = 2, steps: int = 40, assets: int = 4, volatility: float = 0.03) -> Any:
    """Return (returns, targets, overnight returns), each (batch, steps, assets) float64."""
    rng = np.random.default_rng(seed)
    returns = np.maximum(rng.normal(0.0, volatility, (batch, steps, assets)), -0.95)
    targets = rng.normal(0.1, 0.4, (batch, steps, assets))
    overnight = (1.0 + returns) ** rng.uniform(0.0, 1.0, returns.shape) - 1.0
    return returns, targets, overnight


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """Draw keyword arguments for ``simulate``: a random market under random rules."""
    returns, targets, overnight = market(
        draw(st.integers(0, 2**32 - 1)), volatility=draw(st.sampled_from([0.01, 0.05, 0.3]))
    )
    execution = draw(st.sampled_from(["close", "next_open"]))
    return {
        "returns": returns,
        "targets": targets,
        "costs": draw(costs),
        "limits": draw(limits),
        "guard": draw(_maybe(guards)),
        "cooldown": draw(_maybe(cooldowns)),
        "reward": draw(rewards),
        "accounting": draw(st.sampled_from(["exact", "additive"])),
        "drift": draw(st.booleans()),
        "execution": execution,
        "overnight_returns": overnight if execution == "next_open" else None,
        "asset_classes": draw(_maybe(st.lists(st.sampled_from(["equity", "crypto"]), min_size=4, max_size=4))),
        "cvar": np.abs(returns),
        "uncertainty": np.abs(returns) / 2,
    }
