"""The table and the picture of where the original's Sharpe ratios come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from rlx.backtest.illusion import Judged
from rlx.report.panels import INK, MUTED, OTHERS, POLICY, new_figure, plain_names, style
from rlx.report.tables import Table, to_markdown
from rlx.untrusted.markdown import document, heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Where a Sharpe ratio of 16 comes from"
SIZE_INCHES = (14.0, 9.0)
NUMBERS = ("mean of six bars", "mean of window Sharpes", "Sharpe of the series")
Cases = Mapping[str, Mapping[str, Judged]]
"""What every procedure reports, by case and procedure."""
READING = (
    "The same forecasts and bars, judged by each procedure. The original grants entry and target of one bar whatever "
    "came first, counts the distance from entry to close as a gain even when a long lost it, charges a fee only where "
    "both were touched, tunes its limits on the six bars that it then reports, and averages the Sharpe ratios of "
    "windows of six bars. Signed: losses count as losses, and every entry pays the fee. Honest: the fills and costs of "
    "this package, with nothing tuned. Where a random walk with noise as its forecast shows "
    "the same numbers as the real forecaster, those numbers are no evidence of skill."
)


def case_table(case: str, judged: Mapping[str, Judged]) -> Table:
    """Return for each procedure what it reports of one case."""
    rows = [[name, *_cells(one)] for name, one in judged.items()]
    return Table(["procedure", *NUMBERS], rows, case)


def _cells(one: Judged) -> list[str]:
    mean = f"{one.window_return:+.2%} (se {one.standard_error:.2%})"
    return [mean, f"{one.window_sharpe:+.1f}", f"{one.sharpe:+.1f}"]


def illusion_table(cases: Cases) -> Table:
    """Return for each procedure the mean return of six bars with its error, and both Sharpe ratios, by case."""
    procedures = list(next(iter(cases.values())))
    header = ["procedure", *(f"{case}: {number}" for case in cases for number in NUMBERS)]
    rows = [[name, *(cell for judged in cases.values() for cell in _cells(judged[name]))] for name in procedures]
    return Table(header, rows, TITLE)


def render_illusion(cases: Cases) -> str:
    """Return the comparison as Markdown."""
    counts = "; ".join(f"{case}: {next(iter(judged.values())).windows} windows" for case, judged in cases.items())
    return document([heading(1, TITLE), READING, to_markdown(illusion_table(cases)), f"{counts}."])


@plain_names()
def draw_illusion(cases: Cases) -> Figure:
    """Return the figure, 1400 x 900 pixels: a bar for each procedure and case."""
    figure = new_figure(SIZE_INCHES, TITLE, "MaxDiff on the same forecasts, by procedure", (0.955, 0.925), 0.235)
    grid = figure.add_gridspec(1, 2, left=0.235, right=0.97, top=0.86, bottom=0.1, wspace=0.12)
    returns, sharpes = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    _draw(returns, cases, "Mean return of six bars", lambda one: one.window_return, lambda one: one.standard_error)
    _draw(sharpes, cases, "Mean of the windows' Sharpe ratios", lambda one: one.window_sharpe)
    low, high = returns.get_xlim()
    returns.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    returns.set_xlim(low, high)
    sharpes.set_yticklabels([])
    handles, labels = returns.get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.23, 0.0), ncol=len(cases), frameon=False)
    return figure


def _draw(
    axes: Axes,
    cases: Cases,
    title: str,
    value: Callable[[Judged], float],
    error: Callable[[Judged], float] | None = None,
) -> None:
    style(axes, title)
    procedures = list(next(iter(cases.values())))
    height = 0.8 / len(cases)
    for number, ((case, judged), colour) in enumerate(zip(cases.items(), (POLICY, OTHERS[0], MUTED), strict=False)):
        places = np.arange(len(procedures)) + (number - (len(cases) - 1) / 2) * height
        errors = None if error is None else [error(judged[name]) for name in procedures]
        widths = [value(judged[name]) for name in procedures]
        axes.barh(places, widths, height * 0.9, color=colour, label=case, xerr=errors, error_kw={"lw": 1})
    axes.set_yticks(range(len(procedures)), procedures, fontsize=11, color=INK)
    axes.set_ylim(len(procedures) - 0.5, -0.5)
    axes.axvline(0.0, color=MUTED, lw=0.9)
    axes.margins(x=0.05)
    axes.grid(visible=False, axis="y")
