"""Markdown that cannot be built unescaped: a text becomes part of a document only through these functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rlx.untrusted.escape import markdown_within, no_block, one_line

_BAR = re.compile(r"(?<!\\)\|")


class Markdown(str):
    """Text that is already Markdown, written by us; any other text is shown literally."""


def words(*parts: str) -> Markdown:
    """Return the parts as one text; each that is not ``Markdown`` is shown literally."""
    written = "".join(part if isinstance(part, Markdown) else markdown_within(part) for part in parts)
    return Markdown(written if parts and isinstance(parts[0], Markdown) else no_block(written))


def code(name: str) -> Markdown:
    """Return a name as code."""
    text = one_line(name)
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return Markdown(f"{fence}{space}{text}{space}{fence}")


def strong(text: str) -> Markdown:
    """Return bold text."""
    return Markdown(f"**{markdown_within(one_line(text))}**")


def heading(level: int, *parts: str) -> Markdown:
    """Return a heading."""
    return Markdown(f"{'#' * level} {words(*parts)}")


def bullets(items: Iterable[str]) -> Markdown:
    """Return a list, one line per item."""
    return Markdown("\n".join(f"- {words(item)}" for item in items))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Markdown:
    """Return a table whose cells are shown literally."""
    lines = [list(map(_cell, header)), ["---"] * len(header), *(map(_cell, row) for row in rows)]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def joined(blocks: Iterable[str]) -> Markdown:
    """Return blocks (paragraphs, headings, lists, tables) one after the other; empty ones are omitted."""
    return Markdown("\n\n".join(words(block) for block in blocks if block))


def document(blocks: Iterable[str]) -> str:
    """Return a complete document of blocks, separated like those of ``joined``."""
    return f"{joined(blocks)}\n"


def _cell(text: str) -> str:
    return _BAR.sub(r"\\|", text) if isinstance(text, Markdown) else markdown_within(text)
