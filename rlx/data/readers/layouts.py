"""From a table to the bars of its symbols: long, per-symbol, two-line header, matrix of closes, headerless."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rlx.data.bars import Bars
from rlx.data.findings import Severity
from rlx.data.readers.adjust import adjusted
from rlx.data.readers.headerless import infer_roles, stamp_roles
from rlx.data.readers.headers import ALIASES, assign_roles, is_known, is_row_number
from rlx.data.readers.lean import lean_scale
from rlx.data.readers.names import symbol_from_name
from rlx.data.readers.numbers import Numbers
from rlx.data.readers.options import ReadOptions
from rlx.data.readers.stamp_notes import report_future
from rlx.data.readers.stamps import Stamps, parse_stamps
from rlx.data.readers.table import Table
from rlx.data.readers.tables import read_table
from rlx.errors import DataError
from rlx.types import FloatArray, IntArray
from rlx.untrusted.escape import one_line

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
_USED_ROLES = frozenset((*_NUMERIC_ROLES, "date", "time", "symbol"))
_UNSCALED = frozenset({"volume", "adj_volume", "money_volume"})
_UNDECODED = "text in it is neither ASCII nor UTF-8, and its encoding is not guessed: save the file as UTF-8."
DEFAULTS = ReadOptions()


@dataclass(frozen=True)
class _File:
    """A table, its columns as numbers, and the user's options."""

    table: Table
    numbers: Numbers
    options: ReadOptions

    def column(self, position: int) -> FloatArray:
        """Return a column as numbers; DataError naming it when it has anything else."""
        try:
            values, bad = self.numbers.read(position)
        except DataError as error:
            raise DataError(f"{self.table.path}: '{self.table.name(position)}' {error}") from error
        if bad:
            percent = " A percentage is not a price." if any(text.endswith("%") for text in bad) else ""
            raise DataError(
                f"{self.table.path}: '{self.table.name(position)}' has {bad}, which are not numbers.{percent}"
                " [not_a_number]"
            )
        return values


def read_bars(path: Path, options: ReadOptions = DEFAULTS) -> list[Bars]:
    """Return the bars of every symbol in a file, in file order, not yet checked; raises DataError.

    With ``options.close_only`` a matrix may have column names that do not look like ticker symbols.
    """
    table = read_table(path)
    try:
        return _read_table(table, options)
    except DataError as error:
        if table.undecoded:
            raise DataError(f"{path}: {_UNDECODED} {str(error).removeprefix(f'{path}: ')}") from error
        raise


def _read_table(table: Table, options: ReadOptions) -> list[Bars]:
    if table.tickers is not None:
        return _read_two_level(_file(table, {0}, options))
    _refuse_repeated(table)
    if table.columns is None:
        file = _file(table, stamp_roles(table).values(), options)
        return _read_long(file, infer_roles(table, file.numbers))
    roles = assign_roles(table.columns)
    if "date" not in roles:
        raise DataError(
            f"{table.path}: no date column among {_listed(table.columns)}. Accepted: {', '.join(ALIASES['date'])},"
            " or an unnamed first column. [no_date_column]"
        )
    file = _file(table, [roles[name] for name in ("date", "time", "symbol") if name in roles], options)
    if not {"close", "adj_close"} & set(roles):
        return _read_matrix(file, roles)
    return _read_long(file, roles)


def _file(table: Table, others: Iterable[int], options: ReadOptions) -> _File:
    usual = None if table.delimiter == ";" else "."  # a comma cannot be a decimal mark without quotes elsewhere
    return _File(table, Numbers(table.cells, others, options.mark, usual), options)


def _refuse_repeated(table: Table) -> None:
    names = [name.strip() for name in table.columns or () if name.strip()]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise DataError(
            f"{table.path}: column '{repeated[0]}' appears twice; keep one of them, or give each symbol its own file. "
            "[repeated_column]"
        )


def _listed(columns: list[str] | None) -> str:
    if columns is None:
        return "the columns (the file has no header)"
    return "[" + ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "") + "]"


def _read_long(file: _File, roles: dict[str, int]) -> list[Bars]:
    table, cells = file.table, file.table.cells
    stamps = parse_stamps(cells[roles["date"]], cells[roles["time"]] if "time" in roles else None, str(table.path))
    columns = {role: file.column(roles[role]) for role in _NUMERIC_ROLES if role in roles}
    unused = _unused(table, [position for role, position in roles.items() if role in _USED_ROLES])
    if "symbol" not in roles:
        return [_bars(file, symbol_from_name(table.path), stamps, columns, slice(None), unused)]
    names = _symbols(table, roles["symbol"])
    found = list(dict.fromkeys(names))
    return [_bars(file, name, stamps, columns, np.flatnonzero(names == name), unused) for name in found]


def _symbols(table: Table, column: int) -> npt.NDArray[np.object_]:
    """Return the symbol of each row as text: NAN, NA and TRUE are symbols, an empty cell is not."""
    cells = table.cells[column]
    names = cells.astype(str).str.strip()
    if bool(cells.isna().any() | (names == "").any()):
        raise DataError(f"{table.path}: rows without a symbol; fill the symbol column. [missing_symbol]")
    if table.undecoded and names.str.contains("\ufffd").any():
        raise DataError(f"{table.path}: the symbols cannot be decoded. [encoding]")
    return names.to_numpy(dtype=object)


