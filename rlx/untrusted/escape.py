"""Escaping of untrusted text in our output: it remains text in Markdown, on a line and in a spreadsheet."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")  # but \n
_MARKUP = re.compile(r"([\\`*\[\]<>|~&$]|(?<!\w)_|_(?!\w))")  # an underscore within a word is not emphasis on GitHub
_LINK = re.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]*(?=:\S)|www(?=\.))")  # some renderers turn these into links
_BLOCK = re.compile(r"^(?:([-+=#])|(\d+)(?=[.)]))")  # begins a list or a heading at the start of a line
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def one_line(text: object) -> str:
    """Return text with line breaks, control characters and marks of writing direction as single spaces."""
    return _CONTROL.sub(" ", str(text)).strip()


def visible(text: str) -> str:
    """Return text without invisible characters, except line breaks."""
    return _UNSEEN.sub("", text)


def markdown_within(text: object) -> str:
    """Return text that Markdown, within a line or a table's cell, shows literally: no markup, tag or link.

    A number keeps its sign, and space at the ends is kept.
    """
    escaped = _MARKUP.sub(r"\\\1", _CONTROL.sub(" ", str(text)))
    return _LINK.sub(lambda match: f"{match[0]}\\", escaped)


def no_block(line: str) -> str:
    """Return a line of Markdown that begins no list and no heading."""
    return _BLOCK.sub(lambda match: f"{match[2]}\\" if match[2] else f"\\{match[1]}", line.strip())


def cell(text: str) -> str:
    """Return text for a CSV cell: text that a spreadsheet would read as a formula gets a leading apostrophe.

    Source: OWASP, CSV injection. For names only; a number written by us may begin with a minus sign.
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
