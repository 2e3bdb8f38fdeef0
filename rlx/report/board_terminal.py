"""One group of the scoreboard as the last thing a benchmark prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlx.board.standing import Group
from rlx.measures.performance import tagged
from rlx.report.board_rows import columns, conclusions, failures, group_title, pool_table
from rlx.report.tables import Table, terminal_line, to_terminal

if TYPE_CHECKING:
    from rich.console import Group as Renderables

SHOWN = (
    *("rank", "change", "target", "score", "score_per_day", "multiple"),
    *("excess_interval", "p_value", "dsr"),
)
"""Columns that a terminal has room for, besides metrics."""


def board_table(group: Group) -> Renderables:
    """Return a rich renderable: rows by rank, systems of several seeds, what could not be judged, and conclusions."""
    from rich.console import Group as Renderables

    shown = [column for name, column in columns().items() if name in SHOWN or name in tagged("board_terminal")]
    parts: list[object] = [to_terminal(Table.of(shown, group.rows, group_title(group)))]
    if group.pools:
        parts.append(to_terminal(pool_table(group)))
    parts += [terminal_line(line, "red") for line in failures(group)]
    parts += [terminal_line(line) for line in conclusions(group)]
    return Renderables(*parts)  # type: ignore[arg-type]
