"""Roles of the columns of a file without a header, from the form of the cells."""

from __future__ import annotations

import numpy as np

from rlx.data.readers.cells import is_time
from rlx.data.readers.numbers import Numbers
from rlx.data.readers.table import Table
from rlx.errors import DataError
from rlx.types import FloatArray


def stamp_roles(table: Table) -> dict[str, int]:
    """Return the date and time columns of a headerless file: the first, and the second if it has times."""
    cells = table.cells
    if cells.shape[1] > 1 and isinstance(cells.iloc[0, 1], str) and is_time(cells.iloc[0, 1]):
        return {"date": 0, "time": 1}
    return {"date": 0}


def infer_roles(table: Table, numbers: Numbers) -> dict[str, int]:
    """Return role -> column for a headerless file: date (and time), open, high, low, close, volume, in that order.

    Of the four prices, high must be the largest and low the smallest on all rows; of several columns after the close,
    the last whose ratio to another is a price is money, and the other the volume. Raises DataError otherwise.
    """
    roles = stamp_roles(table)
    first = len(roles)
    columns = [numbers.read(k) for k in range(first, table.cells.shape[1])]
    numeric = [values if not bad and not np.isnan(values).all() else None for values, bad in columns]
    prices = [values for values in numeric[:4] if values is not None]
    if len(prices) < 4 or not _is_ohlc(prices):
        raise DataError(
            f"{table.path}: no header, and the columns do not read as date, open, high, low, close; add a header line"
            " such as date,open,high,low,close,volume. [no_price_columns]"
        )
    roles |= {name: first + k for k, name in enumerate(("open", "high", "low", "close"))}
    rest = {first + k: values for k, values in enumerate(numeric) if k >= 4 and values is not None}
    return roles | _volume_roles(rest, prices[3])


def _is_ohlc(prices: list[FloatArray]) -> bool:
    opens, high, low, close = prices
    inside = (high >= np.maximum(opens, close)) & (low <= np.minimum(opens, close)) & (low > 0.0)
    return bool(inside.mean() > 0.95)


def _volume_roles(rest: dict[int, FloatArray], close: FloatArray) -> dict[str, int]:
    """Distinguish shares from money: money / shares is close to the price."""
    for shares, volume in rest.items():
        for money, value in rest.items():
            traded = (volume > 0) & (value > 0)
            with np.errstate(all="ignore"):  # numbers near the float maximum: refused as prices
                distance = np.abs(np.log(value / volume / close)[traded])
            if shares != money and traded.any() and np.median(distance) < 0.1:
                return {"volume": shares, "money_volume": money}
    return {"volume": next(iter(rest))} if rest else {}
