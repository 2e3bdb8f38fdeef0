"""Target weights from a table, as a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rlx.data.calendars import DAY_SECONDS, modal_spacing_seconds
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.errors import WeightsError
from rlx.policies.config import WeightsConfig
from rlx.policies.covered import covered_span
from rlx.policies.drift import drifted
from rlx.policies.weights_table import WeightsTable, read_weights
from rlx.types import FloatArray, IntArray


class WeightsFile:
    """Trade a CSV or Parquet file: one timestamp column and one column per symbol, weights as fractions of equity.

    A row is decided at the close of the bar with its timestamp, or of the next bar when there is none (a weekend, a
    holiday), never earlier; of two rows for one bar the later counts. Bars of a day or longer use the row's day: one of
    16:00 on the day that labels a week is decided at that week's close. A row for a period (Parquet) is decided at the
    close that ends it. Before the first row the account is in cash. Between rows ``hold`` lets weights drift with
    prices and ``rebalance`` trades back to the row at every bar. Symbols of the market without a column have weight
    zero, and rows outside the market's bars are not traded.

    Raises WeightsError naming file, row and symbol, and ConfigError for an invalid ``between``.
    """

    name = "weights"
    feature_names: tuple[str, ...] = ()
    window_steps = 0

    def __init__(self, path: str, between: str = "hold") -> None:
        WeightsConfig(path=str(path), between=between)
        self.path = Path(path)
        self.between = between
        self._table = read_weights(self.path)
        self._targets: FloatArray | None = None
        self._row_bars: IntArray = np.zeros(0, dtype=np.int64)

    def bind(self, market: Market) -> None:
        """Assign the rows to the market's bars; WeightsError for unknown symbols or no overlap in time."""
        table = self._table
        columns = table.columns_in(market.symbols)
        bars = _bars_of(table, market)
        traded = bars >= 0
        rows = np.zeros((int(traded.sum()), market.n_assets))
        rows[:, columns] = table.weights[traded]
        self._row_bars = bars[traded]
        self._targets = _lay_out(rows, self._row_bars, market, drift=self.between == "hold")

    def reset(self, batch: int) -> None:
        """There is no state: the target follows from the bar."""

    def act(self, observation: Observation) -> FloatArray:
        """Return the weights of each account's bar, (B, A)."""
        if self._targets is None:
            raise WeightsError(f"{self.path}: bind the weights to a market before acting on them.")
        return self._targets[observation.bar]

    def span(self, market: Market) -> Span:
        """Return the decision bars that the file covers: first row to last row plus one typical gap between rows.

        A file of one row covers everything from it to the market's end.
        """
        self.bind(market)
        span = covered_span(self._row_bars, market.n_bars)
        if len(span) == 0:
            raise WeightsError(f"{self.path}: the only row on this market is at its last bar: nothing can be earned.")
        return span

    def describe(self) -> dict[str, Any]:
        """Return the source of the weights and the number of rows traded."""
        return {
            "kind": self.name,
            "path": str(self.path),
            "between": self.between,
            "symbols": list(self._table.symbols),
            "rows": len(self._table.weights),
            "rows_on_market": len(self._row_bars),
        }


def _bars_of(table: WeightsTable, market: Market) -> IntArray:
    """Return the bar each row is decided at, -1 for rows outside the market's bars."""
    stamps, rows = market.timestamps, table.timestamps
    spacing = modal_spacing_seconds(stamps)
    if spacing >= DAY_SECONDS:  # such labels are days, regardless of a row's time of day
        stamps, rows = stamps.astype("datetime64[D]"), table.days()
    elif table.of_periods:  # a bar is labelled by its start: the first that closes no earlier than the period ends
        rows = rows - np.timedelta64(round(spacing * 1e9), "ns")
    inside = (rows >= stamps[0]) & (rows <= stamps[-1])
    if not inside.any():
        raise WeightsError(
            f"{table.path}: its rows run from {rows[0]} to {rows[-1]}, the market from {stamps[0]} to {stamps[-1]}: "
            "no overlap. Choose data of the same period, or check the timestamps' year and time zone (UTC)."
        )
    return np.where(inside, np.searchsorted(stamps, rows), -1)


def _lay_out(rows: FloatArray, row_bars: IntArray, market: Market, *, drift: bool) -> FloatArray:
    """Return targets (N, A): zeros before the first row, afterwards the latest row, drifted or unchanged."""
    bars = np.arange(market.n_bars)
    latest = np.searchsorted(row_bars, bars, side="right") - 1  # (N,) row in force, -1 before the first
    weights = np.where((latest >= 0)[:, None], rows[latest], 0.0)
    if not drift:
        return weights
    close = market.panel.close
    return drifted(weights, close / close[row_bars[latest]])
