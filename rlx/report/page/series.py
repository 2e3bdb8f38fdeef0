"""The series of one report, read back and checked, since a page is drawn from whatever lies beside the board."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlx.errors import RlxError
from rlx.types import FloatArray, TimeArray

GUARDS = ("drawdown_guard", "negative_return_guard", "turnover_guard")
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
            document = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls.from_dict(document)
        except FileNotFoundError:
            raise RlxError(f"{path}: no such file") from None
        except KeyError as error:
            raise RlxError(f"{path}: no {error} in it") from error
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise RlxError(f"{path}: not a report ({error})") from error

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Series:
        """Return the series of a JSON object; KeyError, TypeError or ValueError where it is not as written."""
        dates = np.array(document["dates"], dtype="datetime64[D]")
        if dates.ndim != 1 or not len(dates):
            raise ValueError("no dates")
        by_day = {
            name: {str(key): _array(values, len(dates), f"{name}.{key}") for key, values in document[name].items()}
            for name in ("value", "drawdown", "rolling_sharpe", "weights", "guards")
        }
        policy = str(document["policy"])
        edges = _array(document["windows"]["edges"], None, "windows.edges")
        counts = {
            str(name): _array(values, len(edges) - 1, f"windows.counts.{name}")
            for name, values in document["windows"]["counts"].items()
        }
        held = (*(by_day[name] for name in ("value", "drawdown", "rolling_sharpe")), counts)
        if any(policy not in names for names in held):
            raise ValueError(f"nothing of {policy!r}")
        return cls(
            policy=policy,
            dates=dates,
            monthly=tuple((int(year), int(month), float(change)) for year, month, change in document["monthly"]),
            costs={name: float(document["costs"][name]) for name in COSTS},
            edges=edges,
            counts=counts,
            **by_day,
        )

    def days(self) -> FloatArray:
        """Return the place of each date between 0 (the first) and 1 (the last), (D,)."""
        days: FloatArray = (self.dates - self.dates[0]).astype(np.float64)
        return days / days[-1] if days[-1] > 0.0 else days


def _array(values: Any, length: int | None, name: str) -> FloatArray:
    array: FloatArray = np.array(values, dtype=np.float64)  # None becomes NaN
    if array.ndim != 1 or (length is not None and len(array) != length):
        raise ValueError(f"{name} has {array.size} values, not {length}")
    return array
