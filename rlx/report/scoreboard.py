"""The readable forms of the scoreboard, written next to its file."""

from __future__ import annotations

from pathlib import Path

from rlx.board.standing import rank_board
from rlx.board.store import PAGES, WHAT, Scoreboard
from rlx.console import say
from rlx.errors import RlxError
from rlx.files import write_text
from rlx.locks import file_lock
from rlx.report.board_text import render_board
from rlx.report.page.document import render_page


def write_board(path: str | Path, board: Scoreboard) -> list[Path]:
    """Write ``scoreboard.md`` and ``scoreboard.html`` next to the board's file and return their paths."""
    groups = rank_board(board)
    pages = dict(zip(PAGES, (render_board(groups), render_page(groups, path)), strict=True))
    written = []
    for suffix, content in pages.items():
        written.append(Path(path).with_suffix(suffix))
        write_text(written[-1], content)
    return written


def run_board(path: str | Path) -> int:
    """Write the readable forms of a scoreboard again, print their paths, and return the exit status."""
    Scoreboard.load(path)  # a missing board leaves no lock file behind
    try:
        with file_lock(Path(path), WHAT):
            pages = write_board(path, Scoreboard.load(path))
    except OSError as error:
        raise RlxError(f"scoreboard {path}: its pages cannot be written ({error}).") from error
    for page in pages:
        say(str(page))
    return 0
