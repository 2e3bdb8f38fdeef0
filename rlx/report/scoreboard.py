"""The scoreboard's readable forms, beside its file."""

from __future__ import annotations

from pathlib import Path

from rlx.board.standing import stand
from rlx.board.store import Scoreboard
from rlx.plain import write_text
from rlx.report.board_markdown import render_board


def write_board(path: str | Path, board: Scoreboard) -> list[Path]:
    """Write ``scoreboard.md`` beside the board's file and return what was written."""
    markdown = Path(path).with_suffix(".md")
    write_text(markdown, render_board(stand(board)))
    return [markdown]
