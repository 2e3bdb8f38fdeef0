"""Keys and passwords in text."""

from __future__ import annotations

import json

import pytest

from rlx.untrusted.secret import hide
from rlx.untrusted.shown import brief, shown

KEY = 'sk-0123"4/5'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Bearer {KEY}.", "Bearer [key]."),
        (json.dumps({"key": KEY}), '{"key": "[key]"}'),
        ("?key=sk-0123%224%2F5&x", "?key=[key]&x"),
        (f"x{KEY}{KEY}y", "x[key][key]y"),
        ("http://me:pw@host/v1 and https://a@b", "http://[hidden]@host/v1 and https://[hidden]@b"),
        ("http://me:p/w@x@host", "http://[hidden]@host"),
        ("me@host", "me@host"),
        ('+hydra.sweeper.storage="bob:p@w@host/db" x=1', '+hydra.sweeper.storage="[hidden]@host/db" x=1'),
        ("hydra.sweeper.storage=bob:pw@host", "hydra.sweeper.storage=[hidden]@host"),
        ("hydra.sweeper.storage='a://me:pw@host'", "hydra.sweeper.storage='a://[hidden]@host'"),
        ("http://h/?User=me&sslPassword=a%20b&x=1", "http://h/?User=me&sslPassword=[hidden]&x=1"),
        ("x.y=tokens=3", "x.y=tokens=3"),
    ],
)
def test_keys_and_passwords_are_written_over(text: str, expected: str) -> None:
    assert hide(text, KEY) == expected


def test_a_short_key_is_a_word() -> None:
    assert hide("none of nonesuch, 'none'", "none") == "[key] of nonesuch, '[key]'"
    assert hide("as it was", "") == "as it was"


def test_many_addresses_take_no_longer_than_their_number() -> None:
    for text in (
        "a://" * 100_000,
        "?" + "password" * 100_000,
        "?password" * 100_000,
        "hydra.sweeper.storage=" * 50_000,
    ):
        assert hide(text, KEY) == text


def test_values_in_messages_are_short_and_on_one_line() -> None:
    assert shown({"a": "b\n\u2028c"}) == '{"a": "b\\n c"}'
    assert shown("x" * 10**6) == f'"{"x" * 59}...'
    assert brief("a\x1b[2J\nb") == "a [2J b"
    assert brief("x" * 60) == "x" * 60
