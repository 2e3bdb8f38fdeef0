"""Prepare the arguments that users type for Hydra: paths and symbols are text, regardless of special characters."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from rlx.config import GROUPS, BacktestConfig, EvaluateConfig, ForecastCheckConfig, TrainConfig, schemas
from rlx.errors import ConfigError
from rlx.ranges import FilePath, declared
from rlx.untrusted.paths import expanded
from rlx.untrusted.shown import as_typed

OF_HYDRA = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweeper.storage")  # paths and an address that are in no schema
COMMANDS: dict[str, type[Any]] = {
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
    "backtest": BacktestConfig,
    "forecast_check": ForecastCheckConfig,
}
TYPED = {
    "train": "train.py",
    "evaluate": "evaluate.py",
    "backtest": "rlx backtest",
    "forecast_check": "rlx forecast check",
}
"""Command -> how it is typed."""
SYMBOLS = "data.symbols"
LONG_NUMBER = re.compile(r"[-+]?[0-9_]{300,}")  # too large for a float; Python prints at most 4300 digits
_GRAMMAR = frozenset("()[]{},\"'\\")  # sweeps, lists, functions and quotes are left as typed
_QUOTED = re.compile(r"""(?s)\s*(["'])(.*)\1\s*""")
_CHDIR = "hydra.job.chdir"


@cache
def path_keys() -> frozenset[str]:
    """Return the keys of all values that a schema declares to be paths."""
    found = {path for command in COMMANDS.values() for path in _paths_of(command)}
    for group in GROUPS:
        for schema in schemas(group).values():
            found |= {f"{group}.{name}" for name in _paths_of(schema)}
    return frozenset(found)


def _paths_of(schema: Any) -> list[str]:
    kind = schema if isinstance(schema, type) else type(schema)
    return [name for name, (allowed, _) in declared(kind).items() if isinstance(allowed, FilePath)]


def prepared(arguments: Sequence[str]) -> list[str]:
    """Return arguments in the form that Hydra needs; ConfigError for those that Hydra would misread."""
    _refuse_undecoded(arguments)
    for argument in arguments:
        _refuse_unreadable(argument)
    ready = [quoted(argument) for argument in arguments]
    _refuse_moved_paths(ready)
    return ready


def refuse_foreign_groups(command: str, arguments: Sequence[str]) -> None:
    """Refuse a group that this command does not have: Hydra would advise to add it, which does not work."""
    known = {field.name for field in fields(COMMANDS[command])}
    own = [group for group in GROUPS if group in known]
    for argument in arguments:
        key, _ = _plain(argument)
        if "=" in argument and key in GROUPS and key not in own:
            raise ConfigError(f"{argument}: {TYPED[command]} has no group {key}; it has {', '.join(own)}.")


def _refuse_undecoded(arguments: Sequence[str]) -> None:
    """Refuse arguments with bytes that Python could not decode: no file that names them could be written."""
    for argument in arguments:
        if any("\udc80" <= character <= "\udcff" for character in argument):
            raise ConfigError(f"{argument!a}: not in the encoding of this terminal; set PYTHONUTF8=1 or its locale.")


def _refuse_unreadable(argument: str) -> None:
    key, value = _plain(argument)
    if LONG_NUMBER.fullmatch(value):
        raise ConfigError(f"{key}={as_typed(value)}: a number of {len(value)} digits is outside every range.")
    if key in GROUPS and "=" in argument and (value in ("", "None") or value.lower() == "null"):
        raise ConfigError(f"{argument}: a group cannot be empty; --help lists the options of {key}.")


def _plain(argument: str) -> tuple[str, str]:
    """Return key and value of an argument, without leading plus signs and surrounding quotes."""
    key, _, value = argument.partition("=")
    return key.lstrip("+"), _unquoted(value.strip())


def given_for(key: str, arguments: Iterable[str]) -> list[str]:
    """Return the arguments that set a key."""
    return [argument for argument in arguments if "=" in argument and _plain(argument)[0] == key]


def _unquoted(value: str) -> str:
    match = _QUOTED.fullmatch(value)
    return match[2] if match is not None and match[1] not in match[2] else value


def quoted(argument: str) -> str:
    """Return an argument whose path or symbols are in quotes if Hydra would not read them as that exact text.

    ``data.path=a&b`` and ``data.symbols=[^GSPC]`` do not fit its grammar; TRUE, 1E5 and NULL would become values. A
    leading ``~`` in a path becomes the home folder.
    """
    typed, _, value = argument.partition("=")
    key, text = _plain(argument)
    if (key in path_keys() or key in OF_HYDRA) and value.lower() not in ("", "null", "none"):
        home = text.startswith("~") and not _GRAMMAR & set(text)
        return f"{typed}={in_quotes(str(expanded(text))) if home else _text(value)}"
    inner = value.strip()[1:-1]
    if key == SYMBOLS and value.strip() == f"[{inner}]" and inner.strip():
        items = [item.strip() for item in inner.split(",")]
        if all(item and not _GRAMMAR & set(item) for item in items):
            return f"{typed}=[{','.join(_text(item) for item in items)}]"
    return argument


def _text(value: str) -> str:
    return value if _GRAMMAR & set(value) or _is_text(value) else f'"{value}"'


def in_quotes(text: str) -> str:
    """Return a text as Hydra's grammar quotes it: only backslashes before a quote are special."""
    escaped = re.sub(r'(\\*)("|\Z)', lambda run: run[1] * 2 + ('\\"' if run[2] else ""), text)
    return f'"{escaped}"'


def _is_text(value: str) -> bool:
    try:
        return bool(OverridesParser.create().parse_override(f"x={value}").value() == value)
    except HydraException:
        return False


def _refuse_moved_paths(arguments: Sequence[str]) -> None:
    """Refuse a relative path if the run first changes into its folder, which is still empty."""
    values = dict(map(_plain, arguments))
    if values.get(_CHDIR, "").lower() != "true":
        return
    for key in sorted(path_keys() & set(values)):
        path = values[key]
        if path.lower() not in ("", "null") and not os.path.isabs(path):
            raise ConfigError(
                f"{key}={path}: with {_CHDIR}=true, relative paths start in the run's folder; write"
                f" {key}={os.path.abspath(path)}."
            )
