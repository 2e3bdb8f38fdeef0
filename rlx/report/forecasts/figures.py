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
FAN_BARS = 40
"""Bars before the forecast that a fan chart shows."""
MOST_FANS = 9
MOST_SYMBOLS = 40


@plain_names()
def draw_fan(document: Document, panel: MarketPanel, bars: IntArray, last: Forecast) -> Figure:
    """Return the forecasts made at the last judged bar: a fan of quantiles of the close for each symbol."""
    shown = min(panel.close.shape[1], MOST_FANS)
    columns = min(3, shown)
    lines = -(-shown // columns)
    figure = new_figure(
        (14.0, 2.2 + 2.7 * lines), "The last forecasts", title_of(document), _heights(2.2 + 2.7 * lines)
    )
    grid = figure.add_gridspec(lines, columns, left=LEFT, right=0.97, top=_top(lines), bottom=0.07, hspace=0.45)
    for symbol in range(shown):
        _fan(figure.add_subplot(grid[symbol // columns, symbol % columns]), panel, int(bars[-1]), last, symbol)
    return figure


def _heights(inches: float) -> tuple[float, float]:
    return 1.0 - 0.35 / inches, 1.0 - 0.65 / inches


def _top(lines: int) -> float:
    return 1.0 - 1.25 / (2.2 + 2.7 * lines)


def _fan(axes: Axes, panel: MarketPanel, bar: int, last: Forecast, symbol: int) -> None:
    style(axes, f"{one_line(panel.symbols[symbol])} after {str(panel.timestamps[bar])[:10]}")
    close, first = panel.close[:, symbol], max(0, bar - FAN_BARS)
    past = np.arange(first, bar + 1)
    axes.plot(past - bar, close[past], color=INK, lw=1.2)
    horizon = last.quantiles.shape[2]
    known = np.arange(bar, min(bar + horizon, len(close) - 1) + 1)
    axes.plot(known - bar, close[known], color=INK, lw=1.2, ls=":", marker="o", ms=3)
    fan = close[bar] * (1.0 + last.quantiles[0, symbol, :, 0])  # (H, K)
    steps, fan = np.arange(horizon + 1), np.vstack([np.full(fan.shape[1], close[bar]), fan])
    for pair in range(fan.shape[1] // 2):
        axes.fill_between(steps, fan[:, pair], fan[:, -1 - pair], color=POLICY, alpha=0.13, lw=0)
    axes.plot(steps, _median(fan), color=POLICY, lw=1.2)
    axes.set_xlabel("bars after the forecast", fontsize=8, color=MUTED)


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
        (document["null"]["name"], row["null_coverage"], NULL),
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


__all__ = ["draw_coverage", "draw_fan", "draw_skill"]
