"""Models that others trained: their packages, folders and licences, and the hardware that they run on."""

from __future__ import annotations

import hashlib
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

from rlx.errors import CheckpointError, ConfigError, RlxError
from rlx.forecast.forecaster import Placeable
from rlx.untrusted.documents import parse_yaml, read_json
from rlx.untrusted.paths import expanded
from rlx.untrusted.shown import as_typed
from rlx.untrusted.text import read_text

CONFIG_FILE, CARD = "config.json", "README.md"
MODEL_FILES = [CONFIG_FILE, "*.safetensors", "*.safetensors.index.json", CARD]  # no pickled weights
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_CARD_FACTS = re.compile(r"\A---\s*\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)


@runtime_checkable
class Pretrained(Protocol):
    """A forecaster whose weights others trained; ``weights`` has the facts about them, for documents."""

    weights: dict[str, Any]


@runtime_checkable
class OnHardware(Placeable, Protocol):
    """A forecaster that documents how it ran on its hardware."""

    def settings(self) -> dict[str, Any]:
        """Return the settings asked for and those in use, and what was counted, for documents."""


def require_package(module: str, forecaster: str, remedy: str) -> ModuleType:
    """Import a module; ConfigError with the remedy if its package is missing or cannot be imported."""
    try:
        return import_module(module)
    except ImportError as error:
        first = (str(error).splitlines() or [""])[0]
        raise ConfigError(f"forecaster={forecaster}: cannot import {module} ({first}). {remedy}") from error


def find_model(forecaster: str, path: str, *, download: bool, key: str = "path") -> Path:
    """Return the folder of a model; ConfigError or CheckpointError if there is none."""
    option = f"forecaster.{key}"
    if not path:
        raise ConfigError(f"{option}: must be given for forecaster={forecaster}: the folder of a model, or its name.")
    folder = expanded(path)
    if not folder.is_dir() and HUB_NAME.fullmatch(path):
        folder = _from_hub(option, path, download)
    if not folder.is_dir():
        raise CheckpointError(f"{option}={as_typed(path)}: no such folder, and no name such as OWNER/MODEL.")
    if not (folder / CONFIG_FILE).is_file():
        raise CheckpointError(f"{option}={as_typed(path)}: no model, it has no {CONFIG_FILE}.")
    if not any(folder.glob("*.safetensors")):
        raise CheckpointError(f"{option}={as_typed(path)}: has no *.safetensors; weights in other files are not read.")
    return folder


def _from_hub(option: str, name: str, download: bool) -> Path:
    """Return the folder of a model of the hub, downloaded only if that is allowed."""
    hub = require_package("huggingface_hub", "a name of the hub", "Install it, or give a folder.")
    try:
        return Path(hub.snapshot_download(name, local_files_only=not download, allow_patterns=MODEL_FILES))
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        fix = "Check the name and the network." if download else "forecaster.download=true downloads it."
        missing = "cannot be downloaded" if download else "is not a folder, nor a model downloaded before"
        raise CheckpointError(f"{option}={name}: {missing} ({reason}). {fix}") from error


def described(folder: Path) -> dict[str, Any]:
    """Return the facts about the model in a folder: where it is, its licence, and a digest of its files."""
    return {"folder": str(folder), "licence": licence(folder), "digest": digest(folder)}


def licence(folder: Path) -> str | None:
    """Return the licence that the model's card states, None without a card that states one."""
    try:
        found = _CARD_FACTS.match(read_text(folder / CARD))
        facts = parse_yaml(found[1], folder / CARD) if found else None
    except (RlxError, OSError):
        return None
    stated = facts.get("license") if isinstance(facts, dict) else None
    return stated if isinstance(stated, str) else None


def digest(folder: Path) -> str:
    """Return the first 16 hex digits of a SHA-256 over the names and contents of configuration and weights."""
    total = hashlib.sha256()
    for file in sorted([folder / CONFIG_FILE, *folder.glob("*.safetensors")]):
        total.update(file.name.encode())
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:16]


def read_configuration(folder: Path) -> dict[str, Any]:
    """Return the model's configuration; FileError if it is damaged, CheckpointError if it is no table."""
    facts = read_json(folder / CONFIG_FILE)
    if not isinstance(facts, dict):
        raise CheckpointError(f"{folder / CONFIG_FILE}: must be a JSON object.")
    return facts


def unusable(forecaster: str, path: str, error: Exception) -> CheckpointError:
    """Return the error for a folder that its library could not load."""
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return CheckpointError(f"forecaster.path={as_typed(path)}: forecaster={forecaster} cannot use it ({reason}).")
