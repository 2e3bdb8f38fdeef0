"""The page of a record: one run has no deviation, and what is missing is n/a."""

from __future__ import annotations

from rlx.compile_check.entry import Outcome
from rlx.report.compile_check import deltas_table, outcomes_table
from rlx.report.tables import Table
from tests.compile_check.entries import SAME, WORSE, entry


def column(table: Table, name: str) -> list[str]:
    return [row[table.header.index(name)] for row in table.rows]


def test_a_single_run_has_no_deviation() -> None:
    runs = [entry(2020, outcomes={"eval/sharpe": WORSE}), entry(2021, outcomes={"eval/sharpe": SAME})]
    assert column(deltas_table(runs[:1]), "sd") == ["n/a"]
    assert column(deltas_table(runs), "sd") == ["0.354"]  # of -0.5 and 0
    assert column(deltas_table(runs), "mean") == ["-0.25"]


def test_outcomes_are_shown_with_their_direction_and_their_gaps() -> None:
    table = outcomes_table(entry(outcomes={"eval/sharpe": WORSE, "eval/max_drawdown": Outcome(0.1, 0.1, None)}))
    assert column(table, "metric") == ["eval/sharpe", "eval/max_drawdown"]
    assert column(table, "better") == ["higher", "lower"]
    assert column(table, "compiled - eager") == ["-0.5", "n/a"]
    assert column(table, "low") == ["-0.8", "n/a"]
