"""The contents of a path: its files read, every symbol checked, nothing refused yet."""

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
from rlx.data.readers.json_table import NOT_PRICES
from rlx.data.readers.layouts import DEFAULTS, read_bars
from rlx.data.readers.names import symbol_from_name
from rlx.data.readers.options import ReadOptions
from rlx.data.readers.tables import SUFFIXES, is_supported
from rlx.errors import DataError, FileError
from rlx.untrusted.documents import parse_yaml
from rlx.untrusted.paths import expanded

_VALUE = re.compile(r"[-+.]?\d[\w.+-]*|(?i:true|false|yes|no|on|off|y|n|null)")  # a name that may be a YAML value
_IS_VALUE = re.compile(r"True|False|None|-?\d[\d.e+-]*")  # how Python writes such a value
_ABOUT_PRICES = ("readme", "license", "licence", "manifest")


@dataclass
class Survey:
    """bars: symbol -> checked bars. figures: a table line per symbol. findings: of files and symbols."""

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
    options: ReadOptions = DEFAULTS,
) -> Survey:
    """Read and check all symbols (or the given ones) at a path; raises DataError when there is nothing to check."""
    result = Survey(expanded(path))
    found: list[Bars] = []
    for file in _only_needed(list_files(path), symbols):
        try:
            found += read_bars(file, options)
        except DataError as error:
            result.findings.append(_unreadable(file, error, in_folder=file != result.path))
    names = list(dict.fromkeys(bars.symbol for bars in found))
    if result.findings and (not found or not set(symbols or names) <= set(names)):
        raise DataError("\n".join(finding.message for finding in result.findings))
    odd = _no_files(result.path)
    if symbols is None:
        result.findings += map(_left_out, odd)
    else:
        _refuse_non_files(odd, set(symbols) - set(names))
        _select(names, symbols)
        found = [bars for bars in found if bars.symbol in symbols]
        result.findings = []  # files without any requested symbol do not matter
    for bars in found:
        _add(result, bars, check_symbol(bars, start, end, options.close_only))
    if symbols is not None:
        result.bars = {symbol: result.bars[symbol] for symbol in symbols}
    return result


def _left_out(entry: Path) -> Finding:
    words = "is not a regular file (but a pipe, a device or a broken link) and is skipped."
    return Finding("not_regular", Severity.warning, words, "move it elsewhere.", file=entry.name)


def _refuse_non_files(odd: Sequence[Path], missing: set[str]) -> None:
    """Raise DataError where the entry named after a missing symbol is not a regular file."""
    for entry in odd:
        if (symbol := symbol_from_name(entry)) in missing:
            raise DataError(f"data.symbols: {symbol!r} is not available, because {entry} is not a regular file.")


def _select(names: Sequence[str], symbols: Sequence[str]) -> None:
    """Raise DataError for missing symbols, with a hint about quotes where YAML read one as a value."""
    there = set(names)
    missing = [symbol for symbol in symbols if symbol not in there]
    if any(_IS_VALUE.fullmatch(symbol) for symbol in missing):
        meant = _as_yaml([name for name in names if _VALUE.fullmatch(name)])
        if found := [symbol for symbol in missing if symbol in meant]:
            symbol, name = found[0], meant[found[0]]
            raise DataError(
                f"data.symbols: {symbol!r} is not available, but {name} is; unquoted, it is a YAML value. Write"
                f' "{name}" in quotes (on the command line: \'data.symbols=["{name}"]\').'
            )
    select_columns(names, symbols)


def _as_yaml(names: Sequence[str]) -> dict[str, str]:
    """Return the value of each symbol that is unquoted in YAML -> the symbol: True -> TRUE, 100000.0 -> 1E5."""
    try:
        values = parse_yaml("".join(f"- {name}\n" for name in names), "symbols") or []
    except FileError:
        return {}
    return {str(value): name for value, name in zip(values, names, strict=True)}


def list_files(path: str) -> list[Path]:
    """Return the readable price files at a path in order of name; DataError naming data.path when there are none."""
    if not path:
        raise DataError("data.path is missing: give a price file or a folder of them, data.path=...")
    place = expanded(path)
    if not place.exists():
        raise DataError(f"data.path={path}: no such file or folder.")
    if place.is_file():
        if not is_supported(place):
            raise DataError(f"data.path={path}: not a supported format; allowed are {', '.join(SUFFIXES)}.")
        return [place]
    if not place.is_dir():
        raise DataError(f"data.path={path}: neither a file nor a folder, but a pipe or a device.")
    if not os.access(place, os.R_OK | os.X_OK):
        raise DataError(f"data.path={path}: no permission to read the folder.")
    files = [entry for entry in _named_as_prices(place) if entry.is_file()]
    if not files:
        raise DataError(f"data.path={path}: no price file in this folder ({', '.join(SUFFIXES)}).{_instead(place)}")
    return files


def _named_as_prices(folder: Path) -> list[Path]:
    """Return the entries of a folder named like price files, of any kind, in order of name."""
    named = [entry for entry in sorted(folder.iterdir()) if is_supported(entry) and not entry.name.startswith(".")]
    return [entry for entry in named if not entry.name.lower().startswith(_ABOUT_PRICES)]


def _no_files(folder: Path) -> list[Path]:
    """Return pipes, devices and broken links named like price files; folders may have such names."""
    if not folder.is_dir():
        return []
    return [entry for entry in _named_as_prices(folder) if not entry.is_file() and not entry.is_dir()]


def _instead(folder: Path) -> str:
    """Return, for a message, the contents of a folder without price files."""
    folders = [entry.name for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]
    inside = f" It has folders ({', '.join(folders[:6])}): name one of them." if folders else ""
    odd = [entry.name for entry in _no_files(folder)]
    return inside + (f" Not regular files, but pipes, devices or broken links: {', '.join(odd[:6])}." if odd else "")


def _only_needed(files: list[Path], symbols: Sequence[str] | None) -> list[Path]:
    """Skip files of other symbols when file names alone account for every requested symbol."""
    if symbols is None:
        return files
    named = {symbol_from_name(file): file for file in files}
    return [named[symbol] for symbol in dict.fromkeys(symbols)] if set(symbols) <= set(named) else files


def _unreadable(file: Path, error: DataError, in_folder: bool) -> Finding:
    """Return the error as a finding; a JSON file with other content is skipped, not refused."""
    message = str(error)
    code = re.search(r" \[(\w+)\]$", message)
    if in_folder and code and code[1] == NOT_PRICES:
        return Finding(
            NOT_PRICES, Severity.warning, "has no prices and is skipped.", "move it elsewhere.", file=file.name
        )
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
