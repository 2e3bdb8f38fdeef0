"""The figure of an evaluation: equity, drawdown, exposure, trading and guards over the hold-out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rlx.evaluate.windows import HOLDOUT
from rlx.files import to_json
from rlx.measures.evaluation import Evaluation
from rlx.measures.metrics import drawdowns
from rlx.measures.performance import performance_metrics, tagged
from rlx.report import panels
from rlx.report.charts import bars, curves
from rlx.report.charts.chart import BASELINE, Chart, Lanes, spoken
from rlx.report.numbers import in_words
from rlx.report.windows_figure import write_png
from rlx.sim.rules import GUARDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_INCHES = (14.0, 10.0)


def write_report_png(path: str | Path, evaluation: Evaluation, baselines: Mapping[str, Evaluation], title: str) -> None:
    """Write the figure, 1400 x 1000 pixels, atomically; ``baselines`` by name, over the same hold-out."""
    write_png(path, draw_report(evaluation, baselines, title))


@panels.plain_names()
def draw_report(evaluation: Evaluation, baselines: Mapping[str, Evaluation], title: str) -> Figure:
    """Return the figure as a matplotlib Figure, without changing pyplot's state."""
    figure = panels.new_figure(SIZE_INCHES, title, _subtitle(evaluation), (0.962, 0.935))
    grid = figure.add_gridspec(
        5,
        1,
        height_ratios=(3.6, 1.5, 1.5, 1.1, 0.9),
        left=panels.LEFT,
        right=0.862,
        top=0.895,
        bottom=0.05,
        hspace=0.34,
    )
    axes: list[Axes] = []
    for row in range(5):
        axes.append(figure.add_subplot(grid[row], sharex=axes[0] if axes else None))
    for panel, chart in zip(axes[:4], _charts(evaluation, baselines), strict=True):
        panels.draw_chart(panel, chart)
    panels.draw_lanes(axes[4], _guards(evaluation), "Guards fired")
    _share_dates(axes, evaluation)
    return figure


def _charts(evaluation: Evaluation, baselines: Mapping[str, Evaluation]) -> list[Chart]:
    """Return all charts except that of the guards, from top to bottom."""
    own, label, moments = evaluation.policy, spoken(evaluation.policy), curves.edges(evaluation)
    ledgers = {name: one.sets[HOLDOUT].ledger for name, one in {**baselines, own: evaluation}.items()}
    values = {name: np.concatenate(([1.0], ledger.value[0])) for name, ledger in ledgers.items()}
    others = sorted((name for name in values if name != own), key=lambda name: name != BASELINE)
    falls = {name: -drawdowns(values[name]) for name in (*others[:1], own)}
    return [
        curves.equity(moments, values, own, label),
        curves.drawdown(moments, falls, own, label, "Drawdown"),
        curves.exposure(evaluation),
        curves.turnover(evaluation),
    ]


def _guards(evaluation: Evaluation) -> Lanes:
    ledger, rules = evaluation.sets[HOLDOUT].ledger, evaluation.rules
    fired = {rule.flag: np.asarray(getattr(ledger, rule.flag)[0], np.float64) for rule in GUARDS}
    rates = {rule.hit_rate: float(fired[rule.flag].mean()) for rule in GUARDS}
    return bars.guards(fired, curves.edges(evaluation), vars(rules.guard), rules.cooldown.steps, rates)


def _share_dates(axes: list[Axes], evaluation: Evaluation) -> None:
    """Add one time axis with years and months under all panels."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    axes[0].set_xlim(*curves.edges(evaluation)[[0, -1]])
    locator = AutoDateLocator(minticks=4, maxticks=10)  # type: ignore[no-untyped-call]
    axes[-1].xaxis.set_major_locator(locator)
    axes[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    for axis in axes[:-1]:
        axis.tick_params(labelbottom=False)


def _subtitle(evaluation: Evaluation) -> str:
    """Return the span, the size and the most important measures of the hold-out."""
    windows, (first, last) = evaluation.sets[HOLDOUT], curves.edges(evaluation)[[0, -1]]
    span = f"{np.datetime_as_string(first, unit='D')} to {np.datetime_as_string(last, unit='D')}"
    measured = performance_metrics(windows.ledger.select(0), evaluation.periods_per_year)
    steps = f"{windows.steps} step{'s' if windows.steps > 1 else ''}"
    summary = ",  ".join(in_words(metric, to_json(measured[name])) for name, metric in tagged("figure").items())
    return f"{span}, {steps}, {len(evaluation.symbols)} assets, net of costs:  {summary}"
