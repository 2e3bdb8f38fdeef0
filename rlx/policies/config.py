"""The ``policy=`` configuration group: schemas with defaults, no heavy imports."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rlx.backtest.plan import ReplaySettings, check_choice, check_positive, is_number
from rlx.errors import ConfigError

MISSING = "???"  # OmegaConf's mark of a value the user has to give


class LogValue(StrEnum):
    """What the amount in a production log is: gross value of the open positions, or value of the account."""

    exposure = "exposure"
    equity = "equity"


@dataclass
class PolicyConfig:
    """What every policy option has: the object it builds."""

    _target_: str = MISSING


@dataclass
class CashConfig(PolicyConfig):
    """Hold nothing."""

    _target_: str = "rlx.policies.baselines.Cash"


@dataclass
class EqualWeightConfig(PolicyConfig):
    """Rebalance to equal weights at every step."""

    _target_: str = "rlx.policies.baselines.EqualWeight"


@dataclass
class BuyAndHoldConfig(PolicyConfig):
    """Buy equal weights once and let them drift."""

    _target_: str = "rlx.policies.baselines.BuyAndHold"


@dataclass
class RebalancedConfig(PolicyConfig):
    """What every policy has that estimates its weights from past closes.

    Every ``rebalance_steps`` bars it estimates them anew from the returns of the last ``lookback_steps``.
    """

    lookback_steps: int = 252
    rebalance_steps: int = 21

    def __post_init__(self) -> None:
        check_whole("lookback_steps", self.lookback_steps, 2)
        check_whole("rebalance_steps", self.rebalance_steps, 1)


@dataclass
class InverseVolatilityConfig(RebalancedConfig):
    """Weights proportional to 1/volatility."""

    _target_: str = "rlx.policies.trailing.InverseVolatility"
    lookback_steps: int = 63


@dataclass
class MomentumConfig(RebalancedConfig):
    """Equal weights in the ``top_k`` assets that rose most."""

    _target_: str = "rlx.policies.trailing.Momentum"
    lookback_steps: int = 126
    top_k: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("top_k", self.top_k, 1)


@dataclass
class MinimumVarianceConfig(RebalancedConfig):
    """The long-only weights of the smallest variance."""

    _target_: str = "rlx.policies.optimal.MinimumVariance"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("lookback_steps", self.lookback_steps, 3)


@dataclass
class KellyConfig(RebalancedConfig):
    """The long-only weights of the fastest expected growth, none above ``cap`` when they are estimated."""

    _target_: str = "rlx.policies.optimal.Kelly"
    cap: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("lookback_steps", self.lookback_steps, 3)
        check_fraction("cap", self.cap)


@dataclass
class HindsightConfig(PolicyConfig):
    """Hold the asset that turns out best: an oracle, no competitor."""

    _target_: str = "rlx.policies.hindsight.Hindsight"


@dataclass
class WeightsConfig(PolicyConfig):
    """Trade a CSV or Parquet file of target weights.

    ``between`` decides what happens on bars without a row: ``hold`` lets the last row's weights drift with prices,
    ``rebalance`` trades back to the last row at every bar.
    """

    _target_: str = "rlx.policies.weights_file.WeightsFile"
    path: str = MISSING
    between: str = "hold"


@dataclass
class ProductionConfig(PolicyConfig):
    """Replay and summarise what a production system did.

    ``trades`` is its trade history (JSON) and ``log`` its log; at least one is needed. ``initial_value`` is the
    account's value in its currency before the first trade, needed where the log has none. ``log_value`` says what
    ``value=`` in the log is: ``exposure``, the gross value of the open positions, or ``equity``, the account's value.
    """

    _target_: str = "rlx.policies.production.policy.ProductionRecord"
    trades: str | None = None
    log: str | None = None
    initial_value: float | None = None
    log_value: str = LogValue.exposure.value

    def __post_init__(self) -> None:
        check_record(self.trades, self.log, self.initial_value, self.log_value)


@dataclass
class PlanConfig(PolicyConfig):
    """Replay trading plans, a JSON file or a folder of them, order by order on daily bars; see docs/plans.md.

    ``fee_bps`` is charged a side on traded value, None takes the costs of the configuration. ``probe_quantity`` and
    ``profit_shutdown_days`` are overlays; ``monte_carlo_paths`` replays on bootstrapped days. None switches each off.
    """

    _target_: str = "rlx.policies.plan.PlanReplay"
    path: str = MISSING
    strategy: str = "base"
    both_touch: str = "pessimistic"
    initial_cash: float = 100_000.0
    fee_bps: float | None = None
    probe_quantity: float | None = None
    profit_shutdown_days: int | None = None
    monte_carlo_paths: int | None = 1000
    monte_carlo_block_days: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        ReplaySettings(
            self.strategy, self.both_touch, self.initial_cash, self.probe_quantity, self.profit_shutdown_days
        )
        check_fee_bps(self.fee_bps)
        if self.monte_carlo_paths is not None:
            check_whole("monte_carlo_paths", self.monte_carlo_paths, 1)
        check_whole("monte_carlo_block_days", self.monte_carlo_block_days, 1)
        check_whole("seed", self.seed, 0)


@dataclass
class CheckpointConfig(PolicyConfig):
    """Act with a trained policy; ``path`` is a run folder or its ``policy/`` folder."""

    _target_: str = "rlx.policies.checkpoint.load_checkpoint"
    path: str = MISSING


def check_whole(name: str, value: Any, low: int) -> None:
    """Raise ConfigError unless ``value`` of ``policy.name`` is a whole number, at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ConfigError(f"policy.{name}={value!r}: must be a whole number, at least {low}.")


def check_fraction(name: str, value: Any) -> None:
    """Raise ConfigError unless ``value`` of ``policy.name`` is a number above 0, at most 1."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not 0.0 < value <= 1.0:
        raise ConfigError(f"policy.{name}={value!r}: must be a number above 0, at most 1 (a fraction of equity).")


def check_record(trades: str | None, log: str | None, initial_value: float | None, log_value: str) -> None:
    """Raise ConfigError unless a record of production has a file, and its settings make sense."""
    check_choice("policy.log_value", log_value, LogValue)
    if not trades and not log:
        raise ConfigError(
            "policy.trades, policy.log: at least one must be given, for example policy.trades=trade_history.json."
        )
    if initial_value is not None:
        check_positive("policy.initial_value", initial_value, ", the account's value in its currency")


def check_fee_bps(value: Any) -> None:
    """Raise ConfigError unless ``value`` of ``policy.fee_bps`` is None or a number from 0 to 5000."""
    if value is not None and not (is_number(value) and 0.0 <= value <= 5_000.0):
        raise ConfigError(f"policy.fee_bps={value!r}: must be between 0 and 5000, or null for the costs of the run.")
