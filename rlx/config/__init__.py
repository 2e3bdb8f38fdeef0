"""The schema of every command: typed groups with their defaults, and the rules that span several of them.

Only dataclasses are imported here, so that ``--help`` and a misspelt key answer at once.
"""

from rlx.config.backtest import BacktestConfig
from rlx.config.checks import typed, validate
from rlx.config.commands import GROUPS, EvaluateConfig, TradedConfig, TrainConfig, register_schemas, schemas
from rlx.config.forecast_check import ForecastCheckConfig
from rlx.config.groups import Device, EnvConfig, HardwareConfig, TrainerConfig
from rlx.config.objective import ObjectiveConfig
from rlx.config.recorded import as_trained, recorded_evaluation, recorded_module
from rlx.config.resumed import add_recorded_choices, as_resumed

__all__ = [
    "GROUPS",
    "BacktestConfig",
    "Device",
    "EnvConfig",
    "EvaluateConfig",
    "ForecastCheckConfig",
    "HardwareConfig",
    "ObjectiveConfig",
    "TradedConfig",
    "TrainConfig",
    "TrainerConfig",
    "add_recorded_choices",
    "as_resumed",
    "as_trained",
    "recorded_evaluation",
    "recorded_module",
    "register_schemas",
    "schemas",
    "typed",
    "validate",
]
