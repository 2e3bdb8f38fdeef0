"""What one stage hands over to the next: forecasting weights, and everything the next one has to be able to check."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from rlx.errors import CheckpointError
from rlx.plain import plain, write_json
from rlx.policies.networks.forecaster import QuantileForecaster

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


class Forecasts(NamedTuple):
    """Finished forecasts: the facts, the weights, and where they came from (``trained``, ``cache`` or a folder)."""

    facts: HandOver
    weights: dict[str, Tensor]
    source: str

    def network(self) -> QuantileForecaster:
        """Return the forecaster."""
        facts = self.facts
        network = QuantileForecaster(facts.n_series, len(facts.feature_names), **facts.network)
        network.load_state_dict(self.weights)
        return network.eval()


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
    """Read what ``write_forecasts`` wrote; CheckpointError says what is wrong with it."""
    advice = "Delete the folder to have the stage done anew, or copy it again."
    try:
        content = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        if content["format_version"] != FORMAT_VERSION:
            raise CheckpointError(f"{folder}: was written by another version of rlx. {advice}")
        data = (folder / WEIGHTS_FILE).read_bytes()
        if hashlib.sha256(data).hexdigest() != content["weights_sha256"]:
            raise CheckpointError(f"{folder / WEIGHTS_FILE}: is not the file {FACTS_FILE} was written with. {advice}")
        facts = HandOver(**{field.name: _typed(field.name, content[field.name]) for field in fields(HandOver)})
        forecasts = Forecasts(facts, safetensors.torch.load(data), source)
        forecasts.network()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: missing or damaged ({type(error).__name__}: {error}). {advice}") from error
    return forecasts


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
