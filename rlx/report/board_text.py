"""The scoreboard as text: all groups as Markdown, and one group for the end of the output of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rlx.board.standing import Group
from rlx.measures.performance import tagged
from rlx.report.board_rows import columns, conclusions, failures, group_title, pool_table
from rlx.report.tables import Table, terminal_line, to_markdown, to_terminal
from rlx.untrusted.markdown import Markdown, bullets, document, heading, joined

if TYPE_CHECKING:
    from rich.console import Group as Renderables

READING = Markdown(
    "Rows are compared only where data, windows, costs, limits and guard are the same: one table per key. The score is "
    "the hold-out's return after costs; ranks are by score. `x equal weight` is the score over that of equal weight. "
    "The excess is the mean return a year above equal weight, its interval and p-value by paired block bootstrap, the "
    "p-value corrected for all competitors of the table (Holm). DSR is the deflated Sharpe ratio. IQM is the "
    "interquartile mean over seeds."
)
SHOWN = {"rank", "change", "target", "score", "score_per_day", "multiple", "excess_interval", "p_value", "dsr"}
"""Columns that fit on a terminal, in addition to metrics."""


def render_board(groups: Sequence[Group]) -> str:
    """Return the whole board; the key that was judged last comes first."""
    return document([heading(1, "Scoreboard"), READING, *map(_group, groups)])


def _group(group: Group) -> Markdown:
    rows = to_markdown(Table.of(list(columns().values()), group.rows))
    parts: list[str] = [heading(2, group_title(group)), _judged(group), rows]
    if group.pools:
        parts.append(to_markdown(pool_table(group)))
    parts.append(bullets(conclusions(group)))
    if failed := failures(group):
        parts += ["Not judged:", bullets(failed)]
    return joined(parts)


def _judged(group: Group) -> str:
    return f"Judged last {max(row.entry.recorded_at for row in group.rows)}."


def board_table(group: Group) -> Renderables:
    """Return a rich renderable: rows by rank, systems with several seeds, failures, and conclusions."""
    from rich.console import Group as Renderables

    shown = [column for name, column in columns().items() if name in SHOWN or name in tagged("board_terminal")]
    parts: list[object] = [to_terminal(Table.of(shown, group.rows, group_title(group)))]
    if group.pools:
        parts.append(to_terminal(pool_table(group)))
    parts += [terminal_line(line, "red") for line in failures(group)]
    parts += [terminal_line(line) for line in conclusions(group)]
    return Renderables(*parts)  # type: ignore[arg-type]
