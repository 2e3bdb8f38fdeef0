"""Histories of the old kind: the original's statistics to the digit, and what the record contains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlx.compile_check.deltas import summarised
from rlx.compile_check.legacy import by_symbol, read_legacy
from rlx.compile_check.legacy_alert import alert, recorded_deltas
from rlx.compile_check.legacy_findings import STEEP, distinct, simple_returns, symbol_findings
from rlx.errors import RlxError
from rlx.report.compile_history import findings_text, render_history, stats_tables
from rlx.untrusted.markdown import table
from tests.app.commands import Shell

LEGACY = Path(__file__).parent / "legacy"
HISTORY = LEGACY / "guard_compile_history.json"
WORKED = [0.004, -0.012, 0.0, 0.020, -0.003, 0.011]


def entry(**changes: Any) -> dict[str, Any]:
    numbers = {"maxdiff_return": 0.03, "simple_return": -0.01, "close_val_loss": 0.012}
    return {
        "timestamp": "2026-01-05T10:00:00+00:00",
        "symbol": "XYZ",
        "baseline": numbers,
        "compile": numbers,
        "delta": dict.fromkeys(numbers, 0.0),
        **changes,
    }


def written(path: Path, entries: Any) -> Path:
    path.write_text(json.dumps(entries))
    return path


def rows_of(markdown: str) -> list[list[str]]:
    """Return the rows of tables, without headings' rules."""
    lines = [line.strip("|").split("|") for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines if "---" not in line[0]]


def test_the_committed_history_gives_the_committed_statistics() -> None:
    golden = rows_of((LEGACY / "guard_compile_stats.md").read_text(encoding="utf-8"))
    tables = stats_tables(read_legacy(HISTORY))
    assert len(golden) == 4 + 5 * 4
    assert rows_of("\n".join(table(one.header, one.rows) for one in tables)) == golden


def test_the_worked_example_has_no_alert() -> None:
    stats = summarised(WORKED)
    assert stats.mean == pytest.approx(0.003333, abs=5e-7)
    assert stats.std == pytest.approx(0.011165, abs=5e-7)
    assert stats.rolling_mean == pytest.approx(0.0032)
    assert (stats.positive, stats.negative, stats.zero, stats.positive_share, alert(stats)) == (3, 2, 1, 0.5, "")


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        ([0.0001] * 6, ""),  # a loss that rises in every run: the original says nothing
        ([0.0] * 5 + [22.65], "promote"),
        ([-0.02] * 5, "regress"),
        ([-0.02] * 4, ""),
        ([0.007] * 5, "watch"),
        ([-0.007] * 5, "watch"),
        ([0.001, 0.0, 0.0, 0.0, 0.0], "regress"),
        ([0.001, 0.001, 0.0, 0.0, 0.0], ""),
    ],
)
def test_the_alert_is_that_of_the_first_rule_that_holds(deltas: list[float], expected: str) -> None:
    assert alert(summarised(deltas)) == expected


def test_a_single_delta_has_no_deviation_and_none_at_all_has_no_statistics() -> None:
    assert summarised([0.5]).std is None
    with pytest.raises(ValueError, match="at least one"):
        summarised([])


def test_the_original_s_deviation_of_a_single_delta_is_zero(tmp_path: Path) -> None:
    entries = read_legacy(written(tmp_path / "h.json", [entry()]))
    simple = next(table for table in stats_tables(entries) if table.title.endswith("Simple Return"))
    assert simple.rows[0][simple.header.index("Std Dev")] == "0.0000"


def test_the_record_contains_repeats_exact_zeros_and_steep_returns_outside_the_session() -> None:
    entries = read_legacy(HISTORY)
    assert (len(entries), len(distinct(entries))) == (72, 57)
    found = {one.symbol: (one.runs, one.zero, len(one.simple_returns)) for one in symbol_findings(entries)}
    assert found == {"GOOG": (19, 19, 20), "META": (17, 16, 18), "TSLA": (18, 17, 19)}
    steep = [one for one in simple_returns(entries) if one.value < STEEP]
    times = sorted(f"{one.moment:%H:%M}" for one in steep)
    assert max(time for time in times if time < "14:00") == "13:48"
    assert min(time for time in times if time > "14:00") == "20:27"
    lowest = {symbol: min(one.value for one in steep if one.symbol == symbol) for symbol in found}
    assert {symbol: round(100 * value, 1) for symbol, value in lowest.items()} == {
        "GOOG": -14.3,
        "META": -12.4,
        "TSLA": -22.5,
    }


@pytest.mark.parametrize("variant", ["compile", "compile128"])
def test_repeats_and_other_variants_do_not_make_a_forecast_common(tmp_path: Path, variant: str) -> None:
    rare = {"maxdiff_return": 0.5, "simple_return": -0.3, "close_val_loss": 0.1}
    runs = [entry(), entry(compile={**entry()["compile"], "simple_return": -0.02})]
    entries = [*runs, *[entry(variant=variant, baseline=rare, compile=rare)] * 3]
    (found,) = symbol_findings(read_legacy(written(tmp_path / "h.json", entries)))
    assert (found.maxdiff_return, found.loss, found.simple_returns) == (0.03, 0.012, (-0.02, -0.01))


def test_a_record_without_these_is_not_accused(tmp_path: Path) -> None:
    other = entry(compile={"maxdiff_return": 0.04}, delta={"maxdiff_return": 0.01}, variant="compile128")
    said = " ".join(findings_text(read_legacy(written(tmp_path / "h.json", [other]))))
    assert said.startswith("1 entries, 1 different pairs of results: 0 are repeats.")
    assert "cache" not in said and "spread" not in said


def test_missing_numbers_are_missing_and_not_zero(tmp_path: Path) -> None:
    entries = read_legacy(written(tmp_path / "h.json", [entry(delta={"maxdiff_return": None}), entry(delta={})]))
    assert recorded_deltas(by_symbol(entries)["XYZ"], "maxdiff_return") == []
    assert "n/a" in render_history(entries)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "a list of 1 to"),
        ({}, "expected a list"),
        ([entry(timestamp="yesterday")], r"\[0\].timestamp"),
        ([entry(delta={"maxdiff_return": "0"})], "maxdiff_return"),
        ([{"symbol": "A"}], "missing"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: Any, reason: str) -> None:
    with pytest.raises(RlxError, match=reason):
        read_legacy(written(tmp_path / "h.json", content))


def test_the_command_prints_and_writes(shell: Shell) -> None:
    done = shell.tools("compile", "history", str(HISTORY), "--out", "history.md")
    assert done.status == 0
    assert "15 are repeats" in done.out and "GOOG 19 of 19" in done.out
    assert "regress" in (shell.folder / "history.md").read_text(encoding="utf-8")


def test_the_command_refuses_a_missing_file(shell: Shell) -> None:
    done = shell.tools("compile", "history", "none.json")
    assert done.status == 2
    assert "none.json: cannot be read" in done.err
