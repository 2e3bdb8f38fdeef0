"""What a metric is: its name, unit and meaning, which way is better, how it is computed, and where it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from rlx.sim.ledger import Ledger
from rlx.types import FloatArray

UNDEFINED = "n/a"

LAST = 100
"""The place of a metric that asks for none."""

SHOWN = {
    "terminal": "the table that a judgement prints",
    "figure": "the line under the title of report.png",
    "panel": "a panel of walk_forward.png",
    "board": "a column of the scoreboard, in Markdown and on the page",
    "board_terminal": "one of those that the scoreboard on the terminal has room for",
    "progress": "the progress bar of a training",
}
"""Tag -> where metrics that have it are shown; open to other packages' metrics."""

FILED = {
    "interval": "has a bootstrap interval on the scorecard",
    "headline": "has its interval in the line that a judgement prints",
    "windows": "has quantiles over windows on the scorecard, and a column in tables of windows",
    "aggregate": "has a column in the table of policies for some of the symbols",
}
"""Tag -> what files have of metrics with it: ours alone, as every reader of the file expects them."""

TAGS = SHOWN | FILED


@dataclass(frozen=True)
class Metric:
    """One measure of a finished ledger, of one account or of a batch of them.

    ``compute`` is given the ledger and the periods per year, and returns float64 of the ledger's leading shape: () for
    quantities of shape (T,), (B,) for (B, T); NaN where the measure does not exist. ``better`` is ``higher``, ``lower``
    or an empty string where neither is. ``tags`` says where it is shown: a tag of ``TAGS`` -> its place among those
    that have it, equal ones in the order of their declaration. ``label`` is its heading there, its name without one.
    ``of_returns`` computes it from net returns (..., T) alone, and is there where that can be done.
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
        """What stands above or beside its numbers."""
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
    """Return ``Metric.tags``: ``tags`` at the end, ``places`` where they say."""
    return dict.fromkeys(tags, LAST) | places


def in_order(metrics: Iterable[Metric], tag: str) -> list[Metric]:
    """Return the metrics that have a tag, by their places."""
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
