"""``rlx recommend``: which systems of the scoreboard may be traded."""

from __future__ import annotations

import argparse

from rlx.cli.groups import Groups
from rlx.console import open_console, say
from rlx.evaluate import BOARD


def add(groups: Groups) -> None:
    """Add the command."""
    recommend = groups.add_parser(
        "recommend",
        help="report which systems of the scoreboard may be traded, and write a template for each",
        epilog="Exit status: 0, whether anything qualifies or not; 2 without a readable scoreboard.",
    )
    recommend.add_argument("board", nargs="?", default=BOARD, help="the scoreboard's file (default: %(default)s)")
    recommend.add_argument("--key", help="only the group whose comparability key begins with this")
    recommend.add_argument("--notional", type=float, help="money to trade, for the templates")
    recommend.add_argument("--max-drawdown", type=float, default=0.25, help="a fraction (default: %(default)s)")
    recommend.add_argument("--min-dsr", type=float, default=0.95, help="deflated Sharpe ratio (default: %(default)s)")
    recommend.add_argument("--max-p-value", type=float, default=0.05, help="corrected (default: %(default)s)")
    recommend.add_argument("--min-steps", type=int, default=252, help="of the hold-out (default: %(default)s)")
    recommend.add_argument("--min-windows", type=int, default=100, help="start indices (default: %(default)s)")
    recommend.set_defaults(run=_recommend)


def _recommend(arguments: argparse.Namespace) -> int:
    from rlx.board.promotion import PromotionRules
    from rlx.report.recommendation import recommendation_table, write_recommendation

    rules = PromotionRules(
        min_dsr=arguments.min_dsr,
        max_p_value=arguments.max_p_value,
        max_drawdown=arguments.max_drawdown,
        min_steps=arguments.min_steps,
        min_windows=arguments.min_windows,
    )
    written, judged = write_recommendation(arguments.board, rules, key=arguments.key, notional=arguments.notional)
    console = open_console()
    for group, candidates in judged:
        console.print(recommendation_table(group, candidates))
    say(f"Written: {', '.join(map(str, written))}")
    return 0
