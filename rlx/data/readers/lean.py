"""QuantConnect LEAN's equity files, in which prices are whole numbers, 10000 times the price."""

from __future__ import annotations

import numpy as np

from rlx.data.readers.table import Table
from rlx.errors import DataError
from rlx.types import FloatArray

SCALE = 10_000.0
_CENT = SCALE / 100  # US prices are whole cents, so that most of LEAN's numbers are multiples of 100


def lean_scale(table: Table, prices: list[FloatArray]) -> float:
    """Return the divisor of a table's prices: 10000 for LEAN's files, 1 for all others.

    LEAN writes zip archives of tables without a header, six columns, stamps such as ``20210331 00:00``, and whole cents
    x 10000. Such a table outside an archive, or with other whole numbers, may also be in yen: DataError.
    """
    if not _looks_like_lean(table):
        return 1.0
    values = np.concatenate(prices)
    if table.zipped and np.mean(values % _CENT == 0) > 0.9:
        return SCALE
    example = f"{values[0]:.0f}"
    raise DataError(
        f"{table.path}: whole prices such as {example} with stamps such as 20210331 00:00 may be LEAN's (times 10000) "
        f"or literal; set data.price_scale=10000 ({values[0] / SCALE:g}) or data.price_scale=1"
        f" ({example}). [price_scale]"
    )


def _looks_like_lean(table: Table) -> bool:
    if table.columns is not None or table.cells.shape[1] != 6:
        return False
    stamps = table.cells[0].astype(str)
    whole = all(table.cells[k].astype(str).str.fullmatch(r"\d+").all() for k in range(1, 5))
    return bool(stamps.str.fullmatch(r"\d{8} \d{2}:\d{2}").all()) and whole
