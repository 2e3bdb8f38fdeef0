"""``rlx backtest --show``: documents of earlier backtests, shown and never ranked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rlx.backtest.stored_documents import LEGACY, read_document
from rlx.backtest.strategy_document import FILE
from rlx.console import complain, open_console, say
from rlx.errors import ConfigError, FileError
from rlx.report.backtests.tables import Document, legacy_table, strategy_table
from rlx.report.tables import terminal_line, to_terminal

UNUSABLE = 2


def show_backtests(path: str) -> int:
    """Print the documents in a file or folder, those of forecasters for tests and of the original system last.

    Returns 2 if a file could not be read, with the reason.
    """
    documents, failed = [], False
    for file in _files(Path(path)):
        try:
            documents.append(read_document(file))
        except (FileError, OSError) as error:
            failed = True
            complain(error)
    legacy = [one for one in documents if one.get("kind") == LEGACY]
    current = [one for one in documents if one.get("kind") != LEGACY]
    _show("", [one for one in current if one["forecaster"]["test_only"] is None])
    _show(
        "Forecasters for tests only; what they earn is no evidence:",
        [one for one in current if one["forecaster"]["test_only"] is not None],
    )
    if legacy:
        open_console().print(to_terminal(legacy_table(legacy)))
        say(
            "legacy: of the original system, whose procedure makes noise seem skilled (docs/strategies.md). Not ranked."
        )
    return UNUSABLE if failed else 0


def _show(title: str, documents: Sequence[Document]) -> None:
    console = open_console()
    if title and documents:
        say(title)
    for document in documents:
        console.print(to_terminal(strategy_table(document)))
        console.print(terminal_line(document["verdict"]))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ConfigError(f"--show {path}: no such file or folder. Name a run folder or a document.")
    ours = sorted(path.rglob(f"{FILE}.json"))
    found = ours or sorted(path.glob("*.json"))
    if not found:
        raise ConfigError(f"--show {path}: has no documents of backtests ({FILE}.json, or *.json of the original).")
    return found
