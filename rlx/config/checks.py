"""From the composed tree to checked dataclasses, and the rules that span several values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from rlx.config.backtest import BacktestConfig
from rlx.config.commands import EvaluateConfig, TradedConfig, TrainConfig, schemas
from rlx.config.errors import explain, refuse_unknown_keys
from rlx.config.forecast_check import ForecastCheckConfig
from rlx.config.groups import Device
from rlx.config.guards import load_guard
from rlx.data.config import FolderData
from rlx.data.outlook import is_outlook
from rlx.errors import ConfigError
from rlx.evaluate.guard_config import is_on
from rlx.untrusted.shown import as_typed

PARTS_OF_ENV = ("limits.", "cooldown.", "reward.")  # value objects that do not know their configuration key
Config = TypeVar("Config", bound=TrainConfig | EvaluateConfig | BacktestConfig | ForecastCheckConfig)


def typed(cfg: DictConfig, kind: type[Config]) -> Config:
    """Return the composed tree as checked dataclasses; ConfigError names what is missing or wrong."""
    refuse_unknown_keys(cfg)
    try:
        config = OmegaConf.to_object(cfg)
    except MissingMandatoryValue as error:
        raise ConfigError(f"{error.full_key}: must be given, for example {error.full_key}=VALUE.") from error
    except OmegaConfBaseException as error:
        raise explain(error) from error
    except ConfigError as error:
        if str(error).startswith(PARTS_OF_ENV):
            raise ConfigError(f"env.{error}") from error
        raise
    if not isinstance(config, kind):
        raise ConfigError(f"expected a {kind.__name__}, the configuration is a {type(config).__name__}.")
    for group in ("module", "policy", "forecaster"):
        if type(built := getattr(config, group, None)) in schemas(group).values():  # others check theirs
            _refuse_another_target(group, built)
    _refuse_foreign_forecaster(getattr(config, "forecaster", None))
    return config


def _refuse_foreign_forecaster(forecaster: Any) -> None:
    """Refuse a value that is no option of the group: a record may have anything in its place."""
    if forecaster is not None and type(forecaster) not in schemas("forecaster").values():
        raise ConfigError(f"forecaster={as_typed(forecaster)}: must be an option of the group; --help lists them.")


def _refuse_another_target(group: str, built: Any) -> None:
    """Refuse to build an object other than the option's own: its schema would not fit."""
    for own in (field for field in fields(built) if field.name.startswith("_")):
        if (value := getattr(built, own.name)) != own.default:
            raise ConfigError(
                f"{group}.{own.name}={as_typed(value)}: must be {own.default}. Choose with {group}=OPTION."
            )


def validate(config: TradedConfig, arguments: Sequence[str] = ()) -> list[str]:
    """Check the rules that span several values; return notes for the user, raise ConfigError for contradictions.

    ``arguments`` are those of the command line: a key typed there that has no effect is reported, while a part of a
    guard's option without effect is documented (docs/guards.md).
    """
    require_data(config.data)
    if isinstance(config, TrainConfig) and config.protocol.evaluation_only:
        raise ConfigError(
            f"protocol={config.protocol.name}: a training cannot use it; train first, and give it to evaluate.py."
        )
    if isinstance(config, TrainConfig):
        _refuse_cold_module(config)
    if isinstance(config, EvaluateConfig) and config.protocol.judges_targets and (given := config.objective.given()):
        raise ConfigError(
            f"objective.{next(iter(given))}: protocol={config.protocol.name} judges several policies. Report the "
            "objective of one with policy=checkpoint."
        )
    limits, guard, cooldown, reward = config.env.limits, config.guard, config.env.cooldown, config.env.reward
    intraday, closing = limits.intraday_gross, limits.closing_gross
    if intraday is not None and closing is not None and closing > intraday:
        raise ConfigError(
            f"env.limits.closing_gross={closing:g} is above env.limits.intraday_gross={intraday:g}: a position that "
            "could not be traded cannot be carried. Lower the first or raise the second."
        )
    notes = []
    typed_turnover = any(argument.lstrip("+").startswith("guard.turnover") for argument in arguments)
    if typed_turnover and is_on(guard, "turnover") and not cooldown.enabled:
        notes.append(
            "note: the turnover guard has no effect: it works through the cooldown, and env.cooldown.steps is null "
            "(off)."
        )
    penalty = guard.negative_return_turnover_penalty
    if is_on(guard, "negative_return") and penalty <= reward.turnover_penalty:
        notes.append(
            f"guard.negative_return_turnover_penalty={penalty:g} has no effect: env.reward.turnover_penalty="
            f"{reward.turnover_penalty:g} is already as high."
        )
    return notes + config.protocol.check(guard, load_guard) + _ineffective_options(config)


def require_data(data: Any) -> None:
    """Raise ConfigError for a folder of prices without a path."""
    if isinstance(data, FolderData) and not data.path:
        raise ConfigError("data.path: must be given, for example data.path=prices.")


def _refuse_cold_module(config: TrainConfig) -> None:
    """Refuse a warm start between windows for a module that has none."""
    if getattr(config.protocol, "warm_start", False) and not hasattr(config.module, "warm_start"):
        raise ConfigError(
            "protocol.warm_start=true: this module cannot start from another policy (it has no module.warm_start). "
            "Leave it out, or choose a module that has, for example module=hftraining."
        )


def _reads_forecasts(config: TradedConfig) -> bool:
    """Return whether anything may read the forecasts; what a checkpoint or a list of targets reads is in its files."""
    if config.protocol.judges_targets:
        return True
    reward = config.env.reward
    penalised = isinstance(config, TrainConfig) and (reward.cvar_penalty > 0 or reward.uncertainty_penalty > 0)
    policy = getattr(config, "policy", None)
    features = [*(config.data.features or ()), *(getattr(policy, "features", None) or ())]
    return penalised or getattr(policy, "reads_forecasts", False) or any(map(is_outlook, features))


def _ineffective_options(config: TradedConfig) -> list[str]:
    """Report the options that have no effect."""
    forecasts = isinstance(config, TrainConfig) and (
        config.forecaster is not None or getattr(config.module, "forecasts_risk", False)
    )
    notes = [
        f"env.reward.{name}={value:g} has no effect: there is no forecast of risk to penalise."
        for name in ("cvar_penalty", "uncertainty_penalty")
        if (value := getattr(config.env.reward, name)) > 0 and not forecasts
    ]
    if config.forecaster is not None and not _reads_forecasts(config):
        notes.append("forecaster: has no effect: nothing in this configuration reads forecasts.")
    asked = config.hardware
    differs = asked.device is Device.cuda or asked.precision != "32" or asked.compile not in ("auto", "off")
    if isinstance(config, EvaluateConfig) and differs:
        notes.append(
            "hardware.device, precision and compile have no effect on an evaluation: a policy is judged on the CPU, in "
            "float32 and eager."
        )
    return notes
