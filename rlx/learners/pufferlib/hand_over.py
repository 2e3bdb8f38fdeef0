"""What one stage hands over to the next: forecasting weights, and everything the next one has to be able to check."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NotRequired, TypedDict

import numpy as np
import safetensors.torch
from torch import Tensor

from rlx.data.normalizer import Normalizer
from rlx.errors import CheckpointError, RlxError
from rlx.plain import plain, write_json
from rlx.policies.facts import MAX_FACTS_BYTES, STAMP, WrittenNormalizer
from rlx.policies.networks.forecaster import QuantileForecaster
from rlx.policies.weights import OF_WRONG_VALUES, check_arguments, read_weights, with_weights
from rlx.untrusted.documents import read_json
from rlx.untrusted.plain_types import require, shown

FORMAT_VERSION = 1
FACTS_FILE = "hand_over.json"
WEIGHTS_FILE = "forecasts.safetensors"


@dataclass(frozen=True)
class HandOver:
    """The facts about finished forecasts; ``key`` is the content key of the stage that made them.

    ``seen`` names the spans that made them (``trained``, ``selected``), each by the time stamps of its first decision
    and its last close. ``scale`` holds, for each symbol, the return that the forecasts have as their unit. ``upstream``
    is the key of the hand-over they were made from.
    """

    stage: str
    key: str
    upstream: str | None
    symbols: tuple[str, ...]
    feature_names: tuple[str, ...]
    window_steps: int
    normalizer: dict[str, Any]
    scale: tuple[float, ...]
    n_series: int
    network: dict[str, Any]
    data_fingerprint: str
    seen: dict[str, list[str]]
    config: dict[str, Any]
    metrics: dict[str, Any]
    history: list[dict[str, float]]
    wall_seconds: float

    @property
    def last_seen(self) -> np.datetime64:
        """The last close that the forecasts were made with."""
        return max(np.datetime64(last) for _, last in self.seen.values())


class WrittenMetrics(TypedDict):
    """What the next stages go by, of the metrics in ``hand_over.json``; ``symbols`` are those of the specialists."""

    pinball_loss: float
    climatology_pinball_loss: float
    skill: float
    updates: int
    symbols: NotRequired[dict[str, WrittenChoice]]


class WrittenChoice(TypedDict):
    """Which forecaster a symbol keeps."""

    kept: str


class WrittenFacts(TypedDict):
    """The types of what ``hand_over.json`` holds."""

    stage: str
    key: str
    upstream: str | None
    symbols: list[str]
    feature_names: list[str]
    window_steps: int
    normalizer: WrittenNormalizer
    scale: list[float]
    n_series: int
    network: dict[str, Any]
    data_fingerprint: str
    seen: dict[str, list[str]]
    config: dict[str, Any]
    metrics: WrittenMetrics
    history: list[dict[str, float | None]]
    wall_seconds: float
    weights_sha256: str


class Forecasts(NamedTuple):
    """Finished forecasts: the facts, the weights, and where they came from (``trained``, ``cache`` or a folder)."""

    facts: HandOver
    weights: dict[str, Tensor]
    source: str

    def network(self) -> QuantileForecaster:
        """Return the forecaster."""
        facts = self.facts
        build = partial(QuantileForecaster, facts.n_series, len(facts.feature_names), **facts.network)
        return with_weights(build, self.weights, Path(self.source)).eval()


@dataclass(frozen=True)
class Demand:
    """What stage ``taker`` needs of a hand-over; None where anything is as good.

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
        """Raise CheckpointError that lists everything in which ``given`` is not what is needed."""
        names = ("symbols", "feature_names", "window_steps", "data_fingerprint", "network", "normalizer", "upstream")
        pairs = [(name, getattr(self, name), getattr(given, name)) for name in names]
        wrong = [_difference(name, needed, found) for name, needed, found in pairs if needed not in (None, found)]
        if given.last_seen > self.unseen_from:
            wrong.append(
                f"dates up to {given.last_seen} have been seen, expected none after {self.unseen_from}, from where "
                f"{self.taker} validates"
            )
        if wrong:
            raise CheckpointError(
                f"the hand-over from stage {given.stage} ({where}) does not fit stage {self.taker}: "
                f"{'; '.join(wrong)}. Have {given.stage} done anew (list it in module.stages), or set this run up as "
                "that one was."
            )


