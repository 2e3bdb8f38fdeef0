"""What a reader makes of damaged input: it takes it, or refuses it in one message; anything else is a bug."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from rlx.errors import RlxError
from tests.hostile.damage import WRONG_VALUES, kind_of
from tests.hostile.refusal import assert_one_message


class Outcome(NamedTuple):
    """What a reader took, refused, and did of everything else, by what was done to the input."""

    taken: tuple[str, ...]
    refused: tuple[str, ...]
    broken: dict[str, str]


def outcome(inputs: Iterable[tuple[str, Callable[[], object]]]) -> Outcome:
    """Call every reader, and note how it ends."""
    taken, refused, broken = [], [], {}
    for what, read in inputs:
        try:
            read()
            taken.append(what)
        except RlxError as error:
            refused.append(what)
            try:
                assert_one_message(str(error))
            except AssertionError as wrong:
                broken[what] = str(wrong)[:300]
        except Exception as error:  # what is looked for
            broken[what] = f"{type(error).__name__}: {str(error)[:100]}"
    return Outcome(tuple(taken), tuple(refused), broken)


def outcome_of_files(path: Path, files: Iterable[tuple[str, bytes]], read: Callable[[], object]) -> Outcome:
    """Read ``path`` after each of ``files`` was written to it."""

    def inputs() -> Iterable[tuple[str, Callable[[], object]]]:
        for what, data in files:
            path.write_bytes(data)
            yield what, read

    return outcome(inputs())


KINDS = {json.dumps(value): kind_of(value) for value in WRONG_VALUES}
ANYTHING = frozenset(KINDS.values())


def assert_taken(found: Outcome, expected: Mapping[str, tuple[str, ...]]) -> None:
    """Assert that nothing broke, and where which wrong values of ``damaged_documents`` were taken.

    ``expected`` has, by the kinds of values that are taken ('missing' for none at all, 'anything' for all kinds,
    'damaged' for what is no plain value), the places: a name, '*' for any one name or index, (a|b) for either. No other
    place may take anything.
    """
    assert not found.broken, found.broken
    kinds: dict[str, set[str]] = {_place(what): set() for what in (*found.taken, *found.refused)}
    for what in found.taken:
        kinds[_place(what)].add(_kind(what))
    by_kinds = defaultdict(set)
    for place, taken in kinds.items():
        by_kinds[_words(taken)].add(place)
    del by_kinds[""]
    patterns = {words: "|".join(map(_pattern, places)) for words, places in expected.items()}
    wanted = {words: {place for place in kinds if re.fullmatch(one, place)} for words, one in patterns.items()}
    assert dict(by_kinds) == wanted


SINGLE = frozenset({"missing", "null", "flag", "negative"})
"""The kinds of which there is one value, so that a place that takes the kind takes whatever is of it."""


def assert_taken_of_a_sample(found: Outcome, expected: Mapping[str, tuple[str, ...]]) -> None:
    """Assert of a sample that nothing broke, and that nothing was taken or refused but what ``assert_taken`` lets."""
    assert not found.broken, found.broken
    patterns = {"|".join(map(_pattern, places)): words.split() for words, places in expected.items()}

    def expected_at(what: str) -> set[str]:
        words = {word for one, words in patterns.items() if re.fullmatch(one, _place(what)) for word in words}
        return words | ANYTHING if "anything" in words else words

    assert [what for what in found.taken if _kind(what) not in expected_at(what)] == []
    assert [what for what in found.refused if _kind(what) in expected_at(what) & SINGLE] == []


def _kind(what: str) -> str:
    value = what.partition(" = ")[2]
    return KINDS[value] if value else "missing" if what.endswith(" missing") else "damaged"


def _place(what: str) -> str:
    return what.partition(" = ")[0].removesuffix(" missing")


def _words(kinds: set[str]) -> str:
    return " ".join(sorted(kinds - ANYTHING) + (["anything"] if kinds >= ANYTHING else sorted(kinds & ANYTHING)))


def _pattern(place: str) -> str:
    return place.replace(".", r"\.").replace("*", "[^.]*")
