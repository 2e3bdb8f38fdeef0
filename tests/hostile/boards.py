"""Scoreboards that are damaged in every way, in the form they have and in the one they had."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlx.board.store import Scoreboard
from tests.board.entries import document_of
from tests.hostile.damage import damaged_bytes, damaged_documents, odd_json

COMMITTED = Path(__file__).parents[2] / "experiments" / "scoreboard.json"


def small_board() -> dict[str, Any]:
    """Return a real board of two keys with two targets each; one of them has a rank, one is a checkpoint's.

    It is a document of schema 1: what a board says, whichever form its file has.
    """
    board = document_of(Scoreboard.load(COMMITTED))
    keys = list(board["keys"])[:2]
    entries: list[dict[str, Any]] = []
    for key in keys:
        own = [entry for entry in board["entries"] if entry["key"] == key]
        entries += [next(entry for entry in own if entry["kind"] == kind) for kind in ("checkpoint", "equal_weight")]
    entries[0]["references"] = [{"name": "production_average_daily_return", "value": 0.001, "unit": "fraction"}]
    entries[0]["intervals"]["annual_excess_over_equal_weight"] |= {"low": 0.01, "covers_zero": False}  # it is promoted
    return {**board, "keys": {key: board["keys"][key] for key in keys}, "entries": entries}


def in_lines(document: Any) -> str:
    """Return the text of schema 2 that says what a document of schema 1 does, line by line, be it as it may."""
    shared = [{"shared": one} for one in document["keys"].values()]
    values = [{"schema_version": 2}, *shared, *({"entry": entry} for entry in document["entries"])]
    return "".join(f"{json.dumps(value)}\n" for value in values)


BOARD = small_board()
TEXT = in_lines(BOARD)


def damaged_in_lines(document: Any) -> Iterator[tuple[str, bytes]]:
    """Yield a board of schema 2 with every leaf of each kind of line damaged: what was done, and the file."""
    text = in_lines(document)
    yield from damaged_bytes(text.encode())
    for what, odd in odd_json(text):
        yield what, odd.encode()
    lines = text.splitlines()
    for number in (0, 1, len(document["keys"]) + 1):
        for what, value in damaged_documents(json.loads(lines[number])):
            changed = [*lines[:number], json.dumps(value), *lines[number + 1 :]]
            yield f"line {number + 1}: {what}", "\n".join([*changed, ""]).encode()


def damaged_lines() -> Iterator[tuple[str, bytes]]:
    """Yield a board whose lines are cut, doubled, emptied, swapped, joined, or of another file's form."""
    lines, old = TEXT.splitlines(), json.dumps(BOARD)
    for number, line in enumerate(lines):
        before, after = lines[:number], lines[number + 1 :]
        changes = {
            "taken out": [],
            "cut": [line[: len(line) // 2]],
            "doubled": [line, line],
            "empty": [""],
            "of spaces": ["  "],
            "broken in two": [line[: len(line) // 2], line[len(line) // 2 :]],
            "after a mark": ["\ufeff" + line],
            "after a document of schema 1": [old, line],
            "after a header": ['{"schema_version": 2}', line],
            "in conflict": ["<<<<<<< ours", line, "=======", line, ">>>>>>> theirs"],
            "with a line of another kind in it": [line[:-1] + ', "more": 1}'],
        }
        for what, new in changes.items():
            yield f"line {number + 1} {what}", "\n".join([*before, *new, *after, ""]).encode()
        yield f"line {number + 1} the last, and cut", "\n".join([*before, line[:-1]]).encode()
        yield f"line {number + 1} joined to the next", ("\n".join([*before, line]) + "".join(after)).encode()
        if after:
            swapped = [*before, after[0], line, *after[1:], ""]
            yield f"line {number + 1} swapped with the next", "\n".join(swapped).encode()
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        yield f"as {encoding}", TEXT.encode(encoding)
    for end in ("\r\n", "\r", "\n\n", "\x0b", "\u2028"):
        yield f"with lines that end in {end!a}", TEXT.replace("\n", end).encode()
    yield "backwards", "\n".join([*reversed(lines), ""]).encode()
    yield "many empty lines after it", TEXT.encode() + b"\n" * 1_000_000
    yield "many small lines after it", TEXT.encode() + b"1\n" * 1_000_000
    yield "packed", gzip.compress(TEXT.encode())
    yield "packed, and lines after it", gzip.compress(TEXT.encode()) + lines[-1].encode()
