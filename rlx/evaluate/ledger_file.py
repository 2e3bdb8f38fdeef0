"""Ledgers as Parquet: one row per window and step."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.errors import FileError, RlxError
from rlx.files import atomic_path
from rlx.measures.evaluation import Evaluation, WindowLedger
from rlx.sim.ledger import SCALARS, Ledger
from rlx.types import TimeArray
from rlx.untrusted.parquet import check_size
from rlx.untrusted.paths import why_unreadable
from rlx.untrusted.shown import reason, shown

if TYPE_CHECKING:
    import pyarrow as pa

MAX_CELLS = 2**29  # 4 GiB of numbers

WEIGHT_COLUMNS = {"closing_weights": "weight_", "executed_weights": "executed_"}
"""Ledger quantity -> prefix of its columns, one for each symbol."""


def write_ledger(path: str | Path, evaluation: Evaluation) -> None:
    """Write every window set of an evaluation, atomically, zstd-compressed.

    Columns: ``set``, ``window`` and ``step`` (from 0), ``bar`` (index of the decision's bar), ``timestamp`` (its
    label, UTC), ``end_timestamp`` (label of the bar the step closed on), every scalar ledger quantity,
    ``weight_<symbol>`` (at the close, before drift) and ``executed_<symbol>`` (traded into).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [_table(windows, evaluation.symbols) for windows in evaluation.sets.values()]
    with atomic_path(path) as temporary:
        pq.write_table(pa.concat_tables(tables), temporary, compression="zstd", write_page_checksum=True)


def read_ledger(path: str | Path) -> dict[str, WindowLedger]:
    """Read the window sets back, bit for bit; raises RlxError for a file that is missing, damaged or not a ledger."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    if not path.is_file():
        raise RlxError(f"ledger {path}: {why_unreadable(path)}.")
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            check_size(file.metadata, f"ledger {path}", MAX_CELLS)
            _check_columns(path, file.schema_arrow, file.metadata.num_rows)
            table = file.read()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:  # which one depends on the damage
        raise FileError(f"ledger {path}: not a Parquet file, or damaged ({reason(error)}).") from error
    if any(column.null_count for column in table.columns):
        raise FileError(f"ledger {path}: has empty cells. Judge the policy again.")
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    names = list(dict.fromkeys(columns["set"]))
    return {name: _windows(path, name, {c: v[columns["set"] == name] for c, v in columns.items()}) for name in names}


def _check_columns(path: Path, schema: pa.Schema, rows: int) -> None:
    """Refuse a table that has no rows, other columns or other types."""
    import pyarrow.types as of

    if rows < 1:
        raise FileError(f"ledger {path}: has no rows.")
    if twice := [name for name, count in Counter(schema.names).items() if count > 1]:
        raise FileError(f"ledger {path}: has several columns {shown(twice[0])}.")
    kinds = {"set": of.is_dictionary, **dict.fromkeys(("window", "step", "bar"), of.is_integer)}
    kinds |= dict.fromkeys(("timestamp", "end_timestamp"), of.is_timestamp)
    missing = sorted({*kinds, *SCALARS} - set(schema.names))
    for prefix in WEIGHT_COLUMNS.values():
        missing += [] if any(name.startswith(prefix) for name in schema.names) else [f"{prefix}SYMBOL"]
    if missing:
        raise FileError(f"ledger {path}: missing columns {', '.join(missing)}.")
    for field in schema:
        fits = kinds.get(field.name, _is_number)(field.type)
        if not fits or (field.name == "set" and not of.is_string(field.type.value_type)):
            raise FileError(f"ledger {path}: column {shown(field.name)} is of type {shown(str(field.type))}.")


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow.types as of

    return bool(of.is_floating(kind) or of.is_integer(kind) or of.is_boolean(kind))


def _table(windows: WindowLedger, symbols: tuple[str, ...]) -> pa.Table:
    import pyarrow as pa

    batch, steps = len(windows), windows.steps
    index = np.arange(batch * steps)
    columns: dict[str, Any] = {
        "set": pa.array([windows.name] * len(index)).dictionary_encode(),
        "window": (index // steps).astype(np.int32),
        "step": (index % steps).astype(np.int32),
        "bar": (windows.starts[:, None] + np.arange(steps)).ravel(),
        "timestamp": utc_array(windows.timestamps),
        "end_timestamp": utc_array(windows.end_timestamps),
    }
    columns |= {name: getattr(windows.ledger, name).ravel() for name in SCALARS}
    for quantity, prefix in WEIGHT_COLUMNS.items():
        weights = getattr(windows.ledger, quantity).reshape(len(index), len(symbols))
        columns |= {f"{prefix}{symbol}": weights[:, column] for column, symbol in enumerate(symbols)}
    return pa.table(columns)


def utc_array(stamps: TimeArray) -> pa.Array:
    """Return time stamps of any shape as one Arrow column in UTC."""
    import pyarrow as pa

    return pa.array(stamps.ravel().astype("datetime64[ns]"), type=pa.timestamp("ns", tz="UTC"))


def _windows(path: Path, name: str, columns: dict[str, Any]) -> WindowLedger:
    """Return a window set; FileError unless its rows are windows of equal length, step by step."""
    rows, batch = len(columns["window"]), int(columns["window"].max()) + 1
    steps, index = max(rows // max(batch, 1), 1), np.arange(rows)
    ordered = np.array_equal(columns["window"], index // steps) and np.array_equal(columns["step"], index % steps)
    if steps * batch != rows or not ordered:
        raise FileError(f"ledger {path}: the rows of {shown(name)} are not windows of equal length, in order.")

    def shaped(values: Any) -> Any:
        return np.ascontiguousarray(values).reshape(batch, -1)

    weights = {
        quantity: np.stack([shaped(v) for c, v in columns.items() if c.startswith(prefix)], axis=-1)
        for quantity, prefix in WEIGHT_COLUMNS.items()
    }
    return WindowLedger(
        name=name,
        starts=shaped(columns["bar"])[:, 0].astype(np.int64),
        timestamps=shaped(columns["timestamp"]).astype("datetime64[ns]"),
        end_timestamps=shaped(columns["end_timestamp"]).astype("datetime64[ns]"),
        ledger=Ledger(**{scalar: shaped(columns[scalar]) for scalar in SCALARS}, **weights),
    )