def _difference(name: str, needed: Any, found: Any) -> str:
    if name == "normalizer":
        return "normalizer: its statistics are not those of the stage before"
    shown = [", ".join(map(str, value)) if isinstance(value, tuple) else str(value) for value in (found, needed)]
    return f"{name}: found {shown[0]}, expected {shown[1]}"


def write_forecasts(folder: Path, forecasts: Forecasts) -> None:
    """Write facts and weights into an existing folder."""
    weights = safetensors.torch.save({name: tensor.contiguous() for name, tensor in forecasts.weights.items()})
    (folder / WEIGHTS_FILE).write_bytes(weights)
    content = {"format_version": FORMAT_VERSION, **plain(forecasts.facts)}
    write_json(folder / FACTS_FILE, {**content, "weights_sha256": hashlib.sha256(weights).hexdigest()})


def read_forecasts(folder: Path, source: str) -> Forecasts:
    """Read what ``write_forecasts`` wrote; CheckpointError says what is wrong with it.

    No network is built before the weights are known to be those of the facts, and to hold what it needs.
    """
    advice = "Delete the folder to have the stage done anew, or copy it again."
    where, names = folder / FACTS_FILE, {field.name for field in fields(HandOver)}
    try:
        content = read_json(where, limit=MAX_FACTS_BYTES)
        if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION:
            raise CheckpointError(f"{folder}: was written by another version of rlx. {advice}")
        require(content, WrittenFacts, str(where))
        weights = read_weights(folder / WEIGHTS_FILE, content["weights_sha256"], FACTS_FILE)
        sizes = {**content["network"], "n_series": content["n_series"], "n_features": len(content["feature_names"])}
        check_arguments(QuantileForecaster.__init__, sizes, weights, f"{where}: network")
        facts = HandOver(**{name: _typed(name, value) for name, value in content.items() if name in names})
        forecasts = Forecasts(facts, weights, source)
        forecasts.network()
        Normalizer.from_dict(facts.normalizer)
        _check_stamps(facts, str(where))
    except (OSError, RlxError, *OF_WRONG_VALUES) as error:
        raise CheckpointError(f"{folder}: missing or damaged ({error}). {advice}") from error
    return forecasts


def _check_stamps(facts: HandOver, where: str) -> None:
    """Refuse spans that are none, and a scale that does not fit the symbols."""
    for name, span in facts.seen.items():
        if len(span) != 2 or not all(map(STAMP.fullmatch, span)):
            raise CheckpointError(f"{where}: seen.{shown(name)} is {shown(span)}, expected the time stamps of a span.")
    if not facts.seen or len(facts.scale) != len(facts.symbols) or facts.n_series not in (1, len(facts.symbols)):
        raise CheckpointError(f"{where}: seen, scale or n_series do not fit its {len(facts.symbols)} symbols.")


def _typed(name: str, value: Any) -> Any:
    return tuple(value) if name in ("symbols", "feature_names", "scale") else value


def content_key(stage: str, facts: Mapping[str, Any], sources: Sequence[Path]) -> str:
    """Return a key of everything a stage's result depends on: ``facts``, and the code in ``sources``."""
    digest = hashlib.sha256(json.dumps([FORMAT_VERSION, stage, plain(facts)], sort_keys=True).encode())
    for path in sources:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def config_of(config: Any) -> dict[str, Any]:
    """Return a stage's configuration as plain values."""
    values: dict[str, Any] = plain(asdict(config))
    return values
