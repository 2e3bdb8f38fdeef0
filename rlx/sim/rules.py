"""The rules of trading as value objects: both the simulator's arguments and the configuration schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, NamedTuple

from rlx.errors import ConfigError
from rlx.ranges import Number, Whole, check, check_fields
from rlx.types import Accounting, Execution
from rlx.untrusted.shown import as_typed

Bps = Annotated[float, Number(0, 10_000)]
Rate = Annotated[float, Number(0, 10)]
Gross = Annotated[float | None, Number(0, 100)]
Weight = Annotated[float, Number(0, 1)]
Penalty = Annotated[float, Number(0, 100)]
Steps = Whole(1, 10_000)
MOST_BPS = 5_000.0  # per side, in total: half of the traded value


@dataclass(frozen=True)
class Costs:
    """Proportional trading costs and financing rates; ``Costs()`` is free, a command charges 5 bps per side.

    The three ``*_bps`` are summed and charged per side on traded value. ``per_asset_bps`` replaces the sum: a
    mapping by symbol (configuration) or a sequence of A total bps (``simulate``). The ``*_annual`` are yearly rates.
    """

    commission_bps: Bps = 0.0
    half_spread_bps: Bps = 0.0
    slippage_bps: Bps = 0.0
    per_asset_bps: Any = None
    margin_annual: Rate = 0.0
    short_borrow_annual: Rate = 0.0

    def __post_init__(self) -> None:
        check_fields(self, "costs")
        for name, bps in _items(self.per_asset_bps):
            check(f"costs.per_asset_bps[{as_typed(name)}]", bps, Number(0, 10_000))
        if self.total_bps > MOST_BPS:
            raise ConfigError(
                f"costs.commission_bps + half_spread_bps + slippage_bps = {self.total_bps:g}: must be between 0 and "
                f"{MOST_BPS:g} a side."
            )

    @property
    def total_bps(self) -> float:
        """Cost per side on traded value for an asset without an override, in basis points."""
        return self.commission_bps + self.half_spread_bps + self.slippage_bps


def _items(per_asset_bps: Any) -> list[tuple[Any, Any]]:
    if per_asset_bps is None:
        return []
    if isinstance(per_asset_bps, Mapping):
        return list(per_asset_bps.items())
    if not isinstance(per_asset_bps, Iterable) or isinstance(per_asset_bps, (str, bytes)):
        raise ConfigError(
            f"costs.per_asset_bps={as_typed(per_asset_bps)}: must be a mapping by symbol, or one number per asset."
        )
    return list(enumerate(per_asset_bps))


@dataclass(frozen=True)
class Limits:
    """Bounds on the weights an account may hold, as fractions of equity; None switches a bound off.

    ``Limits()`` lets an account go short, within a gross exposure of 1; a command is long-only. ``max_weight`` bounds
    one asset's absolute weight, ``intraday_gross`` the sum of absolute executed weights and ``closing_gross`` the sum
    carried out of a step. Gross above ``base_gross`` pays ``Costs.margin_annual``.
    """

    long_only: bool = False
    max_weight: Gross = None
    intraday_gross: Gross = 1.0
    closing_gross: Gross = 1.0
    base_gross: Annotated[float, Number(0, 100)] = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.long_only, bool):
            raise ConfigError(f"limits.long_only={self.long_only!r}: must be true or false.")
        check_fields(self, "limits")


class GuardRule(NamedTuple):
    """One of the guards of ``Guard``: what it is called in keys, ledgers, files and pictures, and what it acts on.

    ``sets`` is the ledger quantity that it changes when it fires. It fires at its threshold and above, or
    ``fires_below``. One that ``sees_trade`` looks at the trade that the step would make, which follows the night where
    trades are at the open; one that ``needs_cooldown`` has no effect without a cooldown.
    """

    name: str
    label: str
    sets: str
    fires_below: bool = False
    sees_trade: bool = False
    needs_cooldown: bool = False

    @property
    def threshold(self) -> str:
        """The field of ``Guard`` that switches it on."""
        return f"{self.name}_threshold"

    @property
    def flag(self) -> str:
        """The ledger quantity that says on which steps it fired."""
        return f"{self.name}_guard"

    @property
    def hit_rate(self) -> str:
        """The name of the share of steps on which it fired."""
        return f"{self.name}_hit_rate"

    def is_on(self, threshold: float | None, cooldown_steps: int | None) -> bool:
        """Return whether it can fire at all."""
        return threshold is not None and (not self.needs_cooldown or cooldown_steps is not None)


DRAWDOWN = GuardRule("drawdown", "drawdown", "leverage_scale")
NEGATIVE_RETURN = GuardRule("negative_return", "negative return", "turnover_penalty", fires_below=True)
TURNOVER = GuardRule("turnover", "turnover", "probe_weight", sees_trade=True, needs_cooldown=True)
GUARDS = (DRAWDOWN, NEGATIVE_RETURN, TURNOVER)


@dataclass(frozen=True)
class Guard:
    """Regime guards; a threshold of None switches that guard off, and a guard only ever lowers risk."""

    drawdown_threshold: Annotated[float | None, Number(0, 1)] = None
    leverage_scale: Annotated[float, Number(0, 1)] = 0.5
    window: Annotated[int, Steps] = 42
    negative_return_threshold: Annotated[float | None, Number(-1, 1)] = None
    negative_return_turnover_penalty: Penalty = 0.0075
    turnover_threshold: Annotated[float | None, Number(0, 200)] = None
    turnover_probe_weight: Weight = 0.002

    def __post_init__(self) -> None:
        check_fields(self, "guard")

    @property
    def enabled(self) -> bool:
        """Whether any of the guards has a threshold."""
        return any(getattr(self, rule.threshold) is not None for rule in GUARDS)


@dataclass(frozen=True)
class Cooldown:
    """Loss shutdown: an asset/direction that just lost is limited to ``probe_weight`` for ``steps``; None is off.

    The clip applies where the absolute weight exceeds ``min_position``; a net return within ``tolerance`` of zero
    neither starts nor ends a cooldown; ``penalty`` scales the reward term on positions still held in cooldown, those
    above ``min_position``.
    """

    steps: Annotated[int | None, Steps] = None
    probe_weight: Weight = 0.05
    penalty: Penalty = 0.0
    min_position: Weight = 1e-4
    tolerance: Annotated[float, Number(0, 1)] = 1e-5

    def __post_init__(self) -> None:
        check_fields(self, "cooldown")

    @property
    def enabled(self) -> bool:
        """Whether losses start a cooldown."""
        return self.steps is not None


@dataclass(frozen=True)
class Reward:
    """Weights of the penalties subtracted from log(1 + net return)."""

    turnover_penalty: Penalty = 0.0
    drawdown_penalty: Penalty = 0.0
    cvar_penalty: Penalty = 0.0
    uncertainty_penalty: Penalty = 0.0

    def __post_init__(self) -> None:
        check_fields(self, "reward")


@dataclass(frozen=True)
class Rules:
    """Everything that determines the return of a target weight, as one value to compare, hash and pass around."""

    costs: Costs = field(default_factory=Costs)
    limits: Limits = field(default_factory=Limits)
    guard: Guard = field(default_factory=Guard)
    cooldown: Cooldown = field(default_factory=Cooldown)
    reward: Reward = field(default_factory=Reward)
    accounting: Accounting = Accounting.exact
    execution: Execution = Execution.close
    drift: bool = True

    def __post_init__(self) -> None:
        kinds = {"costs": Costs, "limits": Limits, "guard": Guard, "cooldown": Cooldown, "reward": Reward}
        for name, kind in kinds.items():
            if not isinstance(value := getattr(self, name), kind):
                raise ConfigError(f"{name}={as_typed(value)}: must be a rlx.sim.{kind.__name__}.")
        if not isinstance(self.drift, bool):
            raise ConfigError(f"drift={as_typed(self.drift)}: must be true or false.")

    def is_on(self, rule: GuardRule) -> bool:
        """Return whether one of the guards can fire at all."""
        return rule.is_on(getattr(self.guard, rule.threshold), self.cooldown.steps)

    def among(self, symbols: Sequence[str], chosen: Sequence[str]) -> Rules:
        """Return the rules for a market with only the ``chosen`` ones of ``symbols``."""
        costs = self.costs
        overrides = costs.per_asset_bps
        if isinstance(overrides, Mapping):
            kept: Any = {symbol: bps for symbol, bps in overrides.items() if symbol in chosen} or None
        elif overrides is not None:
            kept = [list(overrides)[list(symbols).index(symbol)] for symbol in chosen]
        else:
            kept = None
        return replace(self, costs=replace(costs, per_asset_bps=kept))
