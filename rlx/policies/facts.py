"""``policy.json``: what is written beside a policy's weights, read as plain values of known types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from rlx.errors import CheckpointError, FileError
from rlx.untrusted.documents import read_json
from rlx.untrusted.plain_types import require, shown

FOLDER = "policy"  # of a run, where its policy lies
FACTS_FILE = "policy.json"
FORMAT_VERSION = 1
MAX_FACTS_BYTES = 16 * 2**20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}", re.ASCII)
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?", re.ASCII)


class WrittenNormalizer(TypedDict):
    """What ``policy.json`` holds of a ``Normalizer``."""

    feature_names: list[str]
    mean: list[float]
    std: list[float]
    clip: float


class WrittenNetwork(TypedDict):
    """What ``policy.json`` holds of the network."""

    name: str
    arguments: dict[str, Any]


class WrittenFacts(TypedDict):
    """The types of what ``policy.json`` holds."""

    module: str
    symbols: list[str]
    asset_classes: list[str]
    feature_names: list[str]
    window_steps: int
    normalizer: WrittenNormalizer
    rules: dict[str, Any]
    config: dict[str, Any]
    data_fingerprint: str
    code_version: str
    seen: dict[str, list[str]]
    network: WrittenNetwork
    weights_sha256: str


def facts_file(path: Path, key: str = "policy.path") -> Path:
    """Return the facts of the policy of a run folder, or of its ``policy/`` folder; CheckpointError where are none.

    ``key`` is the configuration key that the path came from.
    """
    for folder in (path / FOLDER, path):
        if (folder / FACTS_FILE).is_file():
            return folder / FACTS_FILE
    what = "nothing there" if not path.exists() else f"no {FACTS_FILE} in it or in its {FOLDER}/ folder"
    raise CheckpointError(f"{key}={path}: {what}. Give the folder of a training run (outputs/<module>/<run>).")


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts, of the types that ``PolicyFacts`` has; an empty config is one that was not recorded."""
    try:
        content = read_json(path, limit=MAX_FACTS_BYTES)
        found = content.get("format_version") if isinstance(content, dict) else None
        if found != FORMAT_VERSION:
            raise CheckpointError(
                f"{path}: format_version is {shown(found)}, this version of rlx reads {FORMAT_VERSION}. Use the rlx "
                "that wrote it, or train again."
            )
        require(content, WrittenFacts, str(path))
    except FileError as error:
        raise CheckpointError(f"{error} Copy it again, or train again.") from error
    _check_words(path, content)
    _check_agreement(path, content)
    return dict(content)


def _check_words(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse what is of the right type but no name, stamp or count."""
    for name in ("module", "data_fingerprint", "code_version"):  # they become names of policies, and of files
        _require(path, name, content[name], NAME.fullmatch(content[name]) is not None, "a name")
    for name in ("symbols", "asset_classes", "feature_names"):
        _require(path, name, content[name], bool(content[name]), "a list of names")
    _require(path, "window_steps", content["window_steps"], content["window_steps"] > 0, "a whole number above 0")
    for name, span in content["seen"].items():
        fits = NAME.fullmatch(name) and len(span) == 2 and all(map(STAMP.fullmatch, span))
        _require(path, f"seen.{shown(name)}", span, bool(fits), "the time stamps of a span")


def _check_agreement(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse facts that contradict each other or the arguments of the network."""
    arguments = content["network"]["arguments"]
    given, scaled = content["feature_names"], content["normalizer"]["feature_names"]
    _require(path, "feature_names", given, given == scaled, f"those of the normalizer, in order: {shown(scaled)}")
    for name, argument in (("symbols", "n_assets"), ("feature_names", "n_features"), ("window_steps", "window_steps")):
        value = content[name]
        found = len(value) if isinstance(value, list) else value
        expected = arguments.get(argument, found)
        _require(path, name, value, found == expected, f"{shown(expected)} as in network.arguments.{argument}")
    classes, symbols = content["asset_classes"], content["symbols"]
    _require(path, "asset_classes", classes, len(classes) == len(symbols), f"{len(symbols)}, one a symbol")


def _require(path: Path, name: str, found: Any, fits: bool, expected: str) -> None:
    if not fits:
        raise CheckpointError(f"{path}: {name} is {shown(found)}, expected {expected}. Copy it again, or train again.")
