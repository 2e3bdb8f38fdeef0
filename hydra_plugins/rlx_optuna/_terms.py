"""The settings that trials of one study must share to be comparable: a change is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from rlx.config.changes import changes
from rlx.errors import ConfigError

TERMS = "rlx"
"""Attribute of a study: its ``space``, and the ``settings`` of all its trials."""

MAY_CHANGE = ("hydra", "logger", "protocol", "hardware", "seed", "resume", "trainer.progress")
NOT_AFTER_ALL = ("hardware.precision",)
ADVICE = (
    "These may change: protocol.*, logger.*, hardware.* (except precision), seed and hydra.sweeper.n_trials. Restore "
    "the others, or start a new sweep (another hydra.sweep.dir, or hydra.sweeper.study_name in one storage)."
)


def settings_of(config: DictConfig, searched: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    """Return the leaves of a trial's configuration that affect its objective and are not searched, by key."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    plain = OmegaConf.to_container(own, enum_to_str=True)
    leaves = _leaves(cast(dict[str, Any], plain), "")
    below = {key: value for key, value in leaves.items() if not any(_within(key, name) for name in searched)}
    return {
        key: value
        for key, value in below.items()
        if key in NOT_AFTER_ALL or not any(_within(key, name) for name in MAY_CHANGE)
    }


def check_terms(
    study: optuna.Study, direction: str, space: Mapping[str, BaseDistribution], settings: Mapping[str, Any], named: str
) -> bool:
    """Record the terms of a new study, or check a sweep against an existing one's; return whether they are known.

    ConfigError, led by ``named``, names every difference, its value now and before. For a study made by another program
    or an earlier version only direction and space are known.
    """
    noted: Any = study.user_attrs.get(TERMS)
    trials = study.get_trials(deepcopy=False)
    if not trials and study.direction.name.lower() == direction:
        described = {name: describe(one) for name, one in space.items()}
        study.set_user_attr(TERMS, {"space": described, "settings": dict(settings)})
        return True
    known = isinstance(noted, dict) and isinstance(noted.get("space"), dict) and isinstance(noted.get("settings"), dict)
    before = _before(study, noted["settings"] if known else {}, noted["space"] if known else _space_of(trials))
    now: dict[str, Any] = {"hydra.sweeper.direction": direction}
    now |= {name: describe(one) for name, one in space.items()}
    now |= {key: settings[key] for key in settings if key in before}  # an option newer than the study is ignored
    if changed := changes(before, now, "the study"):
        raise ConfigError(f"{named}: {changed} cannot change in a continued sweep. {ADVICE}")
    return known


def _before(study: optuna.Study, settings: Mapping[str, Any], space: Mapping[str, Any]) -> dict[str, Any]:
    return {"hydra.sweeper.direction": study.direction.name.lower(), **space, **settings}


def _space_of(trials: list[optuna.trial.FrozenTrial]) -> dict[str, str]:
    """Return the search space of the trials."""
    return {name: describe(one) for trial in trials for name, one in trial.distributions.items()}


def describe(distribution: BaseDistribution) -> str:
    """Return a range as it is typed."""
    if isinstance(distribution, CategoricalDistribution):
        return f"choice({', '.join(map(str, distribution.choices))})"
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    if (isinstance(distribution, FloatDistribution) and step is not None) or step not in (None, 1):
        return f"range({low}, {high}, {step})"
    return f"tag(log, interval({low}, {high}))" if distribution.log else f"interval({low}, {high})"


def _leaves(tree: Mapping[str, Any], above: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= _leaves(value, f"{above}{name}.") if isinstance(value, dict) and value else {f"{above}{name}": value}
    return found


def _within(key: str, group: str) -> bool:
    name = group.lstrip("+~").partition("@")[0].replace("/", ".")
    return key == name or key.startswith(f"{name}.")
