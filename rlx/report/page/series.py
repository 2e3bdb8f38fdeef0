"""The series of one report, read and checked, since the files next to a board may have any content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

import numpy as np

from rlx.errors import FileError, RlxError
from rlx.ranges import Whole
from rlx.sim.rules import GUARDS
from rlx.types import FloatArray, TimeArray
from rlx.untrusted.documents import read_json
from rlx.untrusted.plain_types import Count, Finite, Measure, Words, dated, items, member, require
from rlx.untrusted.shown import shown

BY_POLICY = ("value", "drawdown", "rolling_sharpe")
BY_OTHER = ("weights", "guards")
LARGEST_FILE = 8 * 2**20  # a real one has about 25 kB

Day = Annotated[str, dated(r"\d{4}-\d\d-\d\d", "2026-01-31")]
Month = tuple[Annotated[int, Whole(1, 9999)], Annotated[int, Whole(1, 12)], Finite]
Values = Annotated[list[Finite], items(1)]


Shares = TypedDict("Shares", {rule.flag: Values for rule in GUARDS})  # type: ignore[misc] # keys from the table of guards
"""The share of its steps that each guard fired on."""


class Costs(TypedDict):
    """The mean return a year, and the costs in it."""

    before_costs: Finite
    trading: Finite
    financing: Finite
    net: Finite


class Histogram(TypedDict):
    """How many windows have a return between two edges."""

    edges: Annotated[list[Finite], items(2)]
    counts: dict[str, Annotated[list[Count], items(1)]]


class Written(TypedDict):
    """The content of the file of a report."""

    policy: Words
    dates: Annotated[list[Day], items(1)]
    value: dict[str, Values]
    drawdown: dict[str, Values]
    rolling_sharpe: dict[str, Annotated[list[Measure], items(1)]]
    weights: dict[str, Values]
    guards: Annotated[dict[str, Values], Shares]
    monthly: Annotated[list[Month], items()]
    costs: Costs
    windows: Histogram


@dataclass(frozen=True)
class Series:
    """The output of ``rlx.board.series.report_series`` as arrays; each of D dates has a value or NaN.

    ``value``, ``drawdown`` and ``rolling_sharpe`` (D,) are by policy name, ``weights`` (D,) by symbol, ``guards`` (D,)
    shares by guard. ``monthly`` has year, month and return; ``edges`` (bins + 1,) and ``counts`` (bins,) by policy name
    are the histogram of all start indices.
    """

    policy: str
    dates: TimeArray
    value: dict[str, FloatArray]
    drawdown: dict[str, FloatArray]
    rolling_sharpe: dict[str, FloatArray]
    weights: dict[str, FloatArray]
    guards: dict[str, FloatArray]
    monthly: tuple[tuple[int, int, float], ...]
    costs: dict[str, float]
    edges: FloatArray
    counts: dict[str, FloatArray]

    @classmethod
    def read(cls, path: str | Path) -> Series:
        """Read a file; RlxError, with its name, if it is missing, damaged or has other content."""
        try:
            return cls.from_dict(read_json(path, limit=LARGEST_FILE), str(path))
        except FileNotFoundError:
            raise RlxError(f"{path}: no such file") from None
        except OSError as error:
            raise RlxError(f"{path}: cannot be read ({error})") from error
        except FileError as error:
            raise RlxError(str(error).rstrip(".")) from error

    @classmethod
    def from_dict(cls, document: Any, name: str) -> Series:
        """Return the series of the file ``name``; FileError, with the place, if the content is wrong."""
        require(document, Written, name)
        policy, dates = document["policy"], np.array(document["dates"], dtype="datetime64[D]")
        edges, counts = np.array(document["windows"]["edges"], dtype=np.float64), document["windows"]["counts"]
        if not np.all(np.diff(dates).astype(np.int64) > 0):
            raise FileError(f"{name}: dates must rise.")
        if not np.all(np.diff(edges) >= 0.0):  # equal if all windows earned the same
            raise FileError(f"{name}: windows.edges must rise.")
        by_day = {held: _arrays(document[held], len(dates), f"{name}: {held}") for held in BY_POLICY + BY_OTHER}
        in_bins = _arrays(counts, len(edges) - 1, f"{name}: windows.counts")
        for held, there in (*((held, by_day[held]) for held in BY_POLICY), ("windows.counts", counts)):
            if policy not in there:
                raise FileError(f"{name}: {held} has nothing of {shown(policy)}.")
        monthly = tuple((year, month, float(change)) for year, month, change in document["monthly"])
        return cls(policy, dates, monthly=monthly, costs=document["costs"], edges=edges, counts=in_bins, **by_day)


def _arrays(named: dict[str, list[float | None]], length: int, place: str) -> dict[str, FloatArray]:
    """Return lists as arrays, NaN for None; FileError unless each has ``length`` values."""
    for name, values in named.items():
        if len(values) != length:
            raise FileError(f"{member(place, name)} has {len(values)} values, expected {length}.")
    return {name: np.array(values, dtype=np.float64) for name, values in named.items()}
