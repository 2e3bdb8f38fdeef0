"""``rlx``: the commands that are not a Hydra run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rlx.errors import RlxError

BAD_INPUT = 2
SCOREBOARD = "experiments/scoreboard.json"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status: 0 fine, 1 warnings under --strict, 2 unusable input."""
    arguments = _parser().parse_args(argv)
    try:
        status = arguments.run(arguments)
    except RlxError as error:
        sys.stderr.write(f"Error: {error}\n")
        status = BAD_INPUT
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rlx", description="Tools around the training (rlx-train) and the judge (rlx-evaluate)."
    )
    groups = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    data = groups.add_parser("data", help="look at market data")
    commands = data.add_subparsers(title="commands", required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="say what is in a file or folder of prices, and what is wrong with it",
        epilog="Exit status: 0 usable (1 instead when there are warnings and --strict is given), 2 unusable.",
    )
    check.add_argument("path", help="a file, or a folder of one file a symbol")
    check.add_argument("--strict", action="store_true", help="exit with 1 when there are warnings")
    check.set_defaults(run=_check)
    board = groups.add_parser("board", help="write the scoreboard's Markdown and HTML page again from its JSON")
    board.add_argument("path", nargs="?", default=SCOREBOARD, help=f"the scoreboard, {SCOREBOARD} if not given")
    board.set_defaults(run=_board)
    return parser


def _check(arguments: argparse.Namespace) -> int:
    from rlx.data.check import run_check

    return run_check(arguments.path, strict=arguments.strict)


def _board(arguments: argparse.Namespace) -> int:
    from rlx.report.scoreboard import run_board

    return run_board(arguments.path)
