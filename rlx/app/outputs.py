"""What every judgement leaves behind: scorecard, ledger and picture in the run folder, a summary on the terminal."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlx.console import open_console, say
from rlx.data.market import Market
from rlx.evaluate.judge import Judgement
from rlx.evaluate.ledger_file import write_ledger
from rlx.evaluate.trades_file import write_trades
from rlx.evaluate.window_protocols import WINDOW_BLOCKS
from rlx.evaluate.window_rows import write_windows
from rlx.files import write_folder, write_json, write_text
from rlx.report.every_start import write_every_start_png
from rlx.report.figure import write_report_png
from rlx.report.markdown import write_scorecard_markdown
from rlx.report.terminal import parts_table, scorecard_summary
from rlx.report.walk_forward import write_walk_forward_png
from rlx.run_folder import RunFolder, folder_shown

FEW = 3  # symbols that a title has room for
log = logging.getLogger(__name__)


def write_outputs(run_dir: Path, judgement: Judgement) -> None:
    """Write ``ledger.parquet``, ``report.png``, ``scorecard.md`` and, last, ``scorecard.json``."""
    write_ledger(RunFolder(run_dir).ledger, judgement.evaluation)
    write_report_png(RunFolder(run_dir).picture, judgement.evaluation, judgement.baselines, _title(judgement))
    write_scorecard(run_dir, judgement)


def write_documents(run_dir: Path, documents: Mapping[str, Any]) -> list[Path]:
    """Write what a policy has to say by file name, text as it stands and anything else as JSON; return the paths."""
    for name, content in documents.items():
        (write_text if isinstance(content, str) else write_json)(run_dir / name, content)
    return [folder_shown(run_dir / name) for name in documents]


def write_evals(run_dir: Path, judgement: Judgement, market: Market, policy_run: Path | None = None) -> Path | None:
    """Write the protocol's windows into a new folder of ``evals/`` and return it; None when it tells of none.

    ``evals/`` belongs to the run that made the policy, ``policy_run``; without one, or when that cannot be written,
    to ``run_dir``.
    """
    if not judgement.rows:
        return None

    def write(folder: Path) -> None:
        write_windows(folder / "windows.csv", judgement.rows)
        if judgement.scorecard.walk_forward:
            _write_walk_forward(folder, judgement, market)
        else:
            _write_every_start(folder, judgement)
        write_scorecard(folder, judgement)

    protocol = next(name for name in WINDOW_BLOCKS if getattr(judgement.scorecard, name))
    name = f"{protocol}_{time.strftime('%Y-%m-%d_%H-%M-%S')}"
    if policy_run is not None:
        try:
            return write_folder(RunFolder(policy_run).evals, name, write)
        except OSError as error:
            own, instead = RunFolder(policy_run).evals, RunFolder(run_dir).evals
            log.warning("%s cannot be written (%s); written to %s.", own, error, instead)
    return write_folder(RunFolder(run_dir).evals, name, write)


def _write_walk_forward(folder: Path, judgement: Judgement, market: Market) -> None:
    block = judgement.scorecard.walk_forward
    write_trades(folder / "trades.parquet", judgement.evaluation, market)
    write_walk_forward_png(
        folder / "walk_forward.png", judgement.evaluation, judgement.baselines, block, _title(judgement)
    )


def _write_every_start(folder: Path, judgement: Judgement) -> None:
    """Draw the windows; their trades are most of one book many times over, and the run folder's ledger has them."""
    card = judgement.scorecard
    path = folder / "every_start.png"
    write_every_start_png(path, judgement.rows, card.every_start, card.policy["name"], _title(judgement))


def write_scorecard(folder: Path, judgement: Judgement) -> None:
    """Write ``scorecard.md`` and, last, ``scorecard.json``."""
    write_scorecard_markdown(RunFolder(folder).scorecard_markdown, judgement.scorecard)
    judgement.scorecard.write(RunFolder(folder).scorecard)


def _title(judgement: Judgement) -> str:
    card = judgement.scorecard
    symbols = card.data["symbols"]
    of = f"{', '.join(symbols)} of " if len(symbols) <= FEW else ""  # tells the pictures of several pairs apart
    return f"{card.policy['name']} on {of}{card.data['source']}"


def print_summary(
    run_dir: Path, judgement: Judgement, evals: Path | None = None, parts: Mapping[str, Judgement] | None = None
) -> None:
    """Print the result as a table and say where the rest lies."""
    console = open_console()
    if parts:
        console.print(parts_table({name: part.scorecard for name, part in parts.items()}))
    console.print(scorecard_summary(judgement.scorecard))
    if evals is not None:
        what = "Windows and trades" if judgement.scorecard.walk_forward else "Windows"
        say(f"{what}: {folder_shown(evals)}")
    print_folder(run_dir)


def print_folder(run_dir: Path) -> None:
    """Say where a run lies."""
    say(f"Run folder: {folder_shown(run_dir)}")
