"""One group of the scoreboard as the last thing a benchmark prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlx.board.standing import Group
from rlx.report.board_rows import COLUMNS, conclusions, group_title, pool_cells, row_cells

if TYPE_CHECKING:
    from rich.console import Group as Renderables
    from rich.table import Table

SHOWN = (
    *("rank", "change", "target", "score", "score_per_day", "multiple", "sharpe", "excess_interval", "p_value", "dsr"),
    "max_drawdown",
)
"""Columns that a terminal has room for."""


def board_table(group: Group) -> Renderables:
    """Return a rich renderable: rows by rank, systems of several seeds, what could not be judged, and conclusions."""
    from rich.console import Group as Renderables
    from rich.padding import Padding

    parts: list[object] = [_rows(group)]
    if group.pools:
        parts.append(_pools(group))
    failures = [f"{row.entry.target}: {row.entry.failure}" for row in group.rows if row.entry.failure is not None]
    parts += [Padding(line, (0, 1), style="red") for line in failures]
    parts += [Padding(line, (0, 1)) for line in conclusions(group)]
    return Renderables(*parts)  # type: ignore[arg-type]


def _rows(group: Group) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=group_title(group), box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    for column in SHOWN:
        table.add_column(COLUMNS[column], justify="left" if column == "target" else "right")
    for row in group.rows:
        cells = row_cells(row)
        table.add_row(*(cells[column] for column in SHOWN), style="dim" if row.rank is None else "")
    return table


def _pools(group: Group) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title="Systems of several seeds", box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    lines = [pool_cells(pool) for pool in group.pools]
    for heading in lines[0]:
        table.add_column(heading, justify="left" if heading == "system" else "right")
    for line in lines:
        table.add_row(*line.values())
    return table
