"""Plain values of any shape as a table with two columns, name and value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.untrusted.markdown import Markdown, code, table

LONGEST_CELL = 400
"""Characters of a value that are shown; a longer one is cut, and the cell refers to the JSON document."""


def pairs(values: Mapping[str, Any]) -> Markdown:
    """Return the values as a Markdown table."""
    return table(["", ""], [[code(name), on_one_line(value)] for name, value in values.items()])


def on_one_line(value: Any) -> str:
    """Return a plain value as the text of one cell; a long one is cut."""
    text = _inline(value)
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + " ... (see scorecard.json)"


def _inline(value: Any) -> str:
    """Return a plain value on one line of a table."""
    if isinstance(value, dict):
        parts = (
            f"{name} ({_inline(item)})" if isinstance(item, dict) else f"{name} {_inline(item)}"
            for name, item in value.items()
        )
        return ", ".join(parts)
    if isinstance(value, list):
        return " ".join(_inline(item) for item in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return "off" if value is None else str(value)
