"""What a reader makes of damaged input: it takes it, or refuses it in one message; anything else is a bug."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from rlx.errors import RlxError


class Outcome(NamedTuple):
    """How many inputs a reader took and refused, and what it did of everything else, by what was done to the input."""

    taken: int
    refused: int
    broken: dict[str, str]


def outcome(inputs: Iterable[tuple[str, Callable[[], object]]]) -> Outcome:
    """Call every reader and count."""
    taken, refused, broken = 0, 0, {}
    for what, read in inputs:
        try:
            read()
            taken += 1
        except RlxError as error:
            refused += 1
            if "\n" in str(error) or len(str(error)) > 3000:
                broken[what] = f"a message of several lines, or of {len(str(error))} characters"
        except Exception as error:  # what is looked for
            broken[what] = f"{type(error).__name__}: {str(error)[:100]}"
    return Outcome(taken, refused, broken)
