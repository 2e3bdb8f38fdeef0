"""The scoreboard as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rlx.board.standing import Group
from rlx.report.board_rows import columns, conclusions, group_title, pool_cells, row_cells
from rlx.untrusted.markdown import Markdown, bullets, document, heading, joined, table

READING = Markdown(
    "Rows are compared only where data, windows, costs, limits and guard are the same: one table a key. The score is "
    "the hold-out's return after costs; ranks are by score. `x equal weight` is the score over that of equal weight. "
    "The excess is the mean return a year above equal weight, its interval and p-value by paired block bootstrap, the "
    "p-value corrected for all competitors of the table (Holm). DSR is the deflated Sharpe ratio. IQM is the "
    "interquartile mean over seeds."
)


def render_board(groups: Sequence[Group]) -> str:
    """Return the whole board, the key judged last first."""
    return document([heading(1, "Scoreboard"), READING, *map(_group, groups)])


def _group(group: Group) -> Markdown:
    rows = [list(row_cells(row).values()) for row in group.rows]
    parts: list[str] = [heading(2, group_title(group)), _judged(group), table(list(columns().values()), rows)]
    if group.pools:
        lines = [pool_cells(pool) for pool in group.pools]
        parts.append(table(list(lines[0]), [list(line.values()) for line in lines]))
    failures = [f"{row.entry.target}: {row.entry.failure}" for row in group.rows if row.entry.failure is not None]
    parts.append(bullets(conclusions(group)))
    if failures:
        parts += ["Not judged:", bullets(failures)]
    return joined(parts)


def _judged(group: Group) -> str:
    return f"Judged last {max(row.entry.recorded_at for row in group.rows)}."
