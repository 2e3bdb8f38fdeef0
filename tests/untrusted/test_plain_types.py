"""Plain values that do not fit are named by their key, with what is expected there."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

import pytest

from rlx.errors import FileError
from rlx.untrusted.plain_types import require


class Inner(TypedDict):
    count: int
    metrics: dict[str, float | None]
    names: NotRequired[list[str]]


class Outer(TypedDict):
    inner: Inner
    rows: tuple[dict[str, str], ...]


FITS: dict[str, Any] = {"inner": {"count": 1, "metrics": {"a": None, "b": 2}, "more": 0}, "rows": []}


def test_what_fits_is_returned() -> None:
    assert require(FITS, Outer, "x.json") is FITS


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("count", True, "inner.count is true, expected a whole number"),
        ("count", 10**30, "inner.count is 1000000000000000000000000000000, expected a whole number"),
        ("count", None, "inner.count is null, expected a whole number"),
        ("metrics", {"a": "text"}, 'inner.metrics.a is "text", expected a number or null'),
        ("metrics", {"a": float("nan")}, "inner.metrics.a is NaN, expected a number or null"),
        ("metrics", {1: 2.0}, "inner.metrics is 1, expected text for every name"),
        ("names", ["a", 1], r"inner.names\[1\] is 1, expected text"),
        ("names", "ab", 'inner.names is "ab", expected a list'),
    ],
)
def test_what_does_not_fit_is_named(key: str, value: Any, message: str) -> None:
    with pytest.raises(FileError, match=f"^x.json: {message}"):
        require({**FITS, "inner": {**FITS["inner"], key: value}}, Outer, "x.json")


def test_what_is_missing_or_something_else() -> None:
    with pytest.raises(FileError, match=r"^x.json: inner.count is missing, expected a whole number"):
        require({**FITS, "inner": {"metrics": {}}}, Outer, "x.json")
    with pytest.raises(FileError, match=r"^x.json: inner is missing, expected a mapping"):
        require({}, Outer, "x.json")
    with pytest.raises(FileError, match=r"^x.json: its content is \[1\], expected a mapping"):
        require([1], Outer, "x.json")


def test_long_and_odd_values_are_shown_on_one_short_line() -> None:
    with pytest.raises(FileError) as error:
        require({"a\nb": "\x1b[31m\n" * 1000}, dict[str, int], "x.json")
    assert "\n" not in str(error.value) and len(str(error.value)) < 200
