"""The pictures of a check: fans of the last forecasts, coverage by level, and skill by symbol."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rlx.data.panel import MarketPanel
from rlx.forecast.forecaster import Forecast
from rlx.report.forecasts.tables import Document, title_of
from rlx.report.panels import BASELINES, INK, LEFT, MUTED, POLICY, new_figure, note, plain_names, style
from rlx.types import FloatArray, IntArray
from rlx.untrusted.escape import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NULL = BASELINES["equal_weight"]
MOST_FANS = 9
MOST_SYMBOLS = 40


@plain_names()
def draw_fan(document: Document, panel: MarketPanel, bars: IntArray, last: Forecast) -> Figure:
    """Return the quantiles of the closes forecast at the last ``bars``, with what happened, for each symbol.

    Forecasts of one bar are drawn next to each other, each over the bar it is for; of longer ones the last whose whole
    horizon is known.
    """
    shown = min(panel.close.shape[1], MOST_FANS)
    columns = min(3, shown)
    lines = -(-shown // columns)
    inches = 2.2 + 2.7 * lines
    figure = new_figure((14.0, inches), "The last forecasts and what happened", title_of(document), _heights(inches))
    figure.text(LEFT, 1.0 - 0.9 / inches, "black: closes. Blue: forecast quantiles and their middle.", color=MUTED)
    top = 1.0 - 1.4 / inches
    grid = figure.add_gridspec(lines, columns, left=LEFT, right=0.97, top=top, bottom=0.06, hspace=0.4)
    for symbol in range(shown):
        axes = figure.add_subplot(grid[symbol // columns, symbol % columns])
        _fan(axes, panel, bars, last, symbol)
    return figure


def _heights(inches: float) -> tuple[float, float]:
    return 1.0 - 0.35 / inches, 1.0 - 0.65 / inches


def _fan(axes: Axes, panel: MarketPanel, bars: IntArray, last: Forecast, symbol: int) -> None:
    style(axes, one_line(panel.symbols[symbol]))
    close, horizon = panel.close[:, symbol], last.quantiles.shape[2]
    if horizon == 1:
        place, fan = bars + 1, close[bars][:, None] * (1.0 + last.quantiles[:, symbol, 0, 0])  # (B, K)
    else:
        known = int(np.flatnonzero(bars + horizon < len(close))[-1]) if bars[0] + horizon < len(close) else 0
        start = int(bars[known])
        fan = close[start] * (
            1.0 + np.vstack([0.0 * last.quantiles[known, symbol, :1, 0], last.quantiles[known, symbol, :, 0]])
        )
        place = start + np.arange(horizon + 1)
    for pair in range(fan.shape[1] // 2):
        axes.fill_between(place, fan[:, pair], fan[:, -1 - pair], color=POLICY, alpha=0.13, lw=0)
    axes.plot(place, _median(fan), color=POLICY, lw=1.0)
    seen = np.arange(int(bars[0]), min(int(place[-1]), len(close) - 1) + 1)
    axes.plot(seen, close[seen], color=INK, lw=1.0, marker="o", ms=2.5)
    ticks = np.quantile(seen, (0.15, 0.85)).astype(int)  # so that the dates of neighbours do not touch
    axes.set_xticks(ticks, [str(panel.timestamps[bar])[:10] for bar in ticks])


def _median(fan: FloatArray) -> FloatArray:
    middle = fan.shape[1] // 2
    return np.asarray(fan[:, middle] if fan.shape[1] % 2 else (fan[:, middle - 1] + fan[:, middle]) / 2.0)


@plain_names()
def draw_coverage(document: Document) -> Figure:
    """Return the share of closes at or below each quantile, of the forecaster and of the null model."""
    figure = new_figure((9.0, 9.0), "Coverage by level", title_of(document), (0.955, 0.925), left=0.1)
    axes = figure.add_axes((0.1, 0.08, 0.84, 0.8))
    style(axes, "Share of the next closes at or below the quantile")
    levels, row = document["levels"], document["pooled"][0]
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.8, ls="--")
    series = (
        (f"null model ({document['null']['name']})", row["null_coverage"], NULL),
        (document["forecaster"]["name"], row["coverage"], POLICY),
    )
    for place, (name, shares, colour) in enumerate(series):
        values = np.array([np.nan if share is None else share for share in shares])
        axes.plot(levels, values, color=colour, marker="o", ms=4, lw=1.4)
        axes.text(0.03, 0.95 - 0.05 * place, one_line(name), transform=axes.transAxes, color=colour)
    axes.set_xlabel("level")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    return figure


@plain_names()
def draw_skill(document: Document) -> Figure:
    """Return skill over the null model for the next close, by symbol with the pooled one on top."""
    pooled = {"all symbols": document["pooled"][0]}
    first = {symbol: rows[0] for symbol, rows in list(document["symbols"].items())[:MOST_SYMBOLS]}
    shown = {**pooled, **first} if len(first) > 1 else pooled
    inches = 2.4 + 0.3 * len(shown)
    figure = new_figure((11.0, inches), "Skill by symbol", title_of(document), _heights(inches), left=0.14)
    axes = figure.add_axes((0.14, 0.75 / inches, 0.74, 1.0 - 2.0 / inches))
    style(axes, "Share of the null model's pinball loss that is saved, next close, 95% intervals")
    for place, row in enumerate(shown.values()):
        found = row["skill_over_null"]
        colour = POLICY if place == 0 else INK
        if found["low"] is not None:
            axes.plot([found["low"], found["high"]], [-place, -place], color=colour, lw=2.2 if place == 0 else 1.2)
        if found["estimate"] is not None:
            axes.plot([found["estimate"]], [-place], marker="o", color=colour)
    axes.axvline(0.0, color=MUTED, lw=0.8)
    axes.set_yticks([-place for place in range(len(shown))], [one_line(name) for name in shown])
    note(axes, "right of 0:\nbetter than\nthe null model", MUTED)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.1%}")
    return figure
