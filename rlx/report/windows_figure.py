"""What the figures of windows share: the frame, the grey of windows that are no test, and the dates below."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rlx.evaluate.purging import UNSEEN
from rlx.evaluate.window_rows import Row, seen_in
from rlx.files import atomic_path
from rlx.report import panels
from rlx.report.numbers import number
from rlx.report.panels import MUTED, note, plain_names
from rlx.types import FloatArray
from rlx.untrusted.escape import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_INCHES = (14.0, 9.0)
DPI = 100
MOST_DATES = 12


def new_figure(title: str, subtitle: str) -> Figure:
    """Return an empty figure of 1400 x 900 pixels with title and subtitle, without changing pyplot's state."""
    return panels.new_figure(SIZE_INCHES, title, subtitle, (0.955, 0.925))


@plain_names()
def write_png(path: str | Path, figure: Figure) -> None:
    """Write the figure as PNG, atomically."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})


def shade_no_test(axes: Axes, rows: list[Row], explained_at: Axes | None = None) -> None:
    """Shade the windows that are no test of the policy grey; their positions on the axis are 0, 1, 2 and so on."""
    grey = [row["window"] for row in rows if seen_in(row) or row.get("status", UNSEEN) != UNSEEN]
    if not grey:
        return
    for run in np.split(grey, np.flatnonzero(np.diff(grey) > 1) + 1):
        axes.axvspan(run[0] - 0.5, run[-1] + 0.5, color="#eef0f3", lw=0, zorder=0)
    if explained_at is not None:
        close = ", or is\ntoo close to them" if any(not seen_in(rows[window]) for window in grey) else ""
        note(explained_at, f"grey: no test, contains\nsteps the policy\nwas fitted on{close}", MUTED, y=0.25)


def label_windows(axes: Axes, rows: list[Row], *, named: bool, most: int = MOST_DATES) -> None:
    """Write the first and last dates of at most ``most`` windows below the axis; only ticks unless ``named``."""
    shown = rows[:: math.ceil(len(rows) / most)]
    axes.set_xticks([row["window"] for row in shown])
    axes.set_xticklabels([f"{row['first'][:10]}\n{row['last'][:10]}" if named else "" for row in shown], fontsize=9.5)
    axes.set_xlim(-0.6, len(rows) - 0.4)
    axes.grid(visible=False, axis="x")


def note_median(axes: Axes, who: str, name: str, values: FloatArray, colour: str, place: int = 0) -> None:
    """Write whose values (B,) of a measure these are, and their median, next to the axes."""
    finite = values[np.isfinite(values)]
    median = number(name, float(np.median(finite)) if finite.size else None)
    note(axes, f"{one_line(who).replace('_', ' ')}\nmedian {median}", colour, y=1.0 - 0.35 * place)
