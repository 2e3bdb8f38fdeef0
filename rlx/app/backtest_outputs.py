"""The files of a backtest, and what is printed of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rlx.app.backtest import Backtest
from rlx.backtest.measured import PORTFOLIO
from rlx.backtest.strategy_document import FILE, SCHEMA_VERSION
from rlx.console import open_console
from rlx.files import file_name, write_json, write_text
from rlx.report.backtests.figure import draw_backtest
from rlx.report.backtests.markdown import render_document
from rlx.report.backtests.page import render_backtests, section
from rlx.report.backtests.summary import Result, comparisons, render_summary, target_table
from rlx.report.backtests.tables import strategy_table, symbols_table
from rlx.report.tables import Table, terminal_line, to_terminal
from rlx.report.windows_figure import write_png
from rlx.run_folder import RunFolder


def write_backtest(folder: Path, made: Backtest) -> None:
    """Write for each account its picture, Markdown and, last, its document."""
    for account, (symbol, document) in enumerate(made.documents.items()):
        place = folder / account_folder(symbol)
        write_png(place / f"{FILE}.png", draw_backtest(made.run.trading, made.outcomes, account, document))
        write_text(place / f"{FILE}.md", render_document(document))
        write_json(place / f"{FILE}.json", document)


def write_summary(run_dir: Path, results: Sequence[Result]) -> None:
    """Write the page and, last, the summary of all targets of a run."""
    run = RunFolder(run_dir)
    write_text(run.backtest_page, render_backtests(list(_sections(run, results)), _line(results), _summaries(results)))
    write_text(run.backtest_markdown, render_summary(results))
    write_json(run.backtest_summary, {"schema_version": SCHEMA_VERSION, "targets": [_entry(one) for one in results]})


def print_summary(results: Sequence[Result]) -> None:
    """Print a line for each target: the number of its symbols, or why it failed."""
    rows = [
        [one.name, f"documents: {len(one.documents)}" if one.failure is None else f"failed: {one.failure}"]
        for one in results
    ]
    open_console().print(to_terminal(Table(["target", "result"], rows, "Targets", left=(0, 1))))


def _entry(result: Result) -> dict[str, Any]:
    files = {symbol: f"{document_folder(result, symbol)}/{FILE}.json" for symbol in result.documents}
    return {"name": result.name, "base": result.base, "documents": files, "failure": result.failure}


def document_folder(result: Result, symbol: str) -> str:
    """Return the folder of an account within the run folder."""
    return f"{RunFolder.backtests}/{file_name(result.name)}/{account_folder(symbol)}"


def _sections(run: RunFolder, results: Sequence[Result]) -> Iterator[dict[str, Any]]:
    for result in results:
        for symbol, document in reversed(list(result.documents.items())):
            picture = run.path / document_folder(result, symbol) / f"{FILE}.png"
            yield section(document, picture if picture.is_file() else None)


def _summaries(results: Sequence[Result]) -> list[Table]:
    tables = [target_table(one) for one in results if one.documents]
    failed = [[one.name, one.failure] for one in results if one.failure is not None]
    compared = comparisons(results)
    return tables + [compared] * bool(compared.rows) + [Table(["target", "why"], failed, "Failed")] * bool(failed)


def _line(results: Sequence[Result]) -> str:
    return f"{len(results)} target{'s' * (len(results) != 1)}, {sum(len(one.documents) for one in results)} accounts"


def account_folder(symbol: str) -> str:
    """Return the name of the folder of an account."""
    return "average" if symbol == PORTFOLIO else f"symbol_{file_name(symbol)}"


def print_backtest(made: Backtest) -> None:
    """Print the strategies of the only symbol, or of the average and a line for each symbol."""
    console = open_console()
    *symbols, last = made.documents.values()
    if symbols:
        console.print(to_terminal(symbols_table(symbols, list(made.outcomes))))
    console.print(to_terminal(strategy_table(last)))
    console.print(terminal_line(last["verdict"]))
