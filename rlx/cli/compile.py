"""``rlx compile``: compare compiled code with eager code, and read histories of such comparisons."""

from __future__ import annotations

import argparse

from rlx.cli.groups import Groups


def add(groups: Groups) -> None:
    """Add the command."""
    group = groups.add_parser("compile", help="compare compiled code with eager code")
    commands = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
    history = commands.add_parser(
        "history",
        help="show a compile history of the original scripts: its statistics, and what it really contains",
        epilog="Such histories are shown and never judged; docs/compile.md says why.",
    )
    history.add_argument("file", metavar="FILE", help="such as guard_compile_history.json")
    history.add_argument("--out", help="also write everything as Markdown to this file")
    history.set_defaults(run=_history)


def _history(arguments: argparse.Namespace) -> int:
    from rlx.report.compile_history import run_history

    return run_history(arguments.file, arguments.out)
