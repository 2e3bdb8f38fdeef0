"""Rows written as CSV: spreadsheets read no text in them as a formula."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlx.files import atomic_path
from rlx.untrusted.escape import cell, one_line


def write_csv(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the same columns, atomically; None is an empty cell, and text remains text on one line."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(map(_written, rows[0]))
        writer.writerows(map(_written, row.values()) for row in rows)


def _written(value: Any) -> Any:
    return cell(one_line(value)) if isinstance(value, str) else value
