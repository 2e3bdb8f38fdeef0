"""From a table to the bars of its symbols: long, per-symbol, two-line header, matrix of closes, headerless."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from rlx.data.bars import Bars
from rlx.data.findings import Severity
from rlx.data.readers.adjust import adjusted
from rlx.data.readers.cells import to_numbers
from rlx.data.readers.headerless import infer_roles, is_lean
from rlx.data.readers.headers import ALIASES, assign_roles, is_known
from rlx.data.readers.names import symbol_from_name
from rlx.data.readers.stamps import Stamps, parse_stamps
from rlx.data.readers.tables import Table, read_table
from rlx.errors import DataError
from rlx.types import FloatArray, IntArray

_TICKER = re.compile(r"[A-Z0-9][A-Z0-9.^=\-_/]{0,14}|\^[A-Z0-9]{1,8}")
_NUMERIC_ROLES = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "adj_open",
    "adj_high",
    "adj_low",
    "adj_close",
    "adj_volume",
    "dividend",
    "money_volume",
)


def read_bars(path: Path, close_only: bool = False) -> list[Bars]:
    """Return the bars of every symbol in a file, in file order, not yet checked; raises DataError.

    ``close_only`` also accepts a matrix whose column names do not look like ticker symbols.
    """
    table = read_table(path)
    if table.tickers is not None:
        return _read_two_level(table)
    _refuse_repeated(table)
    roles = assign_roles(table.columns) if table.columns is not None else infer_roles(table)
    if "date" not in roles:
        raise DataError(
            f"{path}: no date column among {_listed(table.columns)}. Accepted: {', '.join(ALIASES['date'])},"
            " or an unnamed first column. [no_date_column]"
        )
    if not {"close", "adj_close"} & set(roles):
        return _read_matrix(table, roles, close_only)
    return _read_long(table, roles)


def _refuse_repeated(table: Table) -> None:
    names = [name.strip() for name in table.columns or () if name.strip()]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(
            f"{table.path}: column '{repeated[0]}' appears twice; keep one of them, or give each symbol a file of its"
            " own. [repeated_column]"
        )


def _listed(columns: list[str] | None) -> str:
    if columns is None:
        return "the columns (the file has no header)"
    return "[" + ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "") + "]"


def _read_long(table: Table, roles: dict[str, int]) -> list[Bars]:
    cells = table.cells
    stamps = parse_stamps(cells[roles["date"]], cells[roles["time"]] if "time" in roles else None, str(table.path))
    numbers = {role: _numbers(table, roles[role]) for role in _NUMERIC_ROLES if role in roles}
    if is_lean(table):
        numbers = {role: values if role == "volume" else values / 10_000.0 for role, values in numbers.items()}
    if "symbol" not in roles:
        return [_bars(table, symbol_from_name(table.path), stamps, numbers, slice(None))]
    names = cells[roles["symbol"]].astype(str).str.strip().to_numpy()
    found = list(dict.fromkeys(names))
    if any(not name or name.lower() == "nan" for name in found):
        raise DataError(f"{table.path}: rows without a symbol; fill the symbol column. [missing_symbol]")
    return [_bars(table, name, stamps, numbers, np.flatnonzero(names == name)) for name in found]


def _numbers(table: Table, column: int) -> FloatArray:
    values, bad = to_numbers(table.cells[column], table.decimal_comma)
    if bad:
        name = table.columns[column] if table.columns else f"column {column + 1}"
        raise DataError(f"{table.path}: '{name}' holds {bad}, which are not numbers. [not_a_number]")
    return values


def _bars(table: Table, symbol: str, stamps: Stamps, numbers: dict[str, FloatArray], rows: slice | IntArray) -> Bars:
    columns = {role: values[rows] for role, values in numbers.items()}
    bars = Bars(symbol, table.path.name, stamps.labels[rows], {}, daily=stamps.daily)
    for note in stamps.notes:
        bars.report("no_time_zone", Severity.note, note + ".")
    if is_lean(table):
        bars.report("scaled_prices", Severity.note, "LEAN layout: prices divided by 10000.")
    adjusted(bars, columns)
    bars.extras = {role: columns[role] for role in ("dividend", "money_volume") if role in columns}
    return bars


def _read_two_level(table: Table) -> list[Bars]:
    """Read what ``yfinance.download(...).to_csv()`` writes: one line of fields, one of tickers."""
    assert table.columns is not None and table.tickers is not None
    stamps = parse_stamps(table.cells[0], None, str(table.path))
    result = []
    tickers = list(dict.fromkeys(table.tickers[1:]))
    for ticker in tickers:
        positions = [k for k, name in enumerate(table.tickers) if k and name == ticker]
        roles = {role: positions[k] for role, k in assign_roles([table.columns[p] for p in positions]).items()}
        numbers = {role: _numbers(table, roles[role]) for role in _NUMERIC_ROLES if role in roles}
        if not {"close", "adj_close"} & set(numbers):
            raise DataError(f"{table.path}: no close column for '{ticker}'. [no_price_columns]")
        bars = _bars(table, ticker, stamps, numbers, slice(None))
        if len(tickers) > 1:
            _drop_absent(bars)
        result.append(bars)
    return result


def _read_matrix(table: Table, roles: dict[str, int], close_only: bool) -> list[Bars]:
    """Read one column of closes a symbol; declared close-only, because there are no other prices."""
    columns = table.columns or []
    others = [k for k in range(len(columns)) if k not in (roles["date"], roles.get("time"))]
    named = [k for k in others if columns[k].strip()]
    tickers = all(_TICKER.fullmatch(columns[k].strip()) and not is_known(columns[k]) for k in named)
    if not named or not (tickers or close_only):
        raise DataError(
            f"{table.path}: no price columns among {_listed(table.columns)}. Accepted for the close:"
            f" {', '.join((*ALIASES['close'], *ALIASES['adj_close'][:2]))} (open, high, low and volume likewise); or a"
            " matrix of closes with one column a ticker in capitals (data.close_only=true for other column names)."
            " [no_price_columns]"
        )
    stamps = parse_stamps(table.cells[roles["date"]], None, str(table.path))
    result = []
    for column in named:
        bars = _bars(table, columns[column].strip(), stamps, {"close": _numbers(table, column)}, slice(None))
        bars.report("close_only", Severity.note, "a matrix of closes: no opens, highs, lows or volumes.")
        _drop_absent(bars)
        result.append(bars)
    return result


def _drop_absent(bars: Bars) -> None:
    """Leave out rows in which a symbol of a shared table has no value at all: it did not trade there."""
    prices = [values for name, values in bars.fields.items() if name != "volume"]
    known = np.asarray(~np.isnan(np.stack(prices)).all(axis=0))
    if not known.all():
        count = int((~known).sum())
        bars.report("absent_bars", Severity.note, f"no values on {count} of the table's dates.")
        bars.keep(known)
