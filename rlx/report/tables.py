"""Tables described once, by columns that each show a value of a row, for the terminal, Markdown and the page."""

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


@dataclass(frozen=True)
class Column(Generic[R]):
    """A column: its heading and the value that it shows of a row, text unchanged and numbers by measure or format.

    ``measure`` is the name of a metric or a telemetry measure, ``spec`` a Python format, ``undefined`` the text for
    None if there is no measure. Columns of words are aligned ``left``.
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
    """Rows of text under their headings; a terminal aligns the columns with an index in ``left`` left, others right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    left: Collection[int] = (0,)

    @classmethod
    def of(cls, columns: Sequence[Column[R]], rows: Iterable[R], title: str = "") -> Table:
        """Return the table of ``rows`` with these ``columns``."""
        cells = [[column.text(row) for column in columns] for row in rows]
        left = [place for place, column in enumerate(columns) if column.left]
        return cls([column.heading for column in columns], cells, title, left)


def measure_table(
    called: Callable[[str], str],
    columns: Mapping[str, Mapping[str, float | str | None]],
    title: str = "",
    corner: str = "",
) -> Table:
    """Return a table with a row for each measure: its name by ``called``, and its values by heading."""
    names = next(iter(columns.values()))
    rows = [[called(name), *(_text(name, one.get(name)) for one in columns.values())] for name in names]
    return Table([corner, *columns], rows, title)


def _text(name: str, value: float | str | None) -> str:
    return value if isinstance(value, str) else number(name, value)


def to_markdown(table: Table) -> Markdown:
    """Return the table as Markdown without its title; cells are shown literally."""
    return markdown_rows(table.header, table.rows)


def to_terminal(table: Table) -> RichTable:
    """Return a rich table with every cell on one line."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable

    drawn = RichTable(title=one_line(table.title), box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    for place, heading in enumerate(table.header):
        drawn.add_column(one_line(heading), justify="left" if place in table.left else "right")
    for row in table.rows:
        drawn.add_row(*map(one_line, row))
    return drawn


def terminal_line(text: str, style: str = "", above: int = 0) -> Padding:
    """Return a paragraph for the terminal, with ``above`` empty lines before it and one after it."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(one_line(text), style), (above, 1))
