"""One group of the scoreboard as the last thing a benchmark prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlx.board.standing import Group
from rlx.measures.performance import tagged
from rlx.report.board_rows import columns, conclusions, group_title, pool_cells, row_cells
from rlx.report.tables import terminal_line, terminal_table

if TYPE_CHECKING:
    from rich.console import Group as Renderables
    from rich.table import Table

SHOWN = (
    *("rank", "change", "target", "score", "score_per_day", "multiple"),
    *("excess_interval", "p_value", "dsr"),
)
"""Columns that a terminal has room for, besides metrics."""


def board_table(group: Group) -> Renderables:
    """Return a rich renderable: rows by rank, systems of several seeds, what could not be judged, and conclusions."""
    from rich.console import Group as Renderables

    parts: list[object] = [_rows(group)]
    if group.pools:
        parts.append(_pools(group))
    failures = [f"{row.entry.target}: {row.entry.failure}" for row in group.rows if row.entry.failure is not None]
    parts += [terminal_line(line, "red") for line in failures]
    parts += [terminal_line(line) for line in conclusions(group)]
    return Renderables(*parts)  # type: ignore[arg-type]


def _rows(group: Group) -> Table:
    metrics = tagged("board_terminal")
    shown = {column: heading for column, heading in columns().items() if column in SHOWN or column in metrics}
    lines = [[cells[column] for column in shown] for cells in map(row_cells, group.rows)]
    return terminal_table(group_title(group), list(shown.values()), lines)


def _pools(group: Group) -> Table:
    lines = [pool_cells(pool) for pool in group.pools]
    return terminal_table("Systems of several seeds", list(lines[0]), [list(line.values()) for line in lines])
