"""Windows as rows of text and as sentences, for Markdown and the terminal."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

from rlx.evaluate.purging import EMBARGOED, PURGED
from rlx.evaluate.window_rows import EXCESS, seen_in
from rlx.measures.performance import tagged
from rlx.report.numbers import number
from rlx.untrusted.markdown import Markdown, code, table
from rlx.untrusted.plain_types import Count, Measure, Rule

LONGEST = 24
"""At most so many rows are shown, the first and the last; the file has all."""

FOLLOWING = {"cumulative_return": {"equal_weight_cumulative_return": "equal weight", EXCESS: "excess"}}
"""Measure of a window -> the columns after it, and their headings."""


UNTIL = {"trained_until": "trained until", "selected_until": "validated until"}
"""Columns with dates that only the windows of a refitted policy have, and their headings."""


class Levels(TypedDict):
    """Quantiles of a measure over windows."""

    p05: Measure
    median: Measure
    p95: Measure


class Windows(TypedDict):
    """What windows have in common."""

    n: Count
    steps: Count
    cumulative_return: Levels
    sharpe: Levels
    max_drawdown: Levels
    turnover: Levels


class Unseen(TypedDict):
    """The windows that are a test of the policy."""

    n: Count


Shares = Rule(
    "numbers as its shares",
    lambda block: all(
        isinstance(value, float | int | None) for name, value in block.items() if name.startswith("share_")
    ),
)


class Spaced(Windows):
    """Windows of a protocol with a fixed distance between them."""

    stride: Count
    left_out: Count
    refits: NotRequired[Count]
    unseen: NotRequired[Annotated[dict[str, Any], Unseen, Shares]]
    status: NotRequired[dict[str, Count]]


def quantiles_table(block: dict[str, Any]) -> Markdown:
    """Return quantiles of the measures over the windows of a block."""
    rows = [
        [code(name), *(number(name, block[name][level]) for level in ("p05", "median", "p95"))]
        for name in tagged("windows")
        if name in block
    ]
    return table(["", "p05", "median", "p95"], rows)


def window_header(block: dict[str, Any]) -> list[str]:
    """Return the headings of ``window_lines``."""
    row = block["rows"][0]
    return ["from", "to", *_until(row).values(), *_columns(row).values(), *_seen(block)]


def left_columns(block: dict[str, Any]) -> tuple[int, ...]:
    """Return the places of the dates in ``window_header``, which are aligned to the left."""
    return tuple(range(2 + len(_until(block["rows"][0]))))


def window_lines(block: dict[str, Any]) -> list[list[str]]:
    """Return a line for each window of a block with ``rows``; of many, a line of dots replaces the middle ones."""
    lines = [_line(row, block) for row in block["rows"]]
    if len(lines) <= LONGEST:
        return lines
    half = LONGEST // 2
    return [*lines[:half], ["..."] * len(lines[0]), *lines[-half:]]


def describe_in_words(block: dict[str, Any]) -> str:
    """Return a description of the windows in one or two sentences."""
    n, steps, stride, left = block["n"], block["steps"], block["stride"], block["left_out"]
    spacing = "from every start index" if stride == 1 else f"every {stride}"
    text = f"1 window of {steps} steps" if n == 1 else f"{n} windows of {steps} steps, one {spacing}"
    if n > 1 and stride < steps:
        text += "; they overlap, so this is not a sample of that size"
    text += f"; the latest of {refits} fits decides" if (refits := block.get("refits")) else ""
    if left == 0:
        return f"{text}."
    rest = "step of the span fills no window and is" if left == 1 else "steps of the span fill no window and are"
    return f"{text}. {left} {rest} left out."


def shares_in_words(block: dict[str, Any]) -> str:
    """Return the shares of windows that gained or beat a baseline, of all windows and of those that are a test."""
    text = f"Share of windows: {_shares(block)}."
    unseen = block.get("unseen")
    if unseen is None or unseen["n"] == block["n"]:
        return f"{text} Every window is a test." if "refits" in block else text
    cut = _cut(block)
    if unseen["n"] == 0:
        close = f", or are too close to them ({cut})" if cut else ""
        return f"{text} None is a test: all contain steps that the policy was fitted on{close}."
    away = f" and away from them ({cut})" if cut else ""
    return f"{text} Of the {unseen['n']} without steps that the policy was fitted on{away}: {_shares(unseen)}."


def _cut(block: dict[str, Any]) -> str:
    """Return how many windows are purged and embargoed; an empty string if none is, as in older documents."""
    counts = block.get("status", {})
    parts = {
        PURGED: f"less than {block.get('purge_steps')} after",
        EMBARGOED: f"less than {block.get('embargo_steps')} before",
    }
    return ", ".join(f"{counts[name]} {name}, {what}" for name, what in parts.items() if counts.get(name))


def _line(row: dict[str, Any], block: dict[str, Any]) -> list[str]:
    measures = [number(name, row[name]) for name in _columns(row)]
    close = row.get("status") in (PURGED, EMBARGOED)
    seen = [row["status"] if close else str(seen_in(row))] if _seen(block) else []
    until = [row[name][:10] for name in _until(row)]
    return [row["first"][:10], row["last"][:10], *until, *measures, *seen]


def _until(row: dict[str, Any]) -> dict[str, str]:
    return {name: heading for name, heading in UNTIL.items() if name in row}


def _columns(row: dict[str, Any]) -> dict[str, str]:
    """Return column -> heading for the measures that a window has."""
    columns: dict[str, str] = {}
    for name, metric in tagged("windows").items():
        columns |= {name: metric.heading} | FOLLOWING.get(name, {})
    return {name: heading for name, heading in columns.items() if name in row}


def _seen(block: dict[str, Any]) -> list[str]:
    return ["seen steps"] if "unseen" in block and not _all_tests_of_refits(block) else []


def _all_tests_of_refits(block: dict[str, Any]) -> bool:
    """Return whether every window of a refitted policy is a test, as intended."""
    return "refits" in block and block["unseen"]["n"] == block["n"]


def _shares(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name.removeprefix('share_').replace('_', ' ')} {share:.0%}"
        for name, share in values.items()
        if name.startswith("share_") and share is not None
    )
