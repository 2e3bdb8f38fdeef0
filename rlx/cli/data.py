"""``rlx data``: look at market data."""

from __future__ import annotations

import argparse

from rlx.cli.groups import Groups


def add(groups: Groups) -> None:
    """Add the command."""
    data = groups.add_parser("data", help="look at market data")
    check = data.add_subparsers(title="commands", required=True, metavar="COMMAND").add_parser(
        "check",
        help="report the contents of a file or folder of prices, and any problems",
        epilog="Exit status: 0 usable (1 instead when there are warnings and --strict is given), 2 unusable.",
    )
    check.add_argument("path", help="a file, or a folder with one file per symbol")
    check.add_argument("--strict", action="store_true", help="exit with 1 when there are warnings")
    check.set_defaults(run=_check_data)


def _check_data(arguments: argparse.Namespace) -> int:
    from rlx.data.check import run_check

    return run_check(arguments.path, strict=arguments.strict)
