"""Everything a path holds: its files read, every symbol checked, nothing yet refused."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rlx.data.bars import Bars
from rlx.data.checks.symbol import SymbolFigures, check_symbol
from rlx.data.findings import Finding, Severity
from rlx.data.panel import select_columns
from rlx.data.readers.layouts import read_bars
from rlx.data.readers.names import symbol_from_name
from rlx.data.readers.tables import SUFFIXES, is_supported
from rlx.errors import DataError


@dataclass
class Survey:
    """bars: symbol -> checked bars. figures: a table line each. findings: of files and symbols."""

    path: Path
    bars: dict[str, Bars] = field(default_factory=dict)
    figures: list[SymbolFigures] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def errors(self) -> list[Finding]:
        """The findings that make the data unusable."""
        return [finding for finding in self.findings if finding.severity is Severity.error]


def survey(
    path: str,
    symbols: Sequence[str] | None = None,
    start: str | None = None,
    end: str | None = None,
    close_only: bool = False,
) -> Survey:
    """Read and check all symbols (or the given ones) at a path; raises DataError when there is nothing to check."""
    result = Survey(Path(path).expanduser())
    found: list[Bars] = []
    for file in _only_needed(list_files(path), symbols):
        try:
            found += read_bars(file, close_only)
        except DataError as error:
            result.findings.append(_unreadable(file, error))
    names = list(dict.fromkeys(bars.symbol for bars in found))
    if result.findings and (not found or not set(symbols or names) <= set(names)):
        raise DataError("\n".join(finding.message for finding in result.findings))
    if symbols is not None:
        select_columns(names, symbols)
        found = [bars for bars in found if bars.symbol in symbols]
        result.findings = []  # files that hold none of the symbols asked for do not matter
    for bars in found:
        _add(result, bars, check_symbol(bars, start, end, close_only))
    if symbols is not None:
        result.bars = {symbol: result.bars[symbol] for symbol in symbols}
    return result


def list_files(path: str) -> list[Path]:
    """Return the readable price files at a path in order of name; raises DataError naming data.path when none is."""
    if not path:
        raise DataError("data.path is missing: give a price file or a folder of them, data.path=...")
    place = Path(path).expanduser()
    if not place.exists():
        raise DataError(f"data.path={path}: no such file or folder.")
    if place.is_file():
        if not is_supported(place):
            raise DataError(f"data.path={path}: not a supported format; allowed are {', '.join(SUFFIXES)}.")
        return [place]
    if not os.access(place, os.R_OK | os.X_OK):
        raise DataError(f"data.path={path}: no permission to read the folder.")
    entries = sorted(place.iterdir())
    files = [entry for entry in entries if entry.is_file() and is_supported(entry) and not entry.name.startswith(".")]
    files = [entry for entry in files if not _is_note(entry)]
    if not files:
        folders = [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
        inside = f" It holds folders ({', '.join(folders[:6])}): name one of them." if folders else ""
        raise DataError(f"data.path={path}: no price file in this folder ({', '.join(SUFFIXES)}).{inside}")
    return files


def _is_note(entry: Path) -> bool:
    """Whether a file beside the prices describes them: a JSON object is not a list of candles."""
    if entry.name.lower().startswith(("readme", "license", "licence")):
        return True
    if entry.suffix.lower() != ".json":
        return False
    with entry.open("rb") as stream:
        return stream.read(1024).lstrip()[:1] == b"{"


def _only_needed(files: list[Path], symbols: Sequence[str] | None) -> list[Path]:
    """Leave files of other symbols unread when file names alone account for every symbol asked for."""
    if symbols is None:
        return files
    named = {symbol_from_name(file): file for file in files}
    return [named[symbol] for symbol in dict.fromkeys(symbols)] if set(symbols) <= set(named) else files


def _unreadable(file: Path, error: DataError) -> Finding:
    message = str(error)
    code = re.search(r" \[(\w+)\]$", message)
    return Finding(
        code[1] if code else "unreadable", Severity.error, message[: code.start()] if code else message, file=file.name
    )


def _add(result: Survey, bars: Bars, figures: SymbolFigures) -> None:
    result.findings += bars.findings
    result.figures.append(figures)
    if bars.symbol in result.bars:
        files = f"{result.bars[bars.symbol].file} and {bars.file}"
        result.findings.append(
            Finding(
                "symbol_in_two_files",
                Severity.error,
                f"'{bars.symbol}' is in {files}.",
                "keep one of the files, or join them into one.",
                bars.file,
                bars.symbol,
            )
        )
    result.bars[bars.symbol] = bars
