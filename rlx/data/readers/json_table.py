"""JSON files as tables: candles, records, and what ``DataFrame.to_json`` writes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.data.readers.headers import assign_roles
from rlx.data.readers.table import Table, from_frame
from rlx.errors import DataError
from rlx.untrusted.documents import parse_json

if TYPE_CHECKING:
    import pandas as pd

MAX_CHARACTERS = 256 * 2**20
"""Maximum characters of a JSON file: its values need ten times that as objects."""

NOT_PRICES = "not_prices"
_LAYOUTS = (
    "JSON of prices is a list of candles [time, open, high, low, close, volume], a list of records, or an object of"
    " columns or rows as DataFrame.to_json writes it (orient columns, index, split or table)"
)


def read_json(path: Path, text: str) -> Table:
    """Read a JSON file; FileError, and DataError with the code ``not_prices`` where it has other content."""
    if len(text) > MAX_CHARACTERS:
        raise DataError(f"{path}: has more than {MAX_CHARACTERS >> 20} MiB of JSON. Write such prices as Parquet.")
    value = parse_json(text, path)
    if isinstance(value, dict):
        return from_frame(path, _from_object(path, value))
    return _from_rows(path, value)


def _from_rows(path: Path, rows: Any) -> Table:
    table = from_frame(path, _frame_of_rows(path, rows))
    if isinstance(rows[0], list):
        if table.left_out:
            raise DataError(f"{path}: a candle has lists or objects instead of numbers. {_LAYOUTS}. [not_a_number]")
        table.columns = None
    return table


def _frame_of_rows(path: Path, rows: Any) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(rows, list) or not rows or not isinstance(rows[0], (list, dict)):
        raise DataError(f"{path}: {_LAYOUTS}. [{NOT_PRICES}]")
    kind = type(rows[0])
    for number, row in enumerate(rows, start=1):
        if type(row) is not kind or (kind is list and len(row) != len(rows[0])):
            raise DataError(f"{path}: row {number} is not of the same kind as row 1. {_LAYOUTS}. [not_a_number]")
    return pd.DataFrame(rows)


def _from_object(path: Path, value: dict[str, Any]) -> pd.DataFrame:
    """Return the frame of any orient; dates are a column, or the keys of rows."""
    if {"columns", "data"} <= set(value) and isinstance(value["data"], list):
        _refuse_ragged(path, value["data"], value["columns"])
        return _framed(path, value["data"], value.get("index"), value["columns"])
    if {"schema", "data"} <= set(value) and isinstance(value["data"], list):
        return _frame_of_rows(path, value["data"])
    members = list(value.values())
    if members and all(isinstance(one, list) for one in members) and _holds_prices(value):
        return _framed(path, value, None, None)
    if members and all(isinstance(one, dict) for one in members):
        if _holds_prices(value):
            return _with_dates(_framed(path, value, None, None))
        if all(_holds_prices(one) for one in members):
            return _with_dates(_framed(path, value, None, None).T)
    raise DataError(f"{path}: {_LAYOUTS}. [{NOT_PRICES if not _mentions_prices(value) else 'no_price_columns'}]")


def _refuse_ragged(path: Path, rows: list[Any], columns: Any) -> None:
    """Refuse rows of a length other than the columns: pandas fills them with NaN."""
    width = len(columns) if isinstance(columns, list) else 0
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != width:
            raise DataError(f"{path}: row {number} does not have {width} cells, one per column. [not_a_number]")


def _framed(path: Path, data: Any, index: Any, columns: Any) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.DataFrame(data, index=index, columns=columns)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: its columns and rows do not fit together ({reason}). [not_a_number]") from error
    return frame if index is None else _with_dates(frame)


def _with_dates(frame: pd.DataFrame) -> pd.DataFrame:
    """Make the keys of the rows a column, unless another column has the dates."""
    if "date" in assign_roles([str(name) for name in frame.columns]):
        return frame.reset_index(drop=True)
    return frame.rename_axis("date").reset_index()


def _holds_prices(value: dict[str, Any]) -> bool:
    """Whether an object has closes: a matching name, with anything but text under it (a manifest's last date)."""
    return any(not isinstance(value[name], (str, bool)) for name in _closes(tuple(value)))


@lru_cache(maxsize=16)  # rows nearly always have the same names
def _closes(names: tuple[str, ...]) -> list[str]:
    roles = assign_roles(names)
    return [names[roles[role]] for role in ("close", "adj_close") if role in roles]


def _mentions_prices(value: Any, depth: int = 4) -> bool:
    """Whether a name of prices is near the top: then the file is meant to have prices."""
    if depth == 0 or not isinstance(value, (dict, list)):
        return False
    if isinstance(value, list):
        return any(_mentions_prices(one, depth - 1) for one in value[:2])
    inner = list(value.values())
    return _holds_prices(value) or any(_mentions_prices(one, depth - 1) for one in (*inner[:20], *inner[-2:]))
