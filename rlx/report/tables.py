"""Tables described once, by columns that say what they show of a row, for the terminal, Markdown and the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from rlx.measures.metric import Metric
from rlx.measures.undefined import UNDEFINED, written
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
    """Rows of text under their headings, and which columns a terminal aligns left."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    left: Sequence[bool] = ()

    @classmethod
    def of(cls, columns: Sequence[Column[R]], rows: Iterable[R], title: str = "") -> Table:
        """Return what ``columns`` show of ``rows``."""
        cells = [[column.text(row) for column in columns] for row in rows]
        return cls([one.heading for one in columns], cells, title, [one.left for one in columns])


def metric_columns(metrics: Iterable[Metric], of: Callable[[R], Mapping[str, float | None]]) -> list[Column[R]]:
    """Return a column for each metric, whose numbers a row has by name."""

    def column(metric: Metric) -> Column[R]:
        return Column(metric.heading, lambda row: of(row).get(metric.name), measure=metric.name)

    return list(map(column, metrics))


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
    for heading, left in zip(table.header, table.left or [False] * len(table.header), strict=True):
        drawn.add_column(one_line(heading), justify="left" if left else "right")
    for row in table.rows:
        drawn.add_row(*map(one_line, row))
    return drawn


def terminal_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> RichTable:
    """Return a rich table of rows of text."""
    return to_terminal(Table(header, list(rows), title, [heading in WORDS for heading in header]))


def terminal_line(text: str, style: str = "", above: int = 0) -> Padding:
    """Return a paragraph for the terminal with an empty line above and below it if told to, on one line of its own."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(one_line(text), style), (above, 1))
