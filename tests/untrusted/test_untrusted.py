"""Untrusted files: caps, encodings, and text that remains text."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlx.errors import FileError
from rlx.untrusted.documents import MAX_DEPTH, parse_json, parse_yaml, read_json
from rlx.untrusted.escape import cell
from rlx.untrusted.markdown import words
from rlx.untrusted.paths import expanded, why_unreadable
from rlx.untrusted.text import decode, gunzip, read_bytes, read_lines, read_text

TEXT = "Zürich,1\nGenève,2\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("packed", [False, True])
def test_text_in_any_usual_encoding(tmp_path: Path, encoding: str, packed: bool) -> None:
    data = TEXT.encode(encoding)
    (tmp_path / "a").write_bytes(gzip.compress(data) if packed else data)
    assert read_text(tmp_path / "a") == TEXT


def test_text_in_no_known_encoding() -> None:
    with pytest.raises(FileError, match=r"x\.log: not UTF-8 text \(byte 1\)"):
        decode(b"Z\xfcrich", "x.log")


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    (tmp_path / "bomb.gz").write_bytes(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(FileError, match="has more than 1 MiB, unpacked"):
            gunzip(bomb, "bomb.gz", 2**20)
        with pytest.raises(FileError, match="has more than 1 MiB, unpacked"):
            list(read_lines(tmp_path / "bomb.gz", 2**20))
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
    assert len(gunzip(bomb, "bomb.gz", 10_000_000)) == 10_000_000


def test_several_gzip_members_are_one_file() -> None:
    assert gunzip(gzip.compress(b"a") + gzip.compress(b"b") + b"\0\0", "two.gz", 9) == b"ab"
    assert gunzip(gzip.compress(b"a") * 50_000, "many.gz", 50_000) == b"a" * 50_000


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: data + b"more", lambda data: data[:12] + b"\xff" * 9 + data[21:]]
)
def test_damaged_gzip(damage) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(FileError, match="gzip"):
        gunzip(damage(gzip.compress(TEXT.encode() * 9)), "a.gz", 1000)


def test_a_file_that_is_too_large_and_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bytes(tmp_path / "a", 5) == b"12345"
    with pytest.raises(FileError, match="more than 4 bytes"):
        read_bytes(tmp_path / "a", 4)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="not a regular file"):
        read_bytes(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a JSON document"),
        ("[NaN]", "NaN is not a JSON number"),
        ("[1e999]", "beyond any float"),
        ("[" + "9" * 5000 + "]", "5,000 digits"),
        ("[" * 100_000, f"more than {MAX_DEPTH} levels"),
        ('{"a":' * 60 + "1" + "}" * 60, f"more than {MAX_DEPTH} levels"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} levels"),
        ('["\ud800"]', "half a surrogate pair"),
        (r'["\ud800"]', "half a surrogate pair"),
        (r'{"\udc00": 1}', "half a surrogate pair"),
    ],
)
def test_json_that_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FileError, match=reason):
        parse_json(text, "x.json")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=70)))
def test_what_json_writes_is_read(value: object) -> None:
    import json

    assert parse_json(json.dumps(value), "x.json") == value


def test_the_deepest_json_is_read() -> None:
    assert parse_json("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH, "x.json")


def test_brackets_within_text_are_no_depth(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('["' + "[{" * 100 + '\\"[[", 1]')
    assert read_json(tmp_path / "x.json")[1] == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
            f"{y}: &{y} [{','.join([f'*{x}'] * 9)}]\n" for x, y in zip("abcdefg", "bcdefgh", strict=True)
        ), "more than 20,000 values"),
        ("a: &a [*a, *a]", "refers to itself"),
        ("a: [0x" + "f" * 5000 + "]", "a number of more than 400 digits"),
        (r'a: "\ud800"', "not a YAML document"),
        ("[" * 60 + "]" * 60, f"more than {MAX_DEPTH} levels"),
        ("!!python/object/apply:os.system [true]", "not a YAML document"),
        ("a: 1\na: 2", "not a YAML document"),
        ("a: [", "not a YAML document"),
    ],
)  # fmt: skip
def test_yaml_that_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FileError, match=reason):
        parse_yaml(text, "x.yaml")


def test_yaml_with_an_alias_or_two() -> None:
    assert parse_yaml("a: &a {x: 1e3}\nb: *a", "x.yaml") == {"a": {"x": 1000.0}, "b": {"x": 1000.0}}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gymrl_seed0", "gymrl_seed0"),
        ("a\nb\r\n# c", "a b # c"),
        ("# c", r"\# c"),
        ("1. x", r"1\. x"),
        ("<script>x</script>", r"\<script\>x\</script\>"),
        ("[x](javascript:alert(1))", r"\[x\](javascript\:alert(1))"),
        ("https://x.y", r"https\://x.y"),
        ("a|b", r"a\|b"),
        ("_a_ *b*", r"\_a\_ \*b\*"),
    ],
)
def test_markdown_shows_text_as_it_stands(text: str, shown: str) -> None:
    assert words(text) == shown


@pytest.mark.parametrize("text", ["=1+1", "+x", "-x", "@SUM(A1)", "\tx"])
def test_a_spreadsheet_sees_no_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell(f"A{text}") == f"A{text}"


def test_only_a_home_that_is_there_takes_the_place_of_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for typed, meant in (("~/a", "/home/me/a"), ("~nobody_here/a", "~nobody_here/a"), ("~\0/a", "~\0/a")):
        assert str(expanded(typed)) == meant


def test_what_is_there_is_not_said_to_be_missing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("pipe", "device"):
        assert why_unreadable(tmp_path / name) == "not a regular file"
    assert why_unreadable(tmp_path / "none") == "no such file"
