"""``rlx backtest``: strategies on forecasts."""

from __future__ import annotations

import argparse

from rlx.cli.groups import Groups
from rlx.cli.symbols import as_settings
from rlx.console import say
from rlx.errors import ConfigError
from rlx.untrusted.secret import hide


def add(groups: Groups) -> None:
    """Add the command."""
    backtest = groups.add_parser("backtest", help="trade strategies on forecasts, symbol by symbol", add_help=False)
    backtest.add_argument("settings", nargs="*", metavar="SYMBOL or KEY=VALUE")
    backtest.add_argument("-h", "--help", action="store_true", dest="asked")
    backtest.add_argument("--cfg", action="store_true")
    backtest.add_argument("--label")
    backtest.add_argument("--targets", metavar="FILE")
    mode = backtest.add_mutually_exclusive_group()
    mode.add_argument("--dry-run", action="store_true")
    mode.add_argument("--show", metavar="PATH")
    mode.add_argument("--illusion", action="store_true")
    backtest.set_defaults(run=_backtest)


def _backtest(arguments: argparse.Namespace) -> int:
    given = overrides(arguments)
    if not (arguments.asked or arguments.cfg):
        asked = hide(" ".join(arguments.settings), "") or arguments.targets or arguments.show or "the defaults"
        say(f"Backtest: {asked}", stderr=True)
    if arguments.show is not None:
        if given:
            raise ConfigError("--show: takes no settings. Leave them out.")
        from rlx.app.backtest_shown import show_backtests

        return show_backtests(arguments.show)
    from rlx.app.composed_tools import backtest_main

    flags = ["--help"] if arguments.asked else ["--cfg", "job"] if arguments.cfg else []
    return backtest_main([*given, *flags], dry=arguments.dry_run, illusion=arguments.illusion)


def overrides(arguments: argparse.Namespace) -> list[str]:
    """Return the arguments as settings; ConfigError for symbols that are also given as ``data.symbols``."""
    from rlx.app.arguments import in_quotes

    named = (("label", arguments.label), ("targets", arguments.targets))
    return as_settings(arguments.settings) + [f"{key}={in_quotes(value)}" for key, value in named if value is not None]
