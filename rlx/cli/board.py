"""``rlx board``: render the scoreboard again."""

from __future__ import annotations

import argparse

from rlx.cli.groups import Groups
from rlx.evaluate import BOARD


def add(groups: Groups) -> None:
    """Add the command."""
    board = groups.add_parser("board", help="render the scoreboard's Markdown and HTML page again from its file")
    board.add_argument("board", nargs="?", default=BOARD, help="the scoreboard's file (default: %(default)s)")
    board.set_defaults(run=_render_board)


def _render_board(arguments: argparse.Namespace) -> int:
    from rlx.report.scoreboard import run_board

    return run_board(arguments.board)
