"""A new command under the conditions that an earlier run recorded."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rlx.config.commands import EvaluateConfig, writable
from rlx.config.records import TARGET, check_record, schema_of, schema_trees
from rlx.errors import ConfigError

MAY_BE_NULL = ("forecaster",)
FROM_THE_RUN = ("data", "env", "costs", "guard", "protocol", *MAY_BE_NULL)


def as_trained(cfg: DictConfig, run: Mapping[str, Any], overrides: Sequence[str], origin: str) -> DictConfig:
    """Return an evaluation's tree under the conditions of a training run, except where ``overrides`` say otherwise.

    ``run`` is the run's resolved configuration, and ``origin`` its file. A group chosen on the command line
    (``costs=zero``) is kept whole, a single value (``costs.slippage_bps=8``) overrides the run's, and everything else
    comes from the run. ConfigError, or FileError, when the run's values do not fit this version's schema.
    """
    given = [override.key_or_group for override in OverridesParser.create().parse_overrides(list(overrides))]
    check_record(run, [group for group in _recorded(run, FROM_THE_RUN) if group not in given], origin)
    otherwise = "Choose the conditions yourself with GROUP=OPTION."
    return overlay(cfg, run, given, FROM_THE_RUN, origin, otherwise)


def recorded_evaluation(run: Mapping[str, Any], origin: str) -> DictConfig:
    """Return the tree of an evaluation under a run's recorded conditions and ``policy``.

    ``origin`` is their file. ConfigError, or FileError, for values that do not fit this version's schema, and for a
    policy that is not registered: a file must not cause anything else to be built.
    """
    groups = (*FROM_THE_RUN, "policy")
    check_record(run, _recorded(run, groups), origin)
    return overlay(writable(EvaluateConfig), run, (), groups, origin, "Judge the policy again.")


def _recorded(run: Mapping[str, Any], groups: Sequence[str]) -> list[str]:
    """Return the groups that a record must have values of: not those that are null in it, or newer than it."""
    return [group for group in groups if group not in MAY_BE_NULL or run.get(group) is not None]


def overlay(
    cfg: DictConfig, run: Mapping[str, Any], given: Sequence[str], groups: Sequence[str], origin: str, otherwise: str
) -> DictConfig:
    """Return ``cfg`` with the run's ``groups``, except groups and single values whose keys are ``given``.

    ``run`` has passed ``check_record``. ConfigError, beginning with the file ``origin`` and ending in the advice
    ``otherwise``, when the run's values do not fit this version's schema.
    """
    result = copy.deepcopy(cfg)
    for group in groups:
        if group in given or group not in _recorded(run, [group]) or group not in run:
            continue
        tree = group_tree(group, run[group], origin, otherwise)
        for key in given:
            if key.startswith(f"{group}."):
                OmegaConf.update(tree, key.removeprefix(f"{group}."), OmegaConf.select(cfg, key))
        result[group] = tree
    return result


def group_tree(group: str, values: Mapping[str, Any], origin: str, otherwise: str) -> DictConfig:
    """Return recorded values as a tree of the schema of ``group`` that has those keys, or more that are off."""
    for tree in _trees(group, values, origin):
        if _added_are_off(tree, values):
            try:
                return cast(DictConfig, OmegaConf.merge(tree, dict(values)))
            except OmegaConfBaseException as error:
                reason = str(error).partition("\n")[0]
                raise ConfigError(f"{origin}: {group}: values that do not fit: {reason}. {otherwise}") from error
    raise ConfigError(
        f"{origin}: {group}: was recorded by another version of rlx, or with a package that is not installed: its keys "
        f"are {', '.join(sorted(values))[:200]}. {otherwise}"
    )


def _trees(group: str, values: Mapping[str, Any], origin: str) -> list[DictConfig]:
    """Return the schemas of a group, the one with exactly these keys first; for components, the one that builds it."""
    if TARGET in values:
        return [schema_of(group, values, origin)]
    return sorted(schema_trees(group), key=lambda tree: set(tree) != set(values))


def _added_are_off(tree: DictConfig, values: Mapping[str, Any]) -> bool:
    """Return whether the tree has all recorded keys, and any others are None or False, as for a setting added later."""
    added = set(tree) - set(values)
    return set(values) <= set(tree) and not any(
        OmegaConf.is_missing(tree, key) or not (tree[key] is None or tree[key] is False) for key in added
    )
