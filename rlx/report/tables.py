"""Tables described once, by columns that say what they show of a row, for the terminal, Markdown and the page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from rlx.measures.metric import UNDEFINED, written
from rlx.report.numbers import number
from rlx.untrusted.escape import one_line
from rlx.untrusted.markdown import Markdown
from rlx.untrusted.markdown import table as markdown_rows

if TYPE_CHECKING:
    from rich.padding import Padding
    from rich.table import Table as RichTable

R = TypeVar("R")

WORDS = frozenset(
    {"", "from", "to", "outliers by", "side", "trial", "target", "system", "promoted", "policy", "symbols"}
    | {"a year", "held equal up to each date", "first change"}
)
"""Headings of columns of words; numbers stand on the right."""


@dataclass(frozen=True)
class Column(Generic[R]):
    """A column: its heading and what it shows of a row, words as they are and numbers by their measure or format.

    ``measure`` is the name of a metric or a telemetry measure, ``spec`` a format of Python's, ``undefined`` what is
    written for None where there is no measure. Words are aligned ``left``.
    """

    heading: str
    cell: Callable[[R], str | float | None]
    _: KW_ONLY
    measure: str = ""
    spec: str = ""
    undefined: str = UNDEFINED
    left: bool = False

    def text(self, row: R) -> str:
        """Return the cell of a row."""
        value = self.cell(row)
        if isinstance(value, str):
            return value
        return number(self.measure, value) if self.measure else written(value, self.spec, self.undefined)


@dataclass(frozen=True)
class Table:
    """Rows of text under their headings; a terminal aligns the columns ``left`` of these places, others right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    left: Collection[int] = (0,)

    @classmethod
    def of(cls, columns: Sequence[Column[R]], rows: Iterable[R], title: str = "") -> Table:
        """Return what ``columns`` show of ``rows``."""
        cells = [[column.text(row) for column in columns] for row in rows]
        left = [place for place, column in enumerate(columns) if column.left]
        return cls([column.heading for column in columns], cells, title, left)


def measure_table(
    called: Callable[[str], str],
    columns: Mapping[str, Mapping[str, float | str | None]],
    title: str = "",
    corner: str = "",
) -> Table:
    """Return a row for each measure: how it is ``called``, and its numbers and words by their headings."""
    names = next(iter(columns.values()))
    rows = [[called(name), *(_text(name, one.get(name)) for one in columns.values())] for name in names]
    return Table([corner, *columns], rows, title)


def _text(name: str, value: float | str | None) -> str:
    return value if isinstance(value, str) else number(name, value)


def to_markdown(table: Table) -> Markdown:
    """Return the table as Markdown, whose cells are shown as they stand; it has no title."""
    return markdown_rows(table.header, table.rows)


def to_terminal(table: Table) -> RichTable:
    """Return a rich table, every cell of it on one line."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable

    drawn = RichTable(title=one_line(table.title), box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    for place, heading in enumerate(table.header):
        drawn.add_column(one_line(heading), justify="left" if place in table.left else "right")
    for row in table.rows:
        drawn.add_row(*map(one_line, row))
    return drawn


def terminal_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> RichTable:
    """Return a rich table of rows of text."""
    left = [place for place, heading in enumerate(header) if heading in WORDS]
    return to_terminal(Table(header, list(rows), title, left))


def terminal_line(text: str, style: str = "", above: int = 0) -> Padding:
    """Return a paragraph for the terminal with an empty line above and below it if told to, on one line of its own."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(one_line(text), style), (above, 1))
