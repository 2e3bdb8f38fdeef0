"""One line of the scoreboard's history: a target judged at one time under one comparability key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

ORACLE = "an oracle that sees the future"
"""Why an oracle has no rank."""


@dataclass(frozen=True)
class Entry:
    """A judged target as plain JSON values; a number that does not exist is None.

    ``target`` is its name in the targets file and ``system`` what its seeds are pooled under. ``kind`` is the option
    of the ``policy`` group, ``options`` the target's own. ``key`` is the hash of the comparability key, ``benchmark``
    the run that judged it and ``recorded_at`` when, in UTC. A target that could not be judged has a ``failure`` and no
    numbers; one that is no competitor is ``unranked`` for a reason. ``days`` counts the calendar days on which a step
    of the hold-out closed. ``metrics``, ``intervals``, ``guard``, ``windows``, ``significance``, ``seen_steps`` and
    ``verdict`` are the scorecard's. ``references`` are rows of what a record says was really earned. ``equity`` draws
    the account's value in a few dozen points, and ``report`` names the file of the series that its full report is
    drawn from.
    """

    target: str
    system: str
    kind: str
    key: str
    benchmark: str
    recorded_at: str
    failure: str | None = None
    unranked: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    days: int | None = None
    metrics: dict[str, float | None] = field(default_factory=dict)
    intervals: dict[str, Any] = field(default_factory=dict)
    guard: dict[str, float | None] = field(default_factory=dict)
    windows: dict[str, Any] = field(default_factory=dict)
    significance: dict[str, Any] = field(default_factory=dict)
    seen_steps: dict[str, int] = field(default_factory=dict)
    verdict: str = ""
    policy: dict[str, Any] = field(default_factory=dict)
    references: list[dict[str, Any]] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    report: str | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Entry:
        """Return the entry of a JSON object of the shape that ``rlx.board.shape`` declares."""
        return cls(**document)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, those that say nothing left out."""
        return {name: value for name, value in asdict(self).items() if value not in (None, {}, [], "")}

    @property
    def ranked(self) -> bool:
        """Whether it is a competitor with numbers."""
        return self.failure is None and self.unranked is None

    @property
    def recorded_return_per_day(self) -> float | None:
        """The mean return a business day that a record says was really earned, None where it says nothing."""
        values = {row["name"]: row["value"] for row in self.references}
        return values.get("production_average_daily_return")

    @property
    def score(self) -> float | None:
        """The hold-out's cumulative return, which ranks are by."""
        return self.metrics.get("cumulative_return")

    @property
    def score_per_day(self) -> float | None:
        """The constant daily return that compounds to the score; None where the account was ruined."""
        if self.score is None or not self.days or self.score <= -1.0:
            return None
        return float((1.0 + self.score) ** (1.0 / self.days) - 1.0)
