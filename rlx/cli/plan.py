"""``rlx plan``: write trading plans with a language model."""

from __future__ import annotations

import argparse

from rlx.cli.groups import Groups
from rlx.console import say


def add(groups: Groups) -> None:
    """Add the command."""
    plan = groups.add_parser("plan", help="write trading plans with a language model")
    commands = plan.add_subparsers(title="commands", required=True, metavar="COMMAND")
    generate = commands.add_parser(
        "generate",
        help="ask a language model for the plan of one day, from the bars before it",
        epilog="RLX_PLAN_BASE_URL, RLX_PLAN_API_KEY and RLX_PLAN_MODEL name the endpoint; docs/plans.md.",
    )
    generate.add_argument("target_date", metavar="DATE", help="day that the plan is for, such as 2020-03-02")
    generate.add_argument("--data", default="sample_daily", help="file or folder of prices (default: the sample data)")
    generate.add_argument("--symbols", help="such as AAPL,SPY (default: all)")
    generate.add_argument("--bars", type=int, default=30, help="bars shown of each symbol (default: 30)")
    generate.add_argument("--cash", type=float, default=100_000.0, help="cash for the plan (default: 100000)")
    generate.add_argument("--strategy", default="base", help="base, entry_takeprofit or maxdiff (default: base)")
    generate.add_argument("--out", default="plans", help="a folder, or a .json file (default: plans)")
    generate.add_argument("--timeout-seconds", type=float, default=120.0, help="for the whole answer (default: 120)")
    generate.add_argument(
        "--temperature", help="0 to 2, or null for a model that accepts none (default: RLX_PLAN_TEMPERATURE, or 0)"
    )
    generate.set_defaults(run=_generate)


def _generate(arguments: argparse.Namespace) -> int:
    from rlx.app.plan import Wanted, run_generate

    symbols = None if arguments.symbols is None else tuple(arguments.symbols.split(","))
    wanted = Wanted(
        *(arguments.target_date, arguments.data, symbols), arguments.bars, arguments.cash, arguments.strategy
    )
    written = run_generate(wanted, arguments.out, arguments.timeout_seconds, arguments.temperature)
    say(f"Plan: {written.plan}")
    if written.remark:
        say(written.remark, stderr=True)
    return 0
