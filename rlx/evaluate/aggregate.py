"""One row per policy: what a table of several judgements over the same dates reports about each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rlx.evaluate.judge import Judgement
from rlx.evaluate.windows import HOLDOUT
from rlx.measures.days import daily_growth
from rlx.measures.performance import tagged
from rlx.untrusted.csv_file import write_csv

Row = dict[str, str | int | float | None]


def aggregate_row(judgement: Judgement) -> Row:
    """Return the hold-out's days, average daily return, metrics and interval bounds."""
    daily = daily_growth(judgement.evaluation.sets[HOLDOUT]) - 1.0  # net, of each calendar day
    card = judgement.scorecard
    row: Row = {"days": len(daily), "average_daily_return": float(daily.mean())}
    row |= {name: card.metrics[name] for name in tagged("aggregate")}
    for name in tagged("interval"):
        row |= {f"{name}_{bound}": card.intervals[name][bound] for bound in ("low", "high")}
    return row


def write_aggregate(path: Path, judgements: Mapping[str, Judgement], column: str) -> None:
    """Write a CSV file with one row per judgement, its name first in ``column``; an undefined number is empty."""
    rows = [{column: name, **aggregate_row(judgement)} for name, judgement in judgements.items()]
    write_csv(path, rows)
