"""The rules of trading as value objects: the simulator's arguments and the configuration schema at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rlx.errors import ConfigError
from rlx.types import Accounting, Execution


def _number(owner: str, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigError(f"{owner}.{name}={value!r}: must be a finite number.")
    return float(value)


def _within(rules: Any, owner: str, names: Sequence[str], low: float, high: float = math.inf) -> None:
    """Refuse any of ``names`` outside [low, high]; None means off and passes."""
    for name in names:
        value = getattr(rules, name)
        if value is None:
            continue
        if not low <= _number(owner, name, value) <= high:
            allowed = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
            raise ConfigError(f"{owner}.{name}={value}: must be {allowed}.")


@dataclass(frozen=True)
class Costs:
    """Proportional trading costs and financing rates.

    The three ``*_bps`` are summed and charged per side on traded value. ``per_asset_bps`` replaces the sum: a
    mapping by symbol (configuration) or a sequence of A total bps (``simulate``). The ``*_annual`` are yearly rates.
    """

    commission_bps: float = 0.0
    half_spread_bps: float = 0.0
    slippage_bps: float = 0.0
    per_asset_bps: Any = None
    margin_annual: float = 0.0
    short_borrow_annual: float = 0.0

    def __post_init__(self) -> None:
        _within(self, "costs", ("commission_bps", "half_spread_bps", "slippage_bps"), 0.0, 10_000.0)
        _within(self, "costs", ("margin_annual", "short_borrow_annual"), 0.0)
        for name, bps in _items(self.per_asset_bps):
            if not 0.0 <= _number("costs", f"per_asset_bps[{name}]", bps) <= 10_000.0:
                raise ConfigError(f"costs.per_asset_bps[{name}]={bps}: must be between 0 and 10000.")
        if self.total_bps > 5_000.0:
            raise ConfigError(f"costs: commission, half spread and slippage add up to {self.total_bps:g} bps a side.")

    @property
    def total_bps(self) -> float:
        """Cost per side on traded value for an asset without an override, in basis points."""
        return self.commission_bps + self.half_spread_bps + self.slippage_bps


def _items(per_asset_bps: Any) -> list[tuple[Any, Any]]:
    if per_asset_bps is None:
        return []
    if isinstance(per_asset_bps, Mapping):
        return list(per_asset_bps.items())
    if isinstance(per_asset_bps, (str, int, float)):
        raise ConfigError(f"costs.per_asset_bps={per_asset_bps!r}: give a mapping by symbol or one number an asset.")
    return list(enumerate(per_asset_bps))


@dataclass(frozen=True)
class Limits:
    """Bounds on the weights an account may hold, as fractions of equity; None switches a bound off.

    ``max_weight`` bounds one asset's absolute weight, ``intraday_gross`` the sum of absolute executed weights and
    ``closing_gross`` the sum carried out of a step. Gross above ``base_gross`` pays ``Costs.margin_annual``.
    """

    long_only: bool = False
    max_weight: float | None = None
    intraday_gross: float | None = 1.0
    closing_gross: float | None = 1.0
    base_gross: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.long_only, bool):
            raise ConfigError(f"limits.long_only={self.long_only!r}: must be true or false.")
        _within(self, "limits", ("max_weight", "intraday_gross", "closing_gross", "base_gross"), 0.0)


@dataclass(frozen=True)
class Guard:
    """Regime guards; a threshold of None switches that guard off, and a guard only ever lowers risk."""

    drawdown_threshold: float | None = None
    leverage_scale: float = 0.5
    window: int = 42
    negative_return_threshold: float | None = None
    negative_return_turnover_penalty: float = 0.0075
    turnover_threshold: float | None = None
    turnover_probe_weight: float = 0.002

    def __post_init__(self) -> None:
        _within(self, "guard", ("drawdown_threshold", "leverage_scale"), 0.0, 1.0)
        _within(self, "guard", ("negative_return_threshold",), -1.0, 1.0)
        _within(self, "guard", ("negative_return_turnover_penalty", "turnover_threshold", "turnover_probe_weight"), 0.0)
        if isinstance(self.window, bool) or not isinstance(self.window, int) or self.window < 1:
            raise ConfigError(f"guard.window={self.window!r}: must be a whole number of steps, at least 1.")

    @property
    def enabled(self) -> bool:
        """Whether any of the three guards is on."""
        thresholds = (self.drawdown_threshold, self.negative_return_threshold, self.turnover_threshold)
        return any(threshold is not None for threshold in thresholds)


@dataclass(frozen=True)
class Cooldown:
    """Loss shutdown: an asset/direction that just lost is held to ``probe_weight`` for ``steps``; None is off.

    The clip applies where the absolute weight exceeds ``min_position``; a net return within ``tolerance`` of zero
    neither starts nor ends a cooldown; ``penalty`` scales the reward term on positions still held in cooldown, those
    above ``min_position``.
    """

    steps: int | None = None
    probe_weight: float = 0.05
    penalty: float = 0.0
    min_position: float = 1e-4
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        if self.steps is not None and (isinstance(self.steps, bool) or not isinstance(self.steps, int)):
            raise ConfigError(f"cooldown.steps={self.steps!r}: must be a whole number of steps, or null for off.")
        _within(self, "cooldown", ("steps",), 1)
        _within(self, "cooldown", ("probe_weight", "penalty", "min_position", "tolerance"), 0.0)

    @property
    def enabled(self) -> bool:
        """Whether losses start a cooldown."""
        return self.steps is not None


@dataclass(frozen=True)
class Reward:
    """Weights of the penalties subtracted from log(1 + net return)."""

    turnover_penalty: float = 0.0
    drawdown_penalty: float = 0.0
    cvar_penalty: float = 0.0
    uncertainty_penalty: float = 0.0

    def __post_init__(self) -> None:
        _within(self, "reward", ("turnover_penalty", "drawdown_penalty", "cvar_penalty", "uncertainty_penalty"), 0.0)


@dataclass(frozen=True)
class Rules:
    """Everything that decides what a target weight earns: one value compared, hashed into keys and passed around."""

    costs: Costs = field(default_factory=Costs)
    limits: Limits = field(default_factory=Limits)
    guard: Guard = field(default_factory=Guard)
    cooldown: Cooldown = field(default_factory=Cooldown)
    reward: Reward = field(default_factory=Reward)
    accounting: Accounting = Accounting.exact
    execution: Execution = Execution.close
    drift: bool = True

    def among(self, symbols: Sequence[str], chosen: Sequence[str]) -> Rules:
        """Return the rules for a market of the ``chosen`` ones of ``symbols`` alone."""
        costs = self.costs
        overrides = costs.per_asset_bps
        if isinstance(overrides, Mapping):
            kept: Any = {symbol: bps for symbol, bps in overrides.items() if symbol in chosen} or None
        elif overrides is not None:
            kept = [list(overrides)[list(symbols).index(symbol)] for symbol in chosen]
        else:
            kept = None
        return replace(self, costs=replace(costs, per_asset_bps=kept))
