"""The scorecard: one judged policy as a document, in a versioned schema."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypedDict

from rlx.errors import FileError, RlxError
from rlx.evaluate.key import HASH
from rlx.files import to_json, write_json
from rlx.measures.telemetry import telemetry_key
from rlx.untrusted.documents import read_json
from rlx.untrusted.paths import why_unreadable
from rlx.untrusted.plain_types import Measure, Rule, Stamp, matching, require_fields
from rlx.untrusted.shown import shown

SCHEMA_VERSION = 2

OPTIONAL = frozenset({"audit", "blocks", "significance"})
"""Fields that a document has only if they are not empty, or that were added later."""

BLOCKS_OF_VERSION_1 = ("walk_forward", "every_start")
"""Protocols whose block was a separate field."""

MAX_BYTES = 16 * 2**20

Metrics = dict[str, float | None]


class Holdout(TypedDict):
    """The span of a hold-out."""

    first: Stamp
    last: Stamp
    steps: Annotated[int, Rule("a whole number above 0", lambda value: value > 0)]


class Windows(TypedDict):
    """The sets of windows that were judged."""

    holdout: Holdout


class Key(TypedDict):
    """The parts of a key that every reader of scorecards uses."""

    hash: Annotated[str, matching(HASH, "12 digits of 0-9 and a-f")]
    data: str
    symbols: list[str]
    periods_per_year: Annotated[float, Rule("a number above 0 and below 1e9", lambda value: 0 < value < 1e9)]
    windows: Annotated[dict[str, Holdout], Windows]


class RequiredMetrics(TypedDict):
    """The metrics that every reader of scorecards uses."""

    sharpe: Measure
    cumulative_return: Measure


@dataclass(frozen=True)
class Scorecard:
    """Everything known about one judgement, as plain JSON values; an undefined number is None.

    ``key``: what must be equal for a comparison, with its ``hash``. ``metrics``: the hold-out, under the bare names
    of the ``eval/`` keys. ``intervals``: by statistic. ``guard``: guard and cooldown telemetry. ``baselines``: the
    same metrics of the policies it is compared with. ``windows``: distribution over all start indices. ``blocks``: what
    a protocol reports about its windows, by protocol name; absent if it reports nothing. ``significance``: what the
    Sharpe ratio proves given the number of trials. ``audit``: what ``rlx audit`` found; absent without an audit.
    ``verdict``: the result in words. ``performance``: timings, the only part that a second run does not reproduce.
    """

    key: Annotated[dict[str, Any], Key]
    policy: dict[str, Any]
    module: str
    metrics: Annotated[Metrics, RequiredMetrics]
    intervals: dict[str, Any]
    guard: Metrics
    baselines: dict[str, Metrics]
    windows: dict[str, Any]
    verdict: str
    data: dict[str, Any]
    config: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    performance: dict[str, Any] = field(default_factory=dict)
    blocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    significance: dict[str, Any] = field(default_factory=dict)
    audit: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document, schema version first."""
        document = {"schema_version": self.schema_version, **to_json(self)}
        return {name: value for name, value in document.items() if value or name not in OPTIONAL}

    def write(self, path: str | Path) -> None:
        """Write the JSON document atomically."""
        write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> Scorecard:
        """Read a scorecard; raises RlxError when it is missing, damaged, of another schema or of other types."""
        path = Path(path)
        if not path.is_file():
            raise RlxError(f"scorecard {path}: {why_unreadable(path)}.")
        try:
            document = read_json(path, limit=MAX_BYTES)
        except FileError as error:
            raise FileError(f"scorecard {error}") from error
        version = document.get("schema_version") if isinstance(document, dict) else None
        if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
            raise FileError(f"scorecard {path}: schema_version={shown(version)}; this version reads 1 and 2.")
        fields = cls.__dataclass_fields__.keys()
        known = fields if version > 1 else fields - {"blocks"} | set(BLOCKS_OF_VERSION_1)
        missing, unknown = sorted(fields - OPTIONAL - document.keys()), sorted(document.keys() - known)
        if missing or unknown:
            raise FileError(f"scorecard {path}: missing fields {missing}, unknown fields {shown(unknown)}.")
        return require_fields(cls, document if version > 1 else _from_version_1(document), f"scorecard {path}")

    def logged(self) -> dict[str, float]:
        """Return the numbers under their logged keys (``eval/sharpe``, ...); NaN for an undefined one."""
        named: dict[str, Any] = {f"eval/{name}": value for name, value in self.metrics.items()}
        for name, value in self.guard.items():
            named[telemetry_key(name)] = value
        named |= {f"perf/{name}": value for name, value in self.performance.items()}
        numbers = {name: value for name, value in named.items() if value is None or isinstance(value, (int, float))}
        return {name: math.nan if value is None else float(value) for name, value in numbers.items()}


def _from_version_1(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the protocols' blocks, which were separate fields, under ``blocks``."""
    blocks = {name: document[name] for name in BLOCKS_OF_VERSION_1 if document.get(name, {}) != {}}
    rest = {name: value for name, value in document.items() if name not in BLOCKS_OF_VERSION_1}
    return {**rest, "blocks": blocks, "schema_version": SCHEMA_VERSION}
