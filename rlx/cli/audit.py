"""``rlx audit``: look for leaks from the future in a run."""

from __future__ import annotations

import argparse

from rlx.cli.groups import Groups


def add(groups: Groups) -> None:
    """Add the command."""
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
