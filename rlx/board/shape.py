"""The schema of a scoreboard's file: every field that a table, a page or a rule reads has a type and a range."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Annotated, Any, NotRequired, TypedDict

from rlx.board.entry import Entry, KeyHash, Moment, Name
from rlx.errors import FileError
from rlx.evaluate.key import HASH
from rlx.ranges import Number, Whole
from rlx.untrusted.plain_types import Count, Finite, Measure, Words, items, member, require, require_fields
from rlx.untrusted.shown import shown

MOST_ENTRIES = 50_000
"""Maximum number of lines: years of daily benchmarks of ten targets."""


class Span(TypedDict):
    """The time span of a set of windows."""

    first: Moment
    last: Moment
    steps: Annotated[int, Whole(1, 2**53)]
    n: Count


class Sets(TypedDict):
    """The sets of windows that were judged."""

    holdout: Span
    windows: NotRequired[Span]


class Costs(TypedDict):
    """Trading costs."""

    commission_bps: Finite
    half_spread_bps: Finite
    slippage_bps: Finite
    per_asset_bps: Any


class Limits(TypedDict):
    """Limits of an account."""

    long_only: bool
    closing_gross: Measure


class Key(TypedDict):
    """The fields of a comparability key that are read."""

    hash: KeyHash
    windows: Sets
    periods_per_year: Annotated[float, Number(0, 1e100)]
    costs: Costs
    limits: Limits
    guard: dict[str, Measure]
    cooldown: dict[str, Measure]
    execution: Words


class Data(TypedDict):
    """The data behind a result."""

    source: Words | None
    symbols: Annotated[list[Name], items(1)]
    frequency: Words
    calendar: Words
    fingerprint: Words
    bars: Count
    first: Moment
    last: Moment


class Shared(TypedDict):
    """The values shared by the entries of one key."""

    key: Key
    data: Data


class Document(TypedDict):
    """A board that is one document (schema 1); ``check_entry`` checks its entries."""

    keys: dict[str, Shared]
    entries: Annotated[list[Any], items(0, MOST_ENTRIES)]


def check_document(document: Any, name: str) -> tuple[Entry, ...]:
    """Return the entries of a board; FileError, with ``name``, gives the first place that is not as declared."""
    require(document, Document, name)
    for key, shared in document["keys"].items():
        if not re.fullmatch(HASH, key) or shared["key"]["hash"] != key:
            raise FileError(f"{name}: {member('keys', key)} is not named by its key's hash, 12 digits of 0-9 and a-f.")
    return tuple(
        check_entry(entry, document["keys"], name, f"entries[{index}]")
        for index, entry in enumerate(document["entries"])
    )


def check_shared(shared: Any, name: str, place: str) -> dict[str, Any]:
    """Return the shared values of a key; FileError as ``check_document`` raises it."""
    checked: dict[str, Any] = require(shared, Shared, name, place)
    return checked


def check_entry(fields: Any, keys: Container[str], name: str, place: str) -> Entry:
    """Return an entry of one of the ``keys``; FileError as ``check_document`` raises it."""
    entry = require_fields(Entry, fields, name, place)
    if entry.key not in keys:
        raise FileError(f"{name}: {place}.key is {shown(entry.key)}, which is not among the keys before it.")
    if entry.report is not None and not entry.report.startswith(f"{entry.key}/"):
        raise FileError(f"{name}: {place}.report is {shown(entry.report)}, expected a file of {entry.key}/.")
    return entry
