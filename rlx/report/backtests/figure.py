"""The picture of a document: value by strategy, the band of both assumptions, and entries and exits on the price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rlx.backtest.outcome import Outcome, Trading
from rlx.report.backtests.charts import bounds_chart, names_with_fills, value_chart
from rlx.report.backtests.tables import Document, title_of
from rlx.report.charts.chart import spoken
from rlx.report.panels import INK, LEFT, MUTED, draw_chart, new_figure, note, plain_names, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES, TITLE_INCHES, PANEL_INCHES = 14.0, 1.04, 3.99
BARS_SHOWN = 60
"""Bars of the panel with entries and exits, the last ones: more could not be distinguished."""
GAIN, LOSS = "#1a8f6d", "#c0392b"


@plain_names()
def draw_backtest(trading: Trading, outcomes: Mapping[str, Outcome], account: int, document: Document) -> Figure:
    """Return the figure of one account, 1400 pixels wide, without changing pyplot's state."""
    title = f"Strategies on forecasts of {document['forecaster']['name']}"
    stamps, names = trading.joined.stamps, names_with_fills(outcomes)
    drawn = (value_chart(stamps, outcomes, account), bounds_chart(stamps, outcomes, account))
    charts = [chart for chart in drawn if chart is not None]
    trades = bool(names) and account < len(trading.joined.symbols)
    n_panels = len(charts) + trades
    height = TITLE_INCHES + PANEL_INCHES * n_panels
    figure = new_figure((WIDTH_INCHES, height), title, title_of(document), (1.0 - 0.36 / height, 1.0 - 0.64 / height))
    top = 1.0 - TITLE_INCHES / height
    grid = figure.add_gridspec(n_panels, 1, left=LEFT, right=0.84, top=top, bottom=0.52 / height, hspace=0.24)
    for place, chart in enumerate(charts):
        draw_chart(figure.add_subplot(grid[place]), chart)
    if trades:
        _draw_trades(figure.add_subplot(grid[n_panels - 1]), trading, outcomes[names[0]], account)
    return figure


def _draw_trades(axes: Axes, trading: Trading, outcome: Outcome, account: int) -> None:
    """Draw the last bars as ranges, and a line from entry to exit in each with a trade."""
    joined = trading.joined
    shown = slice(-min(BARS_SHOWN, len(joined.bars)), None)
    style(axes, f"Entries and exits of {spoken(outcome.name)} on {joined.symbols[account]}, last {BARS_SHOWN} bars")
    low, high, close = (getattr(joined.traded, name)[shown, account] for name in ("low", "high", "close"))
    places = np.arange(len(close), dtype=np.float64)
    axes.vlines(places, low, high, color="#c5cad1", lw=5)
    axes.plot(places, close, color=MUTED, lw=0.9)
    for orders, fills in zip(outcome.orders, outcome.fills, strict=True):
        side = np.broadcast_to(orders.side, joined.close.shape)[shown, account]
        entry, leave = fills.entry[shown, account], fills.exit[shown, account]
        gained = side * (leave - entry) > 0.0
        for mask, colour in ((gained, GAIN), (~gained & ~np.isnan(entry), LOSS)):
            axes.vlines(places[mask], entry[mask], leave[mask], color=colour, lw=2)
            axes.scatter(places[mask], leave[mask], color=colour, s=18, zorder=3)
        for sign, marker in ((1.0, "^"), (-1.0, "v")):
            mask = (side == sign) & ~np.isnan(entry)
            axes.scatter(places[mask], entry[mask], color=INK, marker=marker, s=26, zorder=4)
    axes.set_xlim(-1, len(close))
    ticks = np.unique(np.linspace(0, len(close) - 1, 6).astype(int))
    axes.set_xticks(ticks, [str(stamp)[:10] for stamp in joined.stamps[shown][ticks]])
    note(axes, "triangle: entry\nup long, down short\ndot: exit\ngreen gained\nred lost\ngrey: range", MUTED)
