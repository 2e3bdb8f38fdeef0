"""The ``policy=`` configuration group: schemas with defaults, no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass

MISSING = "???"  # OmegaConf's mark of a value the user has to give


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
class WeightsConfig(PolicyConfig):
    """Trade a CSV or Parquet file of target weights.

    ``between`` decides what happens on bars without a row: ``hold`` lets the last row's weights drift with prices,
    ``rebalance`` trades back to the last row at every bar.
    """

    _target_: str = "rlx.policies.weights_file.WeightsFile"
    path: str = MISSING
    between: str = "hold"


@dataclass
class CheckpointConfig(PolicyConfig):
    """Act with a trained policy; ``path`` is a run folder or its ``policy/`` folder."""

    _target_: str = "rlx.policies.checkpoint.load_checkpoint"
    path: str = MISSING
