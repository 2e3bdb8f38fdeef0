"""Histories of the original trading scripts: a backtest's numbers with compilation off and on, appended at every call.

They are read to be shown. Nothing in them says which code ran, so no verdict follows from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

from rlx.errors import FileError, RlxError
from rlx.untrusted.documents import read_json, unique
from rlx.untrusted.plain_types import Measure, Words, dated, items, require

COMPILED = "compile"
"""The variant of entries that name none."""

MEASURES: Mapping[str, str] = {
    "maxdiff_return": "MaxDiff Return",
    "simple_return": "Simple Return",
    "maxdiff_sharpe": "MaxDiff Sharpe",
    "close_val_loss": "Val Loss",
    "maxdiff_turnover": "MaxDiff Turnover",
}
"""Measures with statistics, in the order of the original's tables -> their titles there."""

Moment = Annotated[str, dated(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\+00:00|Z)", "2025-10-24T12:47:42+00:00")]


class LegacyEntry(TypedDict):
    """One comparison; ``delta`` is compiled less baseline, in which the original counts a missing number as 0."""

    timestamp: Moment
    symbol: Words
    variant: NotRequired[Words]
    baseline: dict[str, Measure]
    compile: dict[str, Measure]
    delta: dict[str, Measure]


Entries = Annotated[list[LegacyEntry], items(1)]


def read_legacy(path: str | Path) -> list[LegacyEntry]:
    """Return the entries of a history in the file's order; RlxError when it is missing, damaged or of another kind."""
    try:
        entries: list[LegacyEntry] = require(read_json(path, unique), Entries, str(path))
    except OSError as error:
        raise RlxError(f"compile history {path}: cannot be read ({error.strerror or error}).") from error
    except FileError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise RlxError(
            f"compile history {path}: {reason} Give a file such as the original's guard_compile_history.json."
        ) from error
    return entries


def variant_of(entry: LegacyEntry) -> str:
    """Return the variant of an entry."""
    return entry.get("variant", COMPILED)


def by_symbol(entries: Iterable[LegacyEntry]) -> dict[str, list[LegacyEntry]]:
    """Return the entries of each symbol, symbols sorted."""
    found: dict[str, list[LegacyEntry]] = {}
    for entry in entries:
        found.setdefault(entry["symbol"], []).append(entry)
    return dict(sorted(found.items()))


def content(entry: LegacyEntry) -> tuple[Any, ...]:
    """Return what makes two entries the same pair of results, however often they were appended."""
    numbers = (tuple(sorted(part.items())) for part in (entry["baseline"], entry["compile"]))
    return (entry["symbol"], variant_of(entry), *numbers)
