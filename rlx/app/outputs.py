"""The outputs of every judgement: scorecard, ledger and picture in the run folder, and a summary on the terminal."""

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
from rlx.evaluate.protocols.base import Comparison, Protocol
from rlx.evaluate.trades_file import write_trades
from rlx.files import write_folder, write_json, write_text
from rlx.report.figure import write_report_png
from rlx.report.markdown import write_scorecard_markdown
from rlx.report.protocols import report_of
from rlx.report.terminal import parts_table, scorecard_summary
from rlx.report.windows_figure import write_png
from rlx.run_folder import RunFolder, folder_shown
from rlx.untrusted.csv_file import write_csv

log = logging.getLogger(__name__)


def write_outputs(run_dir: Path, judgement: Judgement) -> None:
    """Write ``ledger.parquet``, ``report.png``, ``scorecard.md`` and, last, ``scorecard.json``."""
    write_ledger(RunFolder(run_dir).ledger, judgement.evaluation)
    write_report_png(RunFolder(run_dir).picture, judgement.evaluation, judgement.baselines, judgement.title)
    write_scorecard(run_dir, judgement)


def write_documents(run_dir: Path, documents: Mapping[str, Any]) -> list[Path]:
    """Write a policy's documents by file name, text unchanged and anything else as JSON; return the paths."""
    for name, content in documents.items():
        (write_text if isinstance(content, str) else write_json)(run_dir / name, content)
    return [folder_shown(run_dir / name) for name in documents]


def write_evals(run_dir: Path, judgement: Judgement, market: Market, policy_run: Path | None = None) -> Path | None:
    """Write the protocol's windows into a new folder of ``evals/`` and return it; None if it has no windows.

    ``evals/`` is in ``policy_run``, the run that trained the policy, or in ``run_dir`` if there is no such run or its
    folder cannot be written.
    """
    if not judgement.rows:
        return None

    protocol = judgement.protocol

    def write(folder: Path) -> None:
        write_csv(folder / "windows.csv", judgement.rows)
        if protocol.traded_windows:
            write_trades(folder / "trades.parquet", judgement.evaluation, market, protocol.traded_windows)
        _draw(folder, protocol, judgement)
        write_scorecard(folder, judgement)

    name = f"{protocol.name}_{time.strftime('%Y-%m-%d_%H-%M-%S')}"
    if policy_run is not None:
        try:
            return write_folder(RunFolder(policy_run).evals, name, write)
        except OSError as error:
            own, instead = RunFolder(policy_run).evals, RunFolder(run_dir).evals
            log.warning("%s cannot be written (%s); written to %s.", own, error, instead)
    return write_folder(RunFolder(run_dir).evals, name, write)


def write_comparison(run_dir: Path, protocol: Protocol, comparison: Comparison) -> None:
    """Write the picture of a comparison, and its summary as Markdown and, last, as JSON."""
    report = report_of(protocol.name)
    _draw(run_dir, protocol, comparison)
    write_text(run_dir / f"{report.document}.md", report.markdown(comparison.summary))
    write_json(run_dir / f"{report.document}.json", comparison.summary)


def print_comparison(protocol: Protocol, comparison: Comparison) -> None:
    """Print the results of a comparison."""
    console = open_console()
    for part in report_of(protocol.name).terminal(comparison.summary):
        console.print(part)


def _draw(folder: Path, protocol: Protocol, drawn: Judgement | Comparison) -> None:
    draw = report_of(protocol.name).draw
    if draw is not None:
        write_png(folder / f"{protocol.name}.png", draw(drawn))


def write_scorecard(folder: Path, judgement: Judgement) -> None:
    """Write ``scorecard.md`` and, last, ``scorecard.json``."""
    write_scorecard_markdown(RunFolder(folder).scorecard_markdown, judgement.scorecard)
    judgement.scorecard.write(RunFolder(folder).scorecard)


def print_summary(
    run_dir: Path, judgement: Judgement, evals: Path | None = None, parts: Mapping[str, Judgement] | None = None
) -> None:
    """Print the result as a table and the paths of the other outputs."""
    console = open_console()
    if parts:
        console.print(parts_table({name: part.scorecard for name, part in parts.items()}))
    console.print(scorecard_summary(judgement.scorecard))
    if evals is not None:
        what = "Windows and trades" if judgement.protocol.traded_windows else "Windows"
        say(f"{what}: {folder_shown(evals)}")
    print_folder(run_dir)


def print_folder(run_dir: Path) -> None:
    """Print the path of a run folder."""
    say(f"Run folder: {folder_shown(run_dir)}")
