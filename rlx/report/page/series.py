"""The series of one report, read back and checked, since a page is drawn from whatever lies beside the board."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlx.errors import FileError, RlxError
from rlx.types import FloatArray, TimeArray
from rlx.untrusted.documents import read_json
from rlx.untrusted.shapes import anything, listed, mapped, misfit, number, or_null, record, text, whole

GUARDS = ("drawdown_guard", "negative_return_guard", "turnover_guard")
LARGEST_FILE = 8 * 2**20  # a real one has about 25 kB
COSTS = ("before_costs", "trading", "financing", "net")


@dataclass(frozen=True)
class Series:
    """What ``rlx.board.series.report_series`` wrote, as arrays; every one of D dates has a value or NaN.

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
        """Read a file; RlxError, naming it, when it is missing, damaged or holds something else."""
        try:
            document = read_json(path, limit=LARGEST_FILE)
        except FileNotFoundError:
            raise RlxError(f"{path}: no such file") from None
        except (OSError, ValueError) as error:
            raise RlxError(f"{path}: cannot be read ({error})") from error
        except FileError as error:
            raise RlxError(str(error).rstrip(".")) from error
        try:
            return cls.from_dict(document)
        except FileError as error:
            raise RlxError(f"{path}: not a report ({error})") from error

    @classmethod
    def from_dict(cls, document: Any) -> Series:
        """Return the series of a JSON object; FileError, naming the place, where it is not as written."""
        DOCUMENT(document, "")
        dates = _dates(document["dates"])
        by_day = {
            name: {key: _array(values, len(dates), f"{name}.{key}") for key, values in document[name].items()}
            for name in ("value", "drawdown", "rolling_sharpe", "weights", "guards")
        }
        policy, edges = document["policy"], _array(document["windows"]["edges"], None, "windows.edges")
        if not np.all(np.diff(edges) >= 0.0):  # equal ones where all windows earned the same
            raise FileError("windows.edges: must rise")
        counts = {
            name: _array(values, len(edges) - 1, f"windows.counts.{name}")
            for name, values in document["windows"]["counts"].items()
        }
        for held in ("value", "drawdown", "rolling_sharpe"):
            if policy not in by_day[held]:
                raise FileError(f"{held}: nothing of {policy!r}")
        if policy not in counts:
            raise FileError(f"windows.counts: nothing of {policy!r}")
        return cls(
            policy=policy,
            dates=dates,
            monthly=tuple((year, month, float(change)) for year, month, change in document["monthly"]),
            costs={name: float(document["costs"][name]) for name in COSTS},
            edges=edges,
            counts=counts,
            **by_day,
        )

    def days(self) -> FloatArray:
        """Return the place of each date between 0 (the first) and 1 (the last), (D,)."""
        days: FloatArray = (self.dates - self.dates[0]).astype(np.float64)
        return days / days[-1] if days[-1] > 0.0 else days


def _array(values: list[float | None], length: int | None, name: str) -> FloatArray:
    array: FloatArray = np.array(values, dtype=np.float64)  # None becomes NaN
    if length is not None and len(array) != length:
        raise FileError(f"{name}: has {array.size} values, not {length}")
    return array


def _dates(texts: list[str]) -> TimeArray:
    try:
        dates: TimeArray = np.array(texts, dtype="datetime64[D]")
    except ValueError as error:
        raise FileError(f"dates: {error}") from error
    if not np.all(np.diff(dates).astype(np.int64) > 0):
        raise FileError("dates: must rise")
    return dates


def _month(value: Any, place: str) -> None:
    listed(anything, least=3)(value, place)
    for shape, item in zip((whole(1, 9999), whole(1, 12), number()), value, strict=False):
        shape(item, place)
    if len(value) != 3:
        raise misfit(value, place, "a year, a month and a return")


_VALUES = listed(number(), least=1)
_GAPPED = listed(or_null(number()), least=1)

DOCUMENT = record(
    {
        "policy": text(),
        "dates": listed(text(r"\d{4}-\d\d-\d\d", "a date such as 2026-01-31"), least=1),
        "value": mapped(_VALUES),
        "drawdown": mapped(_VALUES),
        "rolling_sharpe": mapped(_GAPPED),
        "weights": mapped(_VALUES),
        "guards": record(dict.fromkeys(GUARDS, _VALUES)),
        "monthly": listed(_month),
        "costs": record({name: number() for name in COSTS}),
        "windows": record({"edges": listed(number(), least=2), "counts": mapped(listed(whole(), least=1))}),
    }
)
"""What the file of a report holds."""
