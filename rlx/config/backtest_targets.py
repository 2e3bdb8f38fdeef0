"""The list of ``rlx backtest --targets``: each target chooses symbols, a forecaster with its settings, and costs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rlx.config.backtest import BacktestConfig
from rlx.config.records import OPTION, refuse_non_values
from rlx.config.targets import MOST
from rlx.errors import ConfigError, FileError, did_you_mean
from rlx.files import file_name
from rlx.untrusted.documents import read_json, read_yaml
from rlx.untrusted.escape import one_line

EXAMPLES = {"forecaster": "block_bootstrap", "data": "sample_daily", "costs": "flat_5bps"}
CHOSEN = tuple(EXAMPLES)
"""Groups of a target: the name of an option, or a mapping with that ``name`` and other values."""
OPTION_KEY = "name"
LONGEST_NAME = 200
OWN_KEYS = ("name", "symbols", "base")
KEYS = (*OWN_KEYS, *(one.name for one in fields(BacktestConfig) if one.name not in ("targets", "label")))
SAMPLES = "MARKETSIM_TOTO_MAX_NUM_SAMPLES"
"""Variable of the original system with the number of samples."""


@dataclass(frozen=True)
class BacktestTarget:
    """One target: the ``options`` of groups and the ``values`` of keys, nested, or ``failure``, why it has none.

    ``base`` is the target that it is compared with, for example the same forecaster with fewer samples. ``ignored``
    are parts of an entry of the original system that have no meaning here.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    base: str | None = None
    failure: str | None = None
    ignored: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The name in a form suitable for a folder."""
        return file_name(self.name)


def read_backtest_targets(path: str | Path) -> list[BacktestTarget]:
    """Return the targets of a YAML file, or of a list of the original system (JSON).

    A target with a wrong form has the reason as its ``failure``. Raises ConfigError, naming the file, for one without
    a list of targets, and where two have the same name.
    """
    entries = _entries(Path(path))
    targets = [_target(number, entry) for number, entry in enumerate(entries, start=1)]
    slugs = Counter(target.slug.lower() for target in targets)
    if twice := [target.name for target in targets if slugs[target.slug.lower()] > 1]:
        raise ConfigError(
            f"targets={path}: {', '.join(dict.fromkeys(twice))}: more than one target with that name. Give each a "
            "different name."
        )
    names = {target.name for target in targets}
    for target in targets:
        if target.base is not None and target.base not in names:
            raise ConfigError(f"targets={path}: {target.name}: base={target.base!r:.80} is not a target of the list.")
    return targets


def _entries(path: Path) -> list[Any]:
    try:
        document: Any = read_json(path) if path.suffix == ".json" else read_yaml(path)
    except FileNotFoundError:
        raise ConfigError(f"targets={path}: no such file. docs/strategies.md shows how to write one.") from None
    except OSError as error:
        raise ConfigError(f"targets={path}: cannot be read ({error}).") from error
    except FileError as error:
        raise ConfigError(f"targets={path}: {str(error).removeprefix(f'{path}: ')}") from error
    listed = document.get("targets") if isinstance(document, dict) else document
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST:
        raise ConfigError(f"targets={path}: must have a list 'targets' of 1 to {MOST:,} targets.")
    return listed


def _target(number: int, entry: Any) -> BacktestTarget:
    unnamed = f"target {number}"
    if not isinstance(entry, dict):
        return BacktestTarget(unnamed, failure="it is no mapping, for example {symbols: [AAPL], costs: zero}.")
    name = unnamed
    try:
        if "output_json" in entry:
            return _original(unnamed, entry)
        name = _name(entry.get("name", unnamed), f"{unnamed}: name")
        base = None if entry.get("base") is None else _name(entry["base"], f"{unnamed}: base")
        return BacktestTarget(name, *_settings(entry), base)
    except (ConfigError, FileError) as error:
        return BacktestTarget(name, failure=str(error))


def _settings(entry: Mapping[Any, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the options of groups and the values of keys; ConfigError for an unknown key and for what is no value."""
    options: dict[str, str] = {}
    values: dict[str, Any] = {}
    for key, value in entry.items():
        refuse_non_values(value, "targets", str(key)[:80])
        if key in OWN_KEYS:
            continue
        if key not in KEYS:
            hint = did_you_mean(str(key)[:80], KEYS)
            raise ConfigError(f"{key!r:.80} is not a key of a target; it has {', '.join(KEYS)}.{hint}")
        if key not in CHOSEN:
            values[key] = value
            continue
        given = dict(value) if isinstance(value, dict) else {OPTION_KEY: value}
        if (option := given.pop(OPTION_KEY, None)) is not None:
            options[key] = _option(key, option)
        values[key] = given
    if "symbols" in entry:
        if "symbols" in values.get("data", {}):
            raise ConfigError("symbols: are also given as data.symbols. Give them once.")
        values["data"] = {**values.get("data", {}), "symbols": entry["symbols"]}
    return options, values


def _option(group: str, option: Any) -> str:
    if not isinstance(option, str) or not OPTION.fullmatch(option):
        raise ConfigError(f"{group}={option!r:.80}: must be the name of an option, such as {group}: {EXAMPLES[group]}.")
    return option


def _original(unnamed: str, entry: Mapping[str, Any]) -> BacktestTarget:
    """Return a target of the original system: its symbol and label, and the most samples that it asks for."""
    symbol, environment = entry.get("symbol"), entry.get("env") or {}
    if not isinstance(symbol, str) or not isinstance(environment, dict):
        return BacktestTarget(unnamed, failure="an entry of the original system needs a symbol and an env.")
    refuse_non_values(symbol, "targets", "symbol")
    samples = environment.get(SAMPLES)
    values: dict[str, Any] = {"data": {"symbols": [symbol]}}
    if samples is not None:
        if type(samples) not in (str, int) or not re.fullmatch(r"[0-9]{1,9}", str(samples)):
            raise ConfigError(f"env.{SAMPLES}={samples!r:.40}: must be a whole number of up to 9 digits.")
        values["forecaster"] = {"n_samples": int(samples)}
    used = {"symbol", "output_label", "env"}
    ignored = sorted(set(map(str, entry)) - used) + sorted(set(map(str, environment)) - {SAMPLES})
    name = _name(entry.get("output_label", symbol), f"{unnamed}: output_label")
    return BacktestTarget(name, values=values, ignored=tuple(ignored))


def _name(value: Any, place: str) -> str:
    if not isinstance(value, str) or value != one_line(value) or not 0 < len(value) <= LONGEST_NAME:
        raise ConfigError(f"{place}={value!r:.60}: must be text of 1 to {LONGEST_NAME} characters on one line.")
    return value
