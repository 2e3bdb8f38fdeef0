"""Forecast rows are joined with bars by symbol and bar."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlx.backtest.joined import join
from rlx.data.panel import MarketPanel
from rlx.errors import DataError
from rlx.forecast.rows import ForecastRows
from tests.backtest.worked_example import BARS, FORECASTS, make_panel, make_rows


def test_a_row_is_joined_with_the_bar_after_its_own() -> None:
    joined = join(make_rows(), make_panel())
    np.testing.assert_array_equal(joined.traded.close[:, 0], BARS[1:, 3])
    np.testing.assert_array_equal(joined.before.high[:, 0], BARS[:-1, 1])
    assert joined.stamps.astype("datetime64[D]").tolist()[0].isoformat() == "2025-01-07"
    np.testing.assert_allclose(joined.returns[:, 0], [0.02, -0.0392157, -0.0204082, 0.0416667, 0.03], atol=5e-8)


def test_a_bar_without_a_row_has_no_forecast_and_shifts_nothing() -> None:
    joined = join(make_rows(FORECASTS[[0, 1, 3, 4]], at=[0, 1, 3, 4]), make_panel())
    assert np.isnan(joined.close[2, 0]) and joined.bars.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(np.delete(joined.close, 2), np.delete(make_rows().close, 2))


def test_a_row_of_the_last_bar_has_nothing_to_trade() -> None:
    rows = make_rows(np.vstack([FORECASTS, FORECASTS[:1]]))
    assert len(join(rows, make_panel()).bars) == 5
    with pytest.raises(DataError, match="no forecast has a bar after it"):
        join(make_rows(FORECASTS[:1], at=[5]), make_panel())


def test_a_symbol_without_rows_has_no_forecasts_and_others_keep_theirs() -> None:
    panel = make_panel()
    two = MarketPanel(
        ("A", "X"),
        panel.timestamps,
        **{n: np.repeat(getattr(panel, n), 2, 1) for n in ("open", "high", "low", "close")},
    )
    joined = join(make_rows(), two)
    assert np.isnan(joined.close[:, 0]).all()
    np.testing.assert_array_equal(joined.close[:, 1], make_rows().close[:, 0])


def test_infinite_forecasts_are_missing() -> None:
    rows = make_rows()
    rows.close[0] = np.inf
    assert join(rows, make_panel()).lacks(("close",))[:, 0].tolist() == [True, False, False, False, False]


def test_bad_rows_and_panels_are_refused() -> None:
    with pytest.raises(DataError, match="no open, high, low: strategies are filled"):
        join(make_rows(), replace(make_panel(), open=None, high=None, low=None))
    with pytest.raises(DataError, match="'Y' is not a symbol"):
        join(replace(make_rows(), symbols=("Y",)), make_panel())
    with pytest.raises(DataError, match="ascending bars"):
        join(make_rows(at=[0, 1, 2, 3, 3]), make_panel())
    empty = np.empty((0, 1))
    with pytest.raises(DataError, match="no forecast has a bar after it"):
        join(ForecastRows(("X",), np.empty(0, np.int64), empty, empty, empty, empty), make_panel())
