"""``rlx sweep``: look at a finished sweep."""

from __future__ import annotations

import argparse

from rlx.cli.groups import Groups


def add(groups: Groups) -> None:
    """Add the command."""
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
