"""``rlx``: the commands that are not a Hydra run. Each imports its implementation only when it is called."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import rlx
from rlx.console import complain, open_console, print_anything, say
from rlx.errors import RlxError
from rlx.evaluate import BOARD
from rlx.stops import exiting_on_stops

if TYPE_CHECKING:
    Groups = argparse._SubParsersAction[argparse.ArgumentParser]

BAD_INPUT = 2


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status: 0 success, 1 a negative finding, 2 unusable input."""
    print_anything()
    with exiting_on_stops():
        arguments = _parser().parse_args(argv)
        try:
            status = arguments.run(arguments)
        except BrokenPipeError:
            raise
        except (RlxError, OSError) as error:  # a full disk must not end in 1, which is a finding
            complain(error)
            status = BAD_INPUT
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rlx", description="Tools around the training (rlx-train) and the judge (rlx-evaluate)."
    )
    parser.add_argument("--version", action="version", version=f"rlx {rlx.__version__}")
    groups = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_data(groups)
    _add_plan(groups)
    _add_sweep(groups)
    _add_board(groups)
    _add_recommend(groups)
    _add_audit(groups)
    return parser


def _add_data(groups: Groups) -> None:
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


def _add_board(groups: Groups) -> None:
    board = groups.add_parser("board", help="render the scoreboard's Markdown and HTML page again from its file")
    board.add_argument("board", nargs="?", default=BOARD, help="the scoreboard's file (default: %(default)s)")
    board.set_defaults(run=_render_board)


def _render_board(arguments: argparse.Namespace) -> int:
    from rlx.report.scoreboard import run_board

    return run_board(arguments.board)


def _add_recommend(groups: Groups) -> None:
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


def _add_sweep(groups: Groups) -> None:
    sweep = groups.add_parser("sweep", help="look at a finished sweep")
    commands = sweep.add_subparsers(title="commands", required=True, metavar="COMMAND")
    report = commands.add_parser(
        "report",
        help="report how much of a sweep's best result is due to selection: probability of overfitting by CSCV",
        epilog="Writes sweep_report.json and sweep_report.md into the folder; docs/sweeps.md explains them.",
    )
    report.add_argument("folder", help="the sweep's folder (multirun/MODULE/DATE_TIME)")
    report.add_argument(
        "--blocks",
        type=int,
        default=16,
        help="even number of parts into which the hold-out is cut, 2 to 20 (default: 16)",
    )
    report.add_argument("--key", help="comparability key of the trials to compare, if there are several")
    report.add_argument("--trials", type=int, help="total number of trials, including earlier sweeps")
    report.set_defaults(run=_report_sweep)


def _report_sweep(arguments: argparse.Namespace) -> int:
    from rlx.app.sweep_report import run_sweep_report

    return run_sweep_report(arguments.folder, blocks=arguments.blocks, key=arguments.key, trials=arguments.trials)


def _add_plan(groups: Groups) -> None:
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


def _add_audit(groups: Groups) -> None:
    audit = groups.add_parser(
        "audit",
        help="look for leaks from the future in a run's features, policy, guards and books",
        epilog="Exit status: 0 nothing found, 1 a leak, 2 unusable input. docs/audit.md explains what each proves.",
    )
    audit.add_argument("run_folder", metavar="RUN", help="run folder of train.py or evaluate.py")
    audit.add_argument("--dates", type=int, default=25, help="dates after which prices are changed (default: 25)")
    audit.add_argument(
        "--permutations", type=int, default=200, help="shuffled futures to trade, 0 for none (default: 200)"
    )
    audit.add_argument("--seed", type=int, default=0, help="seed of dates, changes and shuffles (default: 0)")
    audit.set_defaults(run=_audit)


def _audit(arguments: argparse.Namespace) -> int:
    from rlx.app.audit import run_audit
    from rlx.audit.audit import AuditOptions

    return run_audit(arguments.run_folder, AuditOptions(arguments.dates, arguments.permutations, arguments.seed))
