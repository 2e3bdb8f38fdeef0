"""The declaration of a metric: name, unit, meaning, which direction is better, its formula, and where it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from rlx.sim.ledger import Ledger
from rlx.types import FloatArray

UNDEFINED = "n/a"

LAST = 100
"""The position of a metric that has none."""

SHOWN = {
    "terminal": "the table that an evaluation prints",
    "figure": "the line under the title of report.png",
    "panel": "a panel of walk_forward.png",
    "board": "a column of the scoreboard, in Markdown and on the page",
    "board_terminal": "a column of the narrower scoreboard on the terminal",
    "progress": "the progress bar of a training",
}
"""Tag -> where its metrics are shown; open to metrics of other packages."""

FILED = {
    "interval": "has a bootstrap interval on the scorecard",
    "headline": "has its interval in the line that an evaluation prints",
    "windows": "has quantiles over windows on the scorecard, and a column in tables of windows",
    "aggregate": "has a column in the table of policies for some of the symbols",
}
"""Tag -> its effect on files; for built-in metrics only, because every reader of the file expects them."""

TAGS = SHOWN | FILED


@dataclass(frozen=True)
class Metric:
    """One measure of a finished ledger, of one account or of a batch of them.

    ``compute`` takes the ledger and the periods per year, and returns float64 of the ledger's leading shape: () for
    quantities of shape (T,), (B,) for (B, T); NaN where the measure is undefined. ``better`` is ``higher``, ``lower``
    or an empty string where neither is. ``tags`` says where it is shown: a tag of ``TAGS`` -> its position among the
    metrics with that tag, ties in the order of declaration. ``label`` is its heading there, by default its name.
    ``of_returns`` computes it from net returns (..., T) alone, where that is possible.
    """

    name: str
    unit: str
    meaning: str
    better: str
    compute: Callable[[Ledger, float], FloatArray]
    label: str = ""
    tags: Mapping[str, int] = field(default_factory=dict)
    of_returns: Callable[[FloatArray, float], FloatArray] | None = None

    @property
    def heading(self) -> str:
        """The heading of its numbers."""
        return self.label or self.name.replace("_", " ")


def of_returns(
    name: str,
    unit: str,
    meaning: str,
    better: str,
    formula: Callable[[FloatArray, float], FloatArray],
    label: str = "",
    tags: Mapping[str, int] | None = None,
) -> Metric:
    """Return a metric that is a function of net returns (..., T) and the periods per year."""
    return Metric(
        name, unit, meaning, better, lambda ledger, year: formula(ledger.net_return, year), label, tags or {}, formula
    )


def shown(*tags: str, **places: int) -> dict[str, int]:
    """Return ``Metric.tags``: ``tags`` at the end, ``places`` at the given positions."""
    return dict.fromkeys(tags, LAST) | places


def in_order(metrics: Iterable[Metric], tag: str) -> list[Metric]:
    """Return the metrics that have a tag, in the order of their positions."""
    return sorted((metric for metric in metrics if tag in metric.tags), key=lambda metric: metric.tags[tag])


def written(value: float | None, spec: str = "", undefined: str = UNDEFINED) -> str:
    """Return a number in a format of Python's; ``undefined`` for None."""
    return undefined if value is None else format(value, spec)


def mean(values: FloatArray) -> FloatArray:
    """Return the mean over time, (..., T) -> (...)."""
    return np.asarray(np.asarray(values, float).mean(axis=-1))


def highest(values: FloatArray) -> FloatArray:
    """Return the largest value over time, (..., T) -> (...)."""
    return np.asarray(np.asarray(values, float).max(axis=-1))


def lowest(values: FloatArray) -> FloatArray:
    """Return the smallest value over time, (..., T) -> (...)."""
    return np.asarray(np.asarray(values, float).min(axis=-1))
