"""A run's recorded configuration, read as plain values: nothing in it is resolved or executed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from rlx.config.commands import GROUPS, schemas, writable
from rlx.errors import ConfigError
from rlx.untrusted.documents import read_yaml
from rlx.untrusted.plain_types import member, require
from rlx.untrusted.shown import shown

OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
TARGET = "_target_"


def read_record(path: Path, groups: Sequence[str]) -> dict[str, Any]:
    """Return the values of a ``config.yaml`` that has at least ``groups``; FileError and ConfigError name the key."""
    values: dict[str, Any] = require(read_yaml(path), dict[str, Any], str(path))
    check_record(values, groups, str(path))
    return values


def check_record(values: Mapping[str, Any], groups: Sequence[str], origin: str) -> None:
    """Raise FileError or ConfigError unless recorded ``values`` have ``groups``, and only plain values in them.

    Refused are interpolations, which could read the environment, types that no configuration has, and every name that
    ``instantiate`` acts on (``_target_``, ``_args_``, ...) unless a schema of the group has the same value there.
    ``origin`` names the file in the message.
    """
    for group in groups:
        recorded = require(values.get(group), dict[str, Any], origin, group)
        refuse_non_values(recorded, origin, group)
        _refuse_what_acts(recorded, schema_of(group, recorded, origin) if group in GROUPS else None, origin, group)


@cache
def schema_trees(group: str) -> tuple[DictConfig, ...]:
    """Return the schemas of a group as trees, not to be changed: they are shared by all readers of records."""
    return tuple(writable(schema) for schema in schemas(group).values())


def schema_of(group: str, values: Mapping[str, Any], origin: str) -> DictConfig:
    """Return the schema for the component in a group's values, the first one where a group builds nothing."""
    trees = schema_trees(group)
    built = {tree[TARGET]: tree for tree in trees if TARGET in tree}
    if not built:
        return trees[0]
    target = values.get(TARGET)
    if not isinstance(target, str) or target not in built:
        found = shown(target) if TARGET in values else "missing"
        raise ConfigError(
            f"{origin}: {group}.{TARGET} is {found}, expected one of {', '.join(sorted(built))}. A component of "
            "another package must be installed and registered (docs/extending.md)."
        )
    return built[target]


def refuse_non_values(value: Any, origin: str, key: str = "") -> None:
    """Raise FileError or ConfigError, beginning with ``origin`` and the key, for anything but plain values.

    An interpolation could read the environment.
    """
    if isinstance(value, Mapping):
        require(value, dict[str, Any], origin, key)
        for name, item in value.items():
            refuse_non_values(item, origin, member(key, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            refuse_non_values(item, origin, f"{key}[{number}]")
    elif isinstance(value, str):
        if "${" in value or value == "???":
            raise ConfigError(f"{origin}: {key} is {shown(value)}. It is not resolved: a file has plain values only.")
    elif not (value is None or type(value) in (bool, int) or (type(value) is float and math.isfinite(value))):
        raise ConfigError(f"{origin}: {key} is {shown(value)}, expected text, a finite number, true, false or null.")


def _refuse_what_acts(value: Any, schema: Any, origin: str, key: str) -> None:
    """Raise ConfigError for a name that ``instantiate`` acts on, unless the schema has the same value there."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            _refuse_what_acts(item, None, origin, f"{key}[{number}]")
    if not isinstance(value, Mapping):
        return
    known = schema if isinstance(schema, DictConfig) else OmegaConf.create()
    for name, item in value.items():
        inner = known._get_node(name) if name in known else None
        if re.fullmatch("_.*_", name) and (inner is None or inner._value() != item):
            raise ConfigError(f"{origin}: {member(key, name)} is {shown(item)}. A file cannot choose what is built.")
        _refuse_what_acts(item, inner, origin, member(key, name))


def read_choices(path: Path) -> dict[str, str]:
    """Return the option of every group that a ``hydra.yaml`` says a run chose; FileError names what is damaged.

    Groups without an option are omitted. An option is a name, which cannot lead to another folder or package.
    """
    document = read_yaml(path)
    for key in ("hydra", "runtime", "choices"):
        document = require(document, dict[str, Any], str(path)).get(key)
    choices = require(document, dict[str, str | None], str(path), "hydra.runtime.choices")
    groups = {group: option for group, option in choices.items() if option is not None}
    for group, option in groups.items():
        if group in GROUPS and not OPTION.fullmatch(option):
            raise ConfigError(
                f"{path}: hydra.runtime.choices.{group} is {shown(option)}, expected the name of an option."
            )
    return groups
