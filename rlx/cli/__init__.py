"""``rlx``: the commands that are not a Hydra run. Each imports its implementation only when it is called."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import rlx
from rlx.cli import audit, backtest, board, compile, data, dataset, forecast, plan, recommend, sweep
from rlx.console import complain, print_anything
from rlx.errors import RlxError
from rlx.stops import exiting_on_stops

BAD_INPUT = 2


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status: 0 success, 1 a negative finding, 2 unusable input."""
    print_anything()
    with exiting_on_stops():
        arguments = _parsed(argv)
        try:
            status = arguments.run(arguments)
        except BrokenPipeError:
            raise
        except (RlxError, OSError) as error:  # a full disk must not end in 1, which is a finding
            complain(error)
            status = BAD_INPUT
    sys.exit(status)


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments; a command's ``settings`` may also follow its options, which argparse would refuse."""
    parser = _parser()
    arguments, more = parser.parse_known_args(argv)
    if more and (not hasattr(arguments, "settings") or any(one.startswith("-") for one in more)):
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if more:
        arguments.settings += more
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rlx", description="Tools around the training (rlx-train) and the judge (rlx-evaluate)."
    )
    parser.add_argument("--version", action="version", version=f"rlx {rlx.__version__}")
    groups = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (data, forecast, plan, backtest, sweep, board, recommend, audit, compile, dataset):
        command.add(groups)
    return parser
