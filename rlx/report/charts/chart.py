"""The parts of a chart: curves on one scale, or bars in lanes; ``panels`` and ``page.svg`` draw both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from rlx.measures.days import evenly_spaced
from rlx.report.charts.scale import Scale
from rlx.types import BoolArray, FloatArray, IntArray, TimeArray
from rlx.untrusted.escape import one_line

OWN = "own"
BASELINE = "equal_weight"
BASELINES = (BASELINE, "buy_and_hold", "cash")
"""Baselines that have their own colour everywhere."""
OTHERS = 3
"""Number of colours for other policies, used in turn."""

Places = TimeArray | FloatArray
P = TypeVar("P", TimeArray, FloatArray)


@dataclass(frozen=True)
class Mark:
    """Values ``y`` (N,) at moments or numbers ``x`` (N,); NaN interrupts them.

    ``role`` chooses the colour: ``own`` for the policy, the name of a baseline, and so on. ``said`` is the number shown
    with ``name``. The area down to zero is filled if ``filled``, and the line is drawn if ``outlined``.
    """

    role: str
    x: Places
    y: FloatArray
    name: str = ""
    said: str = ""
    filled: bool = False
    outlined: bool = True


@dataclass(frozen=True)
class Chart:
    """Curves in drawing order, on a scale; ``write`` turns a tick and the span of the axis into a label.

    ``zero`` is the level with a solid line. ``said`` describes the chart for people who cannot see it, ``note`` is
    below it. ``legend`` has roles and words, ``across`` positions on the other axis and their labels. A ``large``
    chart is as wide as the page. ``side_notes`` are words and roles that replace a legend. Without marks, ``empty``
    is the reason.
    """

    title: str
    marks: tuple[Mark, ...] = ()
    scale: Scale = field(default_factory=lambda: Scale(0.0, 1.0, ()))
    write: Callable[[float, float], str] = lambda value, _: f"{value:g}"
    said: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    across: tuple[tuple[Any, str], ...] = ()
    zero: float | None = 0.0
    large: bool = False
    side_notes: tuple[tuple[str, str], ...] = ()
    note: str = ""
    empty: str = ""


@dataclass(frozen=True)
class Lane:
    """A bar: its name, its number as text, and its pieces (K, 2), each with start and end.

    ``share`` is the share of its pieces in the whole. A lane that is ``off`` can have no pieces.
    """

    name: str
    said: str
    role: str
    pieces: Any
    share: float | None = None
    off: bool = False


@dataclass(frozen=True)
class Lanes:
    """Bars one below the other, from ``first`` to ``last``; ``zero`` marks a position between them."""

    title: str
    lanes: tuple[Lane, ...]
    first: Any
    last: Any
    zero: float | None = None
    ends: tuple[str, ...] = ()
    note: str = ""
    empty: str = ""


def lines(
    x: Places, values: Mapping[str, FloatArray], own: str, label: str, said: Mapping[str, str]
) -> tuple[Mark, ...]:
    """Return a line for each policy; ``own`` is last, so that it is drawn over the others, and is named ``label``."""
    others = [name for name in values if name != own]
    unusual = [name for name in others if name not in BASELINES]
    roles = {name: f"other_{unusual.index(name) % OTHERS}" if name in unusual else name for name in others} | {own: OWN}
    called = {name: spoken(name) for name in others} | {own: label}
    return tuple(Mark(roles[name], x, values[name], called[name], said[name]) for name in (*others, own))


def legend(marks: Iterable[Mark]) -> tuple[tuple[str, str], ...]:
    """Return role and words of each mark that has a name, that of the policy first."""
    keys = [(mark.role, f"{mark.name} {mark.said}".rstrip()) for mark in marks if mark.name]
    return tuple(sorted(keys, key=lambda key: key[0] != OWN))


def stairs(edges: P, values: FloatArray) -> tuple[P, FloatArray]:
    """Return the corners (2 T,) of values (T,), each constant from one edge of (T + 1,) to the next."""
    return np.repeat(edges, 2)[1:-1], np.repeat(values, 2)


def runs(chosen: BoolArray, edges: Places | IntArray) -> Any:
    """Return start and end, (K, 2), of each run of chosen steps (T,) between edges (T + 1,)."""
    borders = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
    return edges[borders].reshape(-1, 2)


def dates_across(dates: TimeArray) -> tuple[tuple[Any, str], ...]:
    """Return at most five dates and their labels."""
    days = dates.astype("datetime64[D]")
    if len(days) == 1:
        return ((dates[0], str(days[0])),)
    long = (days[-1] - days[0]).astype(int) > 150
    return tuple((dates[i], str(days[i])[:7] if long else str(days[i])[5:]) for i in evenly_spaced(len(days), 5))


def spoken(name: str) -> str:
    """Return the name of a policy in words."""
    return one_line(name).replace("_", " ")
