"""``rlx forecast``: judge forecasts alone."""

from __future__ import annotations

import argparse

from rlx.cli.groups import Groups
from rlx.cli.symbols import as_settings
from rlx.console import say
from rlx.untrusted.secret import hide


def add(groups: Groups) -> None:
    """Add the command."""
    group = groups.add_parser("forecast", help="judge a forecaster alone, without any strategy")
    commands = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check", help="compare a forecaster with no move and with the null model, and time it", add_help=False
    )
    check.add_argument("settings", nargs="*", metavar="SYMBOL or KEY=VALUE")
    check.add_argument("-h", "--help", action="store_true", dest="asked")
    check.add_argument("--cfg", action="store_true")
    check.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    if not (arguments.asked or arguments.cfg):
        say(f"Forecast check: {hide(' '.join(arguments.settings), '') or 'the defaults'}", stderr=True)
    from rlx.app.composed_tools import forecast_check_main

    flags = ["--help"] if arguments.asked else ["--cfg", "job"] if arguments.cfg else []
    forecast_check_main([*as_settings(arguments.settings), *flags])
    return 0
