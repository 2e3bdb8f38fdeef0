"""``rlx compile``: compare compiled code with eager code, and read histories of such comparisons."""

from __future__ import annotations

import argparse

from rlx.cli.groups import Groups


def add(groups: Groups) -> None:
    """Add the command."""
    group = groups.add_parser("compile", help="compare compiled code with eager code")
    commands = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="play a module's training, a forecaster or the simulator, eager and compiled, and record the differences",
        epilog="Example: rlx compile check module=hftraining costs=zero; rlx-train --help lists the groups. Exit "
        "status: 0, regardless of the verdict; 2 unusable input. docs/compile.md explains the verdicts.",
    )
    check.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="settings, as for rlx-train")
    check.add_argument(
        "--subject", help="module, forecaster or simulator (default: forecaster if only that is chosen, else module)"
    )
    check.add_argument("--rounds", type=int, default=2, help="plays of each kind, 1 or more (default: %(default)s)")
    check.add_argument(
        "--calls", type=int, default=30, help="updates, plays of the simulator or forecasts (default: %(default)s)"
    )
    check.add_argument("--record", default="compile_checks.jsonl", help="the record's file (default: %(default)s)")
    check.set_defaults(run=_check)
    report = commands.add_parser("report", help="show the verdicts of a record, and write its Markdown page again")
    report.add_argument("record", nargs="?", default="compile_checks.jsonl", help="its file (default: %(default)s)")
    report.set_defaults(run=_report)
    history = commands.add_parser(
        "history",
        help="show a compile history of the original scripts: its statistics, and what it really contains",
        epilog="Such histories are shown and never judged; docs/compile.md says why.",
    )
    history.add_argument("file", metavar="FILE", help="such as guard_compile_history.json")
    history.add_argument("--out", help="also write everything as Markdown to this file")
    history.set_defaults(run=_history)


def _check(arguments: argparse.Namespace) -> int:
    from rlx.app.compile_check import CheckOptions, run_check, subject_in

    subject = arguments.subject or subject_in(arguments.settings)
    options = CheckOptions(subject, arguments.rounds, arguments.calls, arguments.record)
    return run_check(arguments.settings, options)


def _report(arguments: argparse.Namespace) -> int:
    from rlx.report.compile_check import run_report

    return run_report(arguments.record)


def _history(arguments: argparse.Namespace) -> int:
    from rlx.report.compile_history import run_history

    return run_history(arguments.file, arguments.out)
