"""What every judgement leaves behind: scorecard, ledger and picture in the run folder, a summary on the terminal."""

from __future__ import annotations

from pathlib import Path

from rlx.console import open_console
from rlx.evaluate.judge import Judgement
from rlx.evaluate.ledger_file import write_ledger
from rlx.report.figure import write_report_png
from rlx.report.markdown import write_scorecard_markdown
from rlx.report.terminal import scorecard_summary


def write_outputs(run_dir: Path, judgement: Judgement) -> None:
    """Write ``ledger.parquet``, ``report.png``, ``scorecard.md`` and, last, ``scorecard.json``."""
    scorecard = judgement.scorecard
    write_ledger(run_dir / "ledger.parquet", judgement.evaluation)
    title = f"{scorecard.policy['name']} on {scorecard.data['source']}"
    write_report_png(run_dir / "report.png", judgement.evaluation, judgement.baselines, title)
    write_scorecard_markdown(run_dir / "scorecard.md", scorecard)
    scorecard.write(run_dir / "scorecard.json")


def print_summary(run_dir: Path, judgement: Judgement) -> None:
    """Print the result as a table and say where the rest lies."""
    console = open_console()
    console.print(scorecard_summary(judgement.scorecard))
    here = Path.cwd()
    shown = run_dir.relative_to(here) if run_dir.is_relative_to(here) else run_dir
    console.print(f"Run folder: {shown}", soft_wrap=True)
