"""Tables described once, for the terminal, Markdown and the page: by columns, by measures, or by name and value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rlx.measures.metric import UNDEFINED, written
from rlx.report.numbers import number
from rlx.untrusted.escape import one_line
from rlx.untrusted.markdown import Markdown, code
from rlx.untrusted.markdown import table as markdown_rows

if TYPE_CHECKING:
    from rich.padding import Padding
    from rich.table import Table as RichTable

    from rlx.evaluate.scorecard import Scorecard

R = TypeVar("R")

LONGEST_CELL = 400
"""Characters of a value that are shown; a longer one is cut, and the cell refers to the JSON document."""


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


def with_baselines(card: Scorecard) -> dict[str, dict[str, float | None]]:
    """Return the metrics of a policy and of its baselines by name; a baseline with the policy's name is marked."""
    own = card.policy["name"]
    others = {f"{name} (baseline)" if name == own else name: metrics for name, metrics in card.baselines.items()}
    return {own: card.metrics, **others}


def pairs(values: Mapping[str, Any]) -> Markdown:
    """Return the values as a Markdown table."""
    return markdown_rows(["", ""], [[code(name), on_one_line(value)] for name, value in values.items()])


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
