"""The first step of a command: handle signals and print what begins, before the imports that take seconds."""

from __future__ import annotations

import sys

import rlx
from rlx.stops import exiting_on_stops
from rlx.untrusted.secret import hide

ASKING = {"--help", "-h", "--version", "--cfg", "-c", "--info", "-i", "--hydra-help", "--shell-completion", "-sc"}


def train_main() -> None:
    """Run ``train.py`` / ``rlx-train``."""
    with exiting_on_stops():
        if not _begun("Training"):
            return
        from rlx.app.entry import train_main as run

        run()


def evaluate_main() -> None:
    """Run ``evaluate.py`` / ``rlx-evaluate``."""
    with exiting_on_stops():
        if not _begun("Evaluation"):
            return
        from rlx.app.entry import evaluate_main as run

        run()


def _begun(what: str) -> bool:
    """Print what begins and return True; with ``--version``, print only the version and return False."""
    arguments = sys.argv[1:]
    if "--version" in arguments:
        sys.stdout.write(f"rlx {rlx.__version__}\n")
        return False
    if not ASKING & {argument.partition("=")[0] for argument in arguments}:
        asked = hide(" ".join(arguments), "") or "the defaults (--help says what can be changed)"
        sys.stderr.write(f"{what}: {asked}\n")
        sys.stderr.flush()
    return True
