"""Options of the policies whose own modules have heavy imports, which every command would otherwise wait for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from rlx.backtest.plan import MONEY, BothTouch, ReplaySettings
from rlx.backtest.settings import NO_TUNING, ON_THE_PAST
from rlx.errors import ConfigError
from rlx.policies.base import MISSING, PolicyConfig
from rlx.ranges import FilePath, ListOf, Number, OneOf, Text, Whole, check_fields

BETWEEN = ("hold", "rebalance")


class LogValue(StrEnum):
    """The meaning of the amount in a production log: gross value of the open positions, or value of the account."""

    exposure = "exposure"
    equity = "equity"


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
    account's value in its currency before the first trade, needed where the log has none. ``log_value`` is the meaning
    of ``value=`` in the log: ``exposure``, the gross value of the open positions, or ``equity``, the account's value.
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

    ``fee_bps`` is charged per side on traded value, None uses the costs of the configuration. ``probe_quantity`` and
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
    """Act with a trained policy; ``path`` is a run folder or its ``policy/`` folder.

    ``ungated`` follows its network even where its gate is shut, which makes it another policy with another name.
    """

    reads_forecasts = True
    _target_: str = "rlx.policies.checkpoint.load_checkpoint"
    path: Annotated[str, FilePath()] = MISSING
    ungated: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "policy")


@dataclass
class RefittedConfig(PolicyConfig):
    """Act with the policies of a walk-forward with refits, at each bar with the latest; ``path`` is its run folder."""

    reads_forecasts = True
    _target_: str = "rlx.policies.refitted.load_refitted"
    path: Annotated[str, FilePath()] = MISSING

    def __post_init__(self) -> None:
        check_fields(self, "policy")


@dataclass
class StrategyConfig(PolicyConfig):
    """Trade the strategy on forecasts named ``strategy``, each symbol with 1/A of the account.

    The other options are those of ``rlx backtest``. ``both_touch`` is ``pessimistic`` or ``optimistic``.
    """

    reads_forecasts = True
    _target_: str = "rlx.policies.strategy.make_strategy"
    strategy: Annotated[str, Text(100)] = "simple"
    both_touch: Annotated[str, OneOf(tuple(BothTouch))] = BothTouch.pessimistic.value
    ci_multiplier: Annotated[float, Number(0, 1_000)] = 1.0
    pctdiff_target: Annotated[float, Number(0, 1)] = 0.02
    tune: Annotated[str, OneOf((NO_TUNING, ON_THE_PAST))] = NO_TUNING

    def __post_init__(self) -> None:
        check_fields(self, "policy")


@dataclass
class RidgeConfig(PolicyConfig):
    """Equal weights plus a tilt towards what a pooled ridge regression expects to beat the average.

    It is refitted every ``refit_steps`` bars on all data known by then. ``penalty`` is the penalty of the regression,
    as a multiple of the number of observations. ``gate_level`` is the probability of acting in a market without a
    signal; None always acts. ``features`` of None are the default features.
    """

    _target_: str = "rlx.policies.ridge.Ridge"
    features: Annotated[list[str] | None, ListOf(Text(100), fewest=1)] = None
    penalty: Annotated[float, Number(1e-9, 1e6)] = 0.3
    refit_steps: Annotated[int, Whole(1, 100_000)] = 252
    n_folds: Annotated[int, Whole(2, 50)] = 6
    purge_steps: Annotated[int, Whole(0, 10_000)] = 21
    gate_level: Annotated[float | None, Number(1e-6, 0.5)] = 0.05
    gate_lags: Annotated[int, Whole(0, 10_000)] = 21
    long_only: bool = True

    def __post_init__(self) -> None:
        check_fields(self, "policy")
