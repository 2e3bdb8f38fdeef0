"""What a chart consists of: curves on one scale, or bars in lanes; ``panels`` and ``page.svg`` draw both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from rlx.report.charts.scale import Scale
from rlx.types import FloatArray, TimeArray
from rlx.untrusted.escape import one_line

OWN = "own"
BASELINE = "equal_weight"
BASELINES = (BASELINE, "buy_and_hold", "cash")
"""Baselines that have a colour of their own everywhere."""
OTHERS = 3
"""Colours that other policies have in turn."""

Places = TimeArray | FloatArray
P = TypeVar("P", TimeArray, FloatArray)


@dataclass(frozen=True)
class Mark:
    """Values ``y`` (N,) at moments or numbers ``x`` (N,); NaN interrupts them.

    ``role`` chooses the colour: ``own`` for the policy, the name of a baseline and the like. ``said`` is the number
    that belongs to ``name``. What is ``filled`` is so down to zero, under its line unless not ``outlined``.
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
    """Curves in the order of drawing, on a scale whose ticks ``write`` turns into labels, given the axis' span.

    ``zero`` is the level that has a firm line. ``said`` describes the chart to who does not see it, ``note`` is below
    it. ``legend`` has roles and words, ``across`` places on the other axis and their labels. A ``large`` chart is as
    wide as the page. ``side_notes`` are words and roles for want of a legend. Without marks, ``empty`` says why.
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
    """A bar: what it is of and its number in words, and the pieces (K, 2) from where to where it reaches.

    ``share`` is what its pieces are of the whole. One that is ``off`` can have no pieces.
    """

    name: str
    said: str
    role: str
    pieces: Any
    share: float | None = None
    off: bool = False


@dataclass(frozen=True)
class Lanes:
    """Bars under each other, between the same two places; ``zero`` marks one between them."""

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
    """Return a line for each policy, the own one last, so that it is drawn over the others, and called ``label``."""
    others = [name for name in values if name != own]
    unusual = [name for name in others if name not in BASELINES]
    roles = {name: f"other_{unusual.index(name) % OTHERS}" if name in unusual else name for name in others} | {own: OWN}
    called = {name: spoken(name) for name in others} | {own: label}
    return tuple(Mark(roles[name], x, values[name], called[name], said[name]) for name in (*others, own))


def legend(marks: Iterable[Mark]) -> tuple[tuple[str, str], ...]:
    """Return role and words of each mark that has a name, the policy's own first."""
    keys = [(mark.role, f"{mark.name} {mark.said}".rstrip()) for mark in marks if mark.name]
    return tuple(sorted(keys, key=lambda key: key[0] != OWN))


def stairs(edges: P, values: FloatArray) -> tuple[P, FloatArray]:
    """Return the corners (2 T,) of values (T,) that last from one of the edges (T + 1,) to the next."""
    return np.repeat(edges, 2)[1:-1], np.repeat(values, 2)


def runs(fired: FloatArray, edges: Places) -> Any:
    """Return from where to where, (K, 2), something was true in steps (T,) between edges (T + 1,)."""
    borders = np.flatnonzero(np.diff(np.concatenate(([0], fired > 0.0, [0])).astype(int)))
    return edges[borders].reshape(-1, 2)


def dates_across(dates: TimeArray) -> tuple[tuple[Any, str], ...]:
    """Return at most five dates and how they are written."""
    days = dates.astype("datetime64[D]")
    picked = np.unique(np.linspace(0, len(days) - 1, min(5, len(days))).round().astype(int))
    if len(days) == 1:
        return ((dates[0], str(days[0])),)
    long = (days[-1] - days[0]).astype(int) > 150
    return tuple((dates[i], str(days[i])[:7] if long else str(days[i])[5:]) for i in picked)


def spoken(name: str) -> str:
    """Return the name of a policy as it is said."""
    return one_line(name).replace("_", " ")
