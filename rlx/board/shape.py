"""What a scoreboard's file may hold: every field that a table, a page or a rule reads has a shape."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import numpy as np

from rlx.errors import FileError
from rlx.evaluate.key import HASH
from rlx.evaluate.significance import Significance
from rlx.untrusted.shapes import (
    Shape,
    anything,
    flag,
    listed,
    mapped,
    misfit,
    number,
    one_of,
    or_null,
    record,
    text,
    whole,
)

MOST_ENTRIES = 50_000
"""Lines of a board: years of daily benchmarks of ten targets."""

MEASURE = or_null(number())
NAME = text(r"(?s).{1,1000}", "text of 1 to 1,000 characters")
KEY_HASH = text(HASH, "the hash of a comparability key, 12 digits of 0-9 and a-f")
REPORT = text(rf"{HASH}/(?!\.)[A-Za-z0-9._-]+\.json", "the name of a file of reports/, such as 0123456789ab/name.json")


def _moment(value: Any, place: str) -> None:
    text(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z?)?", "a date such as 2026-01-31T12:00:00")(value, place)
    try:
        np.datetime64(value.removesuffix("Z"))
    except ValueError as error:
        raise misfit(value, place, "a date such as 2026-01-31T12:00:00") from error


def _interval(value: Any, place: str) -> None:
    ends = dict.fromkeys(("low", "high", "estimate"), MEASURE)
    share = or_null(number(0.0, 1.0))
    more: dict[str, Shape] = {"covers_zero": or_null(flag), "reason": or_null(text()), "p_value": share}
    record({}, {**ends, **more, "confidence": number(0.0, 1.0)})(value, place)
    there = {name for name in ends if value.get(name) is not None}
    if there & {"low", "high"} and len(there) < len(ends):
        raise misfit(value, place, "an interval with low, high and estimate, or with neither low nor high")


SIGNIFICANCE = record(
    {field.name: MEASURE for field in fields(Significance)}
    | {
        "confidence": number(0.0, 1.0),
        "steps": whole(),
        "trials": whole(1),
        "trials_from": one_of("declared", "sweep", "none"),
        "trial_variance_from": or_null(one_of("sweep", "null", "floor")),
        "reason": or_null(text()),
    }
)

PROVENANCE = record(
    {}, {"git": or_null(record({}, {"commit": or_null(text()), "dirty": flag})), "python": text(), "platform": text()}
)

ENTRY = record(
    {"target": NAME, "system": NAME, "kind": NAME, "key": KEY_HASH, "benchmark": NAME, "recorded_at": _moment},
    {
        "failure": or_null(text()),
        "unranked": or_null(text()),
        "options": mapped(anything),
        "days": or_null(whole(1)),
        "metrics": mapped(MEASURE),
        "intervals": mapped(_interval),
        "guard": mapped(MEASURE),
        "windows": record(
            {},
            {"n": whole(), "steps": whole()}
            | {name: or_null(number(0.0, 1.0)) for name in ("share_positive", "share_beating_equal_weight")},
        ),
        "significance": lambda value, place: None if value == {} else SIGNIFICANCE(value, place),
        "seen_steps": mapped(whole()),
        "verdict": text(),
        "policy": mapped(anything),
        "references": listed(record({"name": text(), "value": MEASURE, "unit": text()})),
        "equity": listed(number(), most=1000),
        "report": or_null(REPORT),
        "provenance": PROVENANCE,
    },
    closed=True,
)

_SPAN = record({"first": _moment, "last": _moment, "steps": whole(1), "n": whole()})

SHARED = record(
    {
        "key": record(
            {
                "hash": KEY_HASH,
                "windows": record({"holdout": _SPAN}, {"windows": _SPAN}),
                "periods_per_year": number(0.0),
                "costs": record(
                    {name: number() for name in ("commission_bps", "half_spread_bps", "slippage_bps")}
                    | {"per_asset_bps": anything}
                ),
                "limits": record({"long_only": flag, "closing_gross": MEASURE}),
                "guard": mapped(MEASURE),
                "cooldown": mapped(MEASURE),
                "execution": text(),
            }
        ),
        "data": record(
            {
                "source": or_null(text()),
                "symbols": listed(NAME, least=1),
                "frequency": text(),
                "calendar": text(),
                "fingerprint": text(),
                "bars": whole(),
                "first": _moment,
                "last": _moment,
            }
        ),
    }
)


def check_entry(document: Any) -> None:
    """Hold one entry to its shape; FileError names the first place that is of another one."""
    ENTRY(document, "")


def check_document(document: Any) -> None:
    """Hold the document of a board to its shape; FileError names the first place that is of another one."""
    record({"keys": mapped(SHARED), "entries": listed(ENTRY, most=MOST_ENTRIES)})(document, "")
    for key, shared in document["keys"].items():
        if not re.fullmatch(HASH, key) or shared["key"]["hash"] != key:
            raise misfit(key, "keys", "named by the hash of the key, 12 digits of 0-9 and a-f")
    for index, entry in enumerate(document["entries"]):
        if entry["key"] not in document["keys"]:
            raise FileError(f"entries[{index}].key={entry['key']!r}: not among the keys of the board")
        if (report := entry.get("report")) is not None and not report.startswith(f"{entry['key']}/"):
            raise misfit(report, f"entries[{index}].report", f"a file of the entry's key, {entry['key']}/")
