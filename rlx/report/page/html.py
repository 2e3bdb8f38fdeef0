"""HTML and SVG as strings that cannot be built unescaped: a text becomes part of a page only through ``tag``."""

from __future__ import annotations

import html
from collections.abc import Iterable

from rlx.untrusted.escape import visible

VOID = frozenset({"circle", "input", "line", "link", "meta", "path", "rect"})
"""Elements that are written without an end tag: HTML's own, and shapes of SVG without children."""
FOREIGN = frozenset({"circle", "line", "path", "rect"})
"""Those of SVG, which HTML closes only where told to."""

Attribute = str | int | float | bool | None


class Markup(str):
    """Text that is HTML already."""


def tag(name: str, /, *children: str | None, **attributes: Attribute) -> Markup:
    """Return an element; children that are not ``Markup`` are escaped, and None is left out.

    An attribute's trailing underscore goes (``class_``) and other underscores become hyphens (``data_v``). True writes
    the name alone; False and None leave it out.
    """
    start = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}"
    if name in VOID:
        return Markup(f"{start}/>" if name in FOREIGN else f"{start}>")
    return Markup(f"{start}>{join(children)}</{name}>")


def join(children: Iterable[str | None], between: str = "") -> Markup:
    """Return the children one after the other, each escaped where it is not ``Markup``."""
    return Markup(between.join(text(child) for child in children if child is not None))


def text(value: str) -> Markup:
    """Return a text as HTML that shows it as it stands, without control characters and marks of direction."""
    return value if isinstance(value, Markup) else Markup(html.escape(visible(value), quote=False))


def breakable(name: str) -> Markup:
    """Return a name that may be broken after its underscores."""
    return join(name.split("_"), "_<wbr>")


def unseen(words: str) -> Markup:
    """Return words that only a screen reader gets."""
    return tag("span", words, class_="unseen")


def table(header: Iterable[str], rows: Iterable[Iterable[str]], caption: str, class_: str = "plain") -> Markup:
    """Return a small table: the first cell of a row is its heading, all others are right-aligned numbers or words."""
    head = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in header)))
    body = [tag("tr", *_cells(list(row))) for row in rows]
    return tag("div", tag("table", tag("caption", caption), head, tag("tbody", *body), class_=class_), class_="scroll")


def _cells(row: list[str]) -> list[Markup]:
    return [tag("th", row[0]), *(tag("td", cell) for cell in row[1:])]


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(visible(_written(value)))}"'


def _written(value: str | int | float) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