def _unused(table: Table, used: Iterable[int]) -> list[str]:
    """Return the names of unused columns; those without a name count rows."""
    columns = table.columns or [table.name(k) for k in range(table.cells.shape[1])]
    others = [columns[k].strip() for k in range(len(columns)) if k not in set(used)]
    return [*(name for name in others if not is_row_number(name)), *table.left_out]


def _bars(
    file: _File,
    symbol: str,
    stamps: Stamps,
    columns: dict[str, FloatArray],
    rows: slice | IntArray,
    unused: Sequence[str] = (),
) -> Bars:
    scale = _scale(file, columns)
    columns = {role: values[rows] / (1.0 if role in _UNSCALED else scale) for role, values in columns.items()}
    bars = Bars(symbol, file.table.path.name, stamps.labels[rows], {}, daily=stamps.daily)
    for note in stamps.notes:
        bars.report(*note)
    report_future(bars, rows)
    if scale != 1.0:
        bars.report("scaled_prices", Severity.warning, f"prices divided by {scale:g}{_reason(file)}.")
    if file.table.undecoded:
        bars.report("encoding", Severity.note, f"{_UNDECODED} These parts are not used.")
    if unused:
        bars.report("unused_columns", Severity.note, f"not used: {one_line(_listed(list(unused)))[1:-1]}.")
    adjusted(bars, columns)
    bars.extras = {role: columns[role] for role in ("dividend", "money_volume") if role in columns}
    return bars


def _scale(file: _File, columns: dict[str, FloatArray]) -> float:
    if file.options.price_scale is not None:
        return file.options.price_scale
    return lean_scale(file.table, [columns[name] for name in ("open", "high", "low", "close") if name in columns])


def _reason(file: _File) -> str:
    declared = file.options.price_scale is not None
    return ", from data.price_scale" if declared else ": LEAN's layout. If they are literal: data.price_scale=1"


def _read_two_level(file: _File) -> list[Bars]:
    """Read what ``yfinance.download(...).to_csv()`` writes: one line of fields, one of tickers."""
    table = file.table
    assert table.columns is not None and table.tickers is not None
    stamps = parse_stamps(table.cells[0], None, str(table.path))
    result = []
    tickers = list(dict.fromkeys(table.tickers[1:]))
    for ticker in tickers:
        positions = [k for k, name in enumerate(table.tickers) if k and name == ticker]
        roles = {role: positions[k] for role, k in assign_roles([table.columns[p] for p in positions]).items()}
        columns = {role: file.column(roles[role]) for role in _NUMERIC_ROLES if role in roles}
        if not {"close", "adj_close"} & set(columns):
            raise DataError(f"{table.path}: no close column for '{ticker}'. [no_price_columns]")
        used = [roles[role] for role in columns]
        unused = [table.columns[p] for p in positions if p not in used]
        bars = _bars(file, ticker, stamps, columns, slice(None), unused)
        if len(tickers) > 1:
            _drop_absent(bars)
        result.append(bars)
    return result


def _read_matrix(file: _File, roles: dict[str, int]) -> list[Bars]:
    """Read one column of closes per symbol; close-only, because there are no other prices."""
    table = file.table
    columns = table.columns or []
    others = [k for k in range(len(columns)) if k not in (roles["date"], roles.get("time"))]
    named = [k for k in others if columns[k].strip()]
    letters = all(len(columns[k].strip()) == 1 for k in named)  # O, H and L without C are prices, C next to AAPL is not
    tickers = all(
        _TICKER.fullmatch(name) and (not is_known(name) or (len(name) == 1 and not letters))
        for name in (columns[k].strip() for k in named)
    )
    if not named or not (tickers or file.options.close_only):
        raise DataError(
            f"{table.path}: no price columns among {_listed(table.columns)}. Accepted for the close:"
            f" {', '.join((*ALIASES['close'], *ALIASES['adj_close'][:2]))} (open, high, low and volume accordingly); "
            "or a matrix of closes with one column per ticker in capitals (data.close_only=true for other column "
            "names)."
            " [no_price_columns]"
        )
    if table.undecoded and any("\ufffd" in columns[k] for k in named):
        raise DataError(f"{table.path}: the names of columns cannot be decoded. [encoding]")
    stamps = parse_stamps(table.cells[roles["date"]], None, str(table.path))
    result = []
    for column in named:
        bars = _bars(file, columns[column].strip(), stamps, {"close": file.column(column)}, slice(None), table.left_out)
        bars.report("close_only", Severity.note, "a matrix of closes: no opens, highs, lows or volumes.")
        _drop_absent(bars)
        result.append(bars)
    return result


def _drop_absent(bars: Bars) -> None:
    """Drop rows in which a symbol of a shared table has no value at all: it did not trade there."""
    prices = [values for name, values in bars.fields.items() if name != "volume"]
    known = np.asarray(~np.isnan(np.stack(prices)).all(axis=0))
    if not known.all():
        count = int((~known).sum())
        bars.report("absent_bars", Severity.note, f"no values on {count} of the table's dates.")
        bars.keep(known)
