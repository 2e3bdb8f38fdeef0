"""Ledgers as Parquet: one row a window and step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.errors import RlxError
from rlx.evaluate.evaluation import Evaluation, WindowLedger
from rlx.plain import atomic_path
from rlx.sim.ledger import SCALARS, Ledger
from rlx.types import TimeArray

if TYPE_CHECKING:
    import pyarrow as pa

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
        pq.write_table(pa.concat_tables(tables), temporary, compression="zstd")


def read_ledger(path: str | Path) -> dict[str, WindowLedger]:
    """Read the window sets back, bit for bit; raises RlxError for a file that is missing or no ledger."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not Path(path).is_file():
        raise RlxError(f"ledger {path}: no such file.")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as error:  # by what is damaged
        raise RlxError(f"ledger {path}: not a Parquet file ({' '.join(str(error).split())}).") from error
    missing = sorted({"set", "window", "bar", "timestamp", "end_timestamp", *SCALARS} - set(table.column_names))
    if missing:
        raise RlxError(f"ledger {path}: missing columns {', '.join(missing)}.")
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    names = list(dict.fromkeys(columns["set"]))
    return {name: _windows(name, {c: v[columns["set"] == name] for c, v in columns.items()}) for name in names}


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


def _windows(name: str, columns: dict[str, Any]) -> WindowLedger:
    batch = int(columns["window"].max()) + 1

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
