"""The ``policy=`` configuration group: schemas with defaults, no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from rlx.backtest.plan import MONEY, ReplaySettings
from rlx.errors import ConfigError
from rlx.ranges import FilePath, Number, OneOf, Whole, check_fields

Covariance = Annotated[int, Whole(3, 100_000)]
"""Two returns are mirror images around their mean: nothing tells how far to shrink their covariance."""

BETWEEN = ("hold", "rebalance")
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

    lookback_steps: Annotated[int, Whole(2, 100_000)] = 252
    rebalance_steps: Annotated[int, Whole(1, 100_000)] = 21

    def __post_init__(self) -> None:
        check_fields(self, "policy")


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
    top_k: Annotated[int, Whole(1, 10_000)] = 3


@dataclass
class MinimumVarianceConfig(RebalancedConfig):
    """The long-only weights of the smallest variance."""

    _target_: str = "rlx.policies.optimal.MinimumVariance"
    lookback_steps: Covariance = 252


@dataclass
class KellyConfig(RebalancedConfig):
    """The long-only weights of the fastest expected growth, none above ``cap`` when they are estimated."""

    _target_: str = "rlx.policies.optimal.Kelly"
    lookback_steps: Covariance = 252
    cap: Annotated[float, Number(1e-6, 1)] = 0.25


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
    path: Annotated[str, FilePath()] = MISSING
    between: Annotated[str, OneOf(BETWEEN)] = "hold"

    def __post_init__(self) -> None:
        check_fields(self, "policy")


@dataclass
class ProductionConfig(PolicyConfig):
    """Replay and summarise what a production system did.

    ``trades`` is its trade history (JSON) and ``log`` its log; at least one is needed. ``initial_value`` is the
    account's value in its currency before the first trade, needed where the log has none. ``log_value`` says what
    ``value=`` in the log is: ``exposure``, the gross value of the open positions, or ``equity``, the account's value.
    """

    _target_: str = "rlx.policies.production.policy.ProductionRecord"
    trades: Annotated[str | None, FilePath()] = None
    log: Annotated[str | None, FilePath()] = None
    initial_value: Annotated[float | None, MONEY] = None
    log_value: Annotated[str, OneOf(tuple(LogValue))] = LogValue.exposure.value

    def __post_init__(self) -> None:
        check_fields(self, "policy")
        if not self.trades and not self.log:
            raise ConfigError(
                "policy.trades, policy.log: at least one must be given, for example policy.trades=trade_history.json."
            )


@dataclass
class PlanConfig(PolicyConfig):
    """Replay trading plans, a JSON file or a folder of them, order by order on daily bars; see docs/plans.md.

    ``fee_bps`` is charged a side on traded value, None takes the costs of the configuration. ``probe_quantity`` and
    ``profit_shutdown_days`` are overlays; ``monte_carlo_paths`` replays on bootstrapped days. None switches each off.
    """

    _target_: str = "rlx.policies.plan.PlanReplay"
    path: Annotated[str, FilePath()] = MISSING
    strategy: str = "base"
    both_touch: str = "pessimistic"
    initial_cash: Annotated[float, MONEY] = 100_000.0
    fee_bps: Annotated[float | None, Number(0, 5_000)] = None
    probe_quantity: float | None = None
    profit_shutdown_days: int | None = None
    monte_carlo_paths: Annotated[int | None, Whole(1, 100_000)] = 1000
    monte_carlo_block_days: Annotated[int, Whole(1, 10_000)] = 5
    seed: Annotated[int, Whole(0, 2**32 - 1)] = 0

    def __post_init__(self) -> None:
        ReplaySettings(
            self.strategy, self.both_touch, self.initial_cash, self.probe_quantity, self.profit_shutdown_days
        )
        check_fields(self, "policy")


@dataclass
class CheckpointConfig(PolicyConfig):
    """Act with a trained policy; ``path`` is a run folder or its ``policy/`` folder."""

    _target_: str = "rlx.policies.checkpoint.load_checkpoint"
    path: Annotated[str, FilePath()] = MISSING

    def __post_init__(self) -> None:
        check_fields(self, "policy")
