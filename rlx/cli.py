"""``rlx``: the commands that are not a Hydra run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from rlx.errors import RlxError

BAD_INPUT = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status: 0 fine, 1 a finding, 2 unusable input."""
    arguments = _parser().parse_args(argv)
    try:
        status = arguments.run(arguments)
    except (RlxError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        status = BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        status = INTERRUPTED
    sys.exit(status)


def _check(arguments: argparse.Namespace) -> int:
    from rlx.data.check import run_check

    return run_check(arguments.path, strict=arguments.strict)


def _generate(arguments: argparse.Namespace) -> int:
    from rlx.app.plan import Wanted, run_generate

    symbols = None if arguments.symbols is None else tuple(arguments.symbols.split(","))
    wanted = Wanted(
        *(arguments.target_date, arguments.data, symbols), arguments.bars, arguments.cash, arguments.strategy
    )
    sys.stdout.write(f"Plan: {run_generate(wanted, arguments.out, arguments.timeout_seconds)}\n")
    return 0


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
    _add_plan(groups)
    return parser


def _add_plan(groups: Any) -> None:
    plan = groups.add_parser("plan", help="have trading plans written")
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
    generate.add_argument("--cash", type=float, default=100_000.0, help="what the plan may spend (default: 100000)")
    generate.add_argument("--strategy", default="base", help="base, entry_takeprofit or maxdiff (default: base)")
    generate.add_argument("--out", default="plans", help="a folder, or a .json file (default: plans)")
    generate.add_argument("--timeout-seconds", type=float, default=120.0, help="wait for an answer (default: 120)")
    generate.set_defaults(run=_generate)
