"""Rows of text as a table on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rlx.untrusted.escape import one_line

if TYPE_CHECKING:
    from rich.padding import Padding
    from rich.table import Table

WORDS = frozenset(
    {"", "from", "to", "outliers by", "side", "trial", "target", "system", "promoted", "policy", "symbols"}
    | {"a year", "held equal up to each date", "first change"}
)
"""Headings of columns of words; numbers stand on the right."""


def terminal_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a rich table, every cell of it on one line."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=one_line(title), box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    for heading in header:
        table.add_column(one_line(heading), justify="left" if heading in WORDS else "right")
    for row in rows:
        table.add_row(*map(one_line, row))
    return table


def terminal_line(text: str, style: str = "", above: int = 0) -> Padding:
    """Return a paragraph for the terminal with an empty line above and below it if told to, on one line of its own."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(one_line(text), style), (above, 1))
