"""What one stage hands over to the next: forecasting weights, and the facts that the next stage checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NotRequired, TypedDict

import numpy as np
import safetensors.torch
from torch import Tensor

from rlx.data.normalizer import Normalizer, WrittenNormalizer
from rlx.data.splits import Seen
from rlx.errors import CheckpointError, DataError, FileError, RlxError
from rlx.files import to_json, write_json
from rlx.forecast.network import QuantileForecaster
from rlx.untrusted.documents import MAX_FACTS_BYTES, read_json
from rlx.untrusted.network_weights import constructor_types, read_weights, require_arguments, with_weights
from rlx.untrusted.plain_types import require, require_fields
from rlx.untrusted.shown import shown

FORMAT_VERSION = 1
STAGES_FOLDER = "stages"  # of a run, with a folder for each stage
FACTS_FILE = "hand_over.json"
WEIGHTS_FILE = "forecasts.safetensors"


class WrittenChoice(TypedDict):
    """Which forecaster a symbol keeps."""

    kept: str


class WrittenMetrics(TypedDict):
    """The metrics in ``hand_over.json`` that later stages read; only specialists have ``symbols``."""

    pinball_loss: float
    climatology_pinball_loss: float
    skill: float
    updates: int
    symbols: NotRequired[dict[str, WrittenChoice]]


@dataclass(frozen=True)
class HandOver:
    """The facts about finished forecasts; ``key`` is the content key of the stage that made them.

    ``seen`` has the spans that the weights were ``trained`` and ``selected`` on, each as the time stamps of its first
    decision and its last close. ``scale`` has the unit of each symbol's forecasts, as a return. ``upstream`` is the key
    of the hand-over that they were made from.
    """

    stage: str
    key: str
    upstream: str | None
    symbols: tuple[str, ...]
    feature_names: tuple[str, ...]
    window_steps: int
    normalizer: Annotated[dict[str, Any], WrittenNormalizer]
    scale: tuple[float, ...]
    n_series: int
    network: dict[str, Any]
    data_fingerprint: str
    seen: Seen
    config: dict[str, Any]
    metrics: Annotated[dict[str, Any], WrittenMetrics]
    history: Sequence[Mapping[str, float | None]]
    wall_seconds: float

    @property
    def last_seen(self) -> np.datetime64:
        """The last close that the weights were trained or selected on."""
        return max(np.datetime64(last) for _, last in self.seen.values())

    def build(self) -> QuantileForecaster:
        """Return an untrained forecaster of these shapes."""
        return QuantileForecaster(self.n_series, len(self.feature_names), **self.network)


class Forecasts(NamedTuple):
    """Finished forecasts: the facts, the weights, and where they came from (``trained``, ``cache`` or a folder)."""

    facts: HandOver
    weights: dict[str, Tensor]
    source: str

    def network(self) -> QuantileForecaster:
        """Return the forecaster with its weights."""
        network = self.facts.build()
        network.load_state_dict(self.weights)
        return network.eval()


@dataclass(frozen=True)
class Demand:
    """What stage ``taker`` requires of a hand-over; None allows any value.

    ``unseen_from`` is the first decision of the dates that ``taker`` validates on.
    """

    taker: str
    symbols: tuple[str, ...]
    feature_names: tuple[str, ...]
    window_steps: int
    data_fingerprint: str
    network: dict[str, Any]
    unseen_from: np.datetime64
    normalizer: dict[str, Any] | None = None
    upstream: str | None = None

    def check(self, given: HandOver, where: str) -> None:
        """Raise CheckpointError that lists every way in which ``given`` does not meet the requirements."""
        names = ("symbols", "feature_names", "window_steps", "data_fingerprint", "network", "normalizer", "upstream")
        pairs = [(name, getattr(self, name), getattr(given, name)) for name in names]
        wrong = [_difference(name, needed, found) for name, needed, found in pairs if needed not in (None, found)]
        if given.last_seen > self.unseen_from:
            wrong.append(
                f"dates up to {given.last_seen} have been seen, expected none after {self.unseen_from}, where the "
                f"validation of {self.taker} starts"
            )
        if wrong:
            raise CheckpointError(
                f"the hand-over from stage {given.stage} ({where}) does not fit stage {self.taker}: "
                f"{'; '.join(wrong)}. Run {given.stage} again (list it in module.stages), or configure this run like "
                "that one."
            )


def _difference(name: str, needed: Any, found: Any) -> str:
    if name == "normalizer":
        return "normalizer: its statistics are not those of the previous stage"
    shown = [", ".join(map(str, value)) if isinstance(value, tuple) else str(value) for value in (found, needed)]
    return f"{name}: found {shown[0]}, expected {shown[1]}"


def write_forecasts(folder: Path, forecasts: Forecasts) -> None:
    """Write facts and weights into an existing folder."""
    weights = safetensors.torch.save({name: tensor.contiguous() for name, tensor in forecasts.weights.items()})
    (folder / WEIGHTS_FILE).write_bytes(weights)
    content = {"format_version": FORMAT_VERSION, **to_json(forecasts.facts)}
    write_json(folder / FACTS_FILE, {**content, "weights_sha256": hashlib.sha256(weights).hexdigest()})


def read_forecasts(folder: Path, source: str) -> Forecasts:
    """Read what ``write_forecasts`` wrote; CheckpointError says what is wrong with it.

    No network is built before the weights are known to belong to the facts and to have the shapes that it needs.
    """
    advice = "Delete the folder to have the stage run again, or copy it again."
    try:
        facts, sha256 = _read_facts(folder / FACTS_FILE)
        weights = read_weights(folder / WEIGHTS_FILE, sha256, FACTS_FILE)
        sizes = {**facts.network, "n_series": facts.n_series, "n_features": len(facts.feature_names)}
        require_arguments(constructor_types(QuantileForecaster), sizes, weights, f"{folder / FACTS_FILE}: network")
        with_weights(facts.build, weights, folder / WEIGHTS_FILE)
    except OSError as error:
        raise CheckpointError(f"{folder}: missing or not readable ({error}). {advice}") from error
    except RlxError as error:
        raise CheckpointError(f"{error} {advice}") from error
    return Forecasts(facts, weights, source)


def _read_facts(path: Path) -> tuple[HandOver, str]:
    """Return the facts and the hash of their weights; FileError if the facts are not consistent."""
    content = read_json(path, limit=MAX_FACTS_BYTES)
    found = content.get("format_version") if isinstance(content, dict) else None
    if found != FORMAT_VERSION:
        raise FileError(f"{path}: format_version is {shown(found)}, this version of rlx reads {FORMAT_VERSION}.")
    facts = require_fields(HandOver, content, str(path), closed=False)
    if not facts.seen or len(facts.scale) != len(facts.symbols) or facts.n_series not in (1, len(facts.symbols)):
        raise FileError(f"{path}: seen, scale or n_series do not fit its {len(facts.symbols)} symbols.")
    try:
        Normalizer.from_dict(facts.normalizer)
    except DataError as error:
        raise FileError(f"{path}: {error}") from error
    return facts, require(content.get("weights_sha256"), str, str(path), "weights_sha256")


def content_key(stage: str, facts: Mapping[str, Any], sources: Sequence[Path]) -> str:
    """Return a key of everything that a stage's result depends on: ``facts`` and the code in ``sources``."""
    digest = hashlib.sha256(json.dumps([FORMAT_VERSION, stage, to_json(facts)], sort_keys=True).encode())
    for path in sources:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def config_of(config: Any) -> dict[str, Any]:
    """Return a stage's configuration as plain values."""
    values: dict[str, Any] = to_json(asdict(config))
    return values
