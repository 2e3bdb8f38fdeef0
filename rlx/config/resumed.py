"""The configuration of a resumed run: the recorded one, with changes only to budget and convenience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rlx.config.changes import changes
from rlx.config.recorded import group_tree, overlay
from rlx.config.records import check_record, read_choices, read_record
from rlx.errors import ConfigError, did_you_mean
from rlx.run_folder import RunFolder
from rlx.untrusted.documents import read_yaml
from rlx.untrusted.plain_types import require

LEARNT_WITH = ("data", "env", "costs", "guard", "module", "gate")
GROUPS = (*LEARNT_WITH, "hardware", "logger", "protocol")
LEARNT_WITH_KEYS = ("seed", "trainer.monitor", "trainer.keep_best", "hardware.precision")
MAY_CHANGE = "trainer.* (except monitor and keep_best), logger.*, protocol.* and hardware.* (except precision)"
OTHER_VERSION = "Resume it with its own version of rlx, or train again."


def add_recorded_choices(arguments: Sequence[str]) -> list[str]:
    """Return ``arguments`` preceded by the options of the run they resume, for groups they do not choose themselves.

    Hydra then composes the run's own module, data and the rest. Without ``resume=RUN`` nothing is added. ConfigError
    when RUN is not a recorded training run, and when several runs are requested.
    """
    run = _resumed_run(arguments)
    if run is None:
        return list(arguments)
    if {"-m", "--multirun"} & set(arguments):
        raise ConfigError(f"resume={run}: only one run at a time, and -m starts several.")
    given = {argument.partition("=")[0] for argument in arguments}
    choices = recorded_choices(run)
    return [f"{group}={choices[group]}" for group in GROUPS if group not in given and group in choices] + [*arguments]


def _resumed_run(arguments: Sequence[str]) -> Path | None:
    typed = [argument for argument in arguments if argument.partition("=")[0] in ("resume", "++resume")]
    if not typed:
        return None
    value = OverridesParser.create().parse_override(typed[-1]).value()
    return Path(value) if isinstance(value, str) and value else None


def recorded_choices(run: Path) -> dict[str, str]:
    """Return the option of every group that ``run`` chose, as Hydra recorded it."""
    if not run.is_dir():
        nearby = [path.name for path in run.parent.iterdir()] if run.parent.is_dir() else []
        raise ConfigError(f"resume={run}: no such folder. Name a run folder.{did_you_mean(run.name, nearby)}")
    choices = read_choices(_existing(run, RunFolder.hydra_choices))
    if "module" not in choices:
        raise ConfigError(f"resume={run}: is not a training run, so there is nothing to resume in it.")
    return choices


def _existing(run: Path, name: str) -> Path:
    if not (run / name).is_file():
        raise ConfigError(f"resume={run}: has no {name}, so no training run has begun in it. Name a run folder.")
    return run / name


def as_resumed(cfg: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """Return the configuration of the run ``cfg.resume``, changed by ``overrides``.

    Choosing the run's own option of a group is not a change. ConfigError names every changed value that affects what is
    learnt, and values that do not fit this version's schema.
    """
    run, path = Path(cfg.resume), _existing(Path(cfg.resume), RunFolder.config)
    recorded, choices = _read_training(path), recorded_choices(run)
    require(recorded.get("seed"), int, str(path), "seed")
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    given = [typed.key_or_group for typed in parsed if choices.get(typed.key_or_group) != str(typed.value())]
    for typed in parsed:
        if typed.key_or_group in given and typed.key_or_group in ("module", "experiment", "sweep"):
            there = f"{typed.key_or_group}={typed.value()} (the run: {choices.get(typed.key_or_group, 'none')})"
            raise ConfigError(f"resume={run}: {there} cannot change in a resumed run. {_advice()}")
    given = _without_what_was_fitted(given, cfg, recorded, run)
    result = overlay(cfg, recorded, given, GROUPS, str(path), OTHER_VERSION)
    _lay_over_keys(result, recorded, given, path)
    _refuse_changes(result, recorded, run)
    return result


def _read_training(path: Path) -> dict[str, Any]:
    """Return what a run recorded; ConfigError for one without a group of this version: nobody knows its value then."""
    recorded = read_record(path, ())
    check_record(recorded, (*(group for group in GROUPS if group in recorded), "trainer"), str(path))
    if absent := [group for group in GROUPS if group not in recorded]:
        raise ConfigError(f"{path}: {absent[0]} is missing: another version of rlx wrote it. {OTHER_VERSION}")
    return recorded


def _without_what_was_fitted(
    given: Sequence[str], cfg: DictConfig, recorded: Mapping[str, Any], run: Path
) -> list[str]:
    """Return ``given`` without the percentiles of a fitted guard, because the run records the resulting thresholds.

    ConfigError when one differs from the run's own command.
    """
    settings = {
        key for key in given if key.startswith("guard.") and key.removeprefix("guard.") not in recorded["guard"]
    }
    asked = read_yaml(_existing(run, RunFolder.hydra_config)) if settings else {}
    guard = asked.get("guard") if isinstance(asked, dict) else None
    for key in sorted(settings):
        value = guard.get(key.removeprefix("guard.")) if isinstance(guard, dict) else None
        if value != OmegaConf.select(cfg, key):
            raise ConfigError(
                f"resume={run}: {key}={OmegaConf.select(cfg, key)} cannot change in a resumed run: its guard was "
                f"fitted when it began. {_advice()}"
            )
    return [key for key in given if key not in settings]


def _lay_over_keys(result: DictConfig, recorded: Mapping[str, Any], given: Sequence[str], path: Path) -> None:
    kept = {name: value for name, value in recorded["trainer"].items() if f"trainer.{name}" not in given}
    try:
        result.trainer = OmegaConf.merge(result.trainer, kept)
        if "seed" not in given:
            result.seed = recorded["seed"]
    except OmegaConfBaseException as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{path}: trainer: values that do not fit: {reason}. {OTHER_VERSION}") from error


def _refuse_changes(result: DictConfig, recorded: Mapping[str, Any], run: Path) -> None:
    before: dict[str, Any] = {}
    now: dict[str, Any] = {}
    for group in LEARNT_WITH:
        before |= _flat(group_tree(group, recorded[group], str(RunFolder(run).config), OTHER_VERSION), group)
        now |= _flat(result[group], group)
    tree = OmegaConf.create(dict(recorded))
    before |= {key: OmegaConf.select(tree, key) for key in LEARNT_WITH_KEYS}
    now |= {key: OmegaConf.select(result, key) for key in LEARNT_WITH_KEYS}
    if changed := changes(before, now, "the run"):
        raise ConfigError(f"resume={run}: {changed} cannot change in a resumed run. {_advice()}")


def _advice() -> str:
    return f"These may change: {MAY_CHANGE}. Restore the others, or start a new run without resume."


def _flat(tree: DictConfig, above: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in tree:
        key, value = f"{above}.{name!s}", tree[name]
        found |= _flat(value, key) if isinstance(value, DictConfig) else {key: value}
    return found
