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


def _audit(arguments: argparse.Namespace) -> int:
    from rlx.app.audit import run_audit
    from rlx.audit.audit import AuditOptions

    return run_audit(arguments.run_folder, AuditOptions(arguments.dates, arguments.permutations, arguments.seed))


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
    _add_audit(groups)
    return parser


def _add_audit(groups: Any) -> None:
    audit = groups.add_parser(
        "audit",
        help="look for leaks from the future in a run's features, policy, guards and books",
        epilog="Exit status: 0 nothing found, 1 a leak, 2 unusable input. docs/audit.md says what each proves.",
    )
    audit.add_argument("run_folder", metavar="RUN", help="run folder of train.py or evaluate.py")
    audit.add_argument("--dates", type=int, default=25, help="dates after which prices are changed (default: 25)")
    audit.add_argument(
        "--permutations", type=int, default=200, help="shuffled futures to trade, 0 for none (default: 200)"
    )
    audit.add_argument("--seed", type=int, default=0, help="of dates, changes and shuffles (default: 0)")
    audit.set_defaults(run=_audit)
