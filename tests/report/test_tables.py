"""Tables from one description: the text of a cell, which is the same in every renderer."""

from __future__ import annotations

from rlx.report.tables import Column, Table, measure_table, to_markdown, to_terminal

COLUMNS: tuple[Column[tuple[str, float | None]], ...] = (
    Column("who", lambda row: row[0], left=True),
    Column("return", lambda row: row[1], measure="cumulative_return"),
    Column("edge", lambda row: row[1], spec="+.3f", undefined="-"),
)


def test_cells_are_words_measures_or_formats_and_none_is_undefined() -> None:
    table = Table.of(COLUMNS, [("a|b", 0.125), ("none", None)], "Title")
    assert table.rows == [["a|b", "12.50%", "+0.125"], ["none", "n/a", "-"]]
    assert to_markdown(table).splitlines() == [
        "| who | return | edge |",
        "| --- | --- | --- |",
        "| a\\|b | 12.50% | +0.125 |",
        "| none | n/a | - |",
    ]


def test_a_terminal_aligns_left_what_the_column_says_and_not_what_its_heading_is() -> None:
    drawn = to_terminal(Table.of((*COLUMNS, Column("from", lambda row: row[1], spec=".1f")), [("a\nb", 0.5)]))
    assert [column.justify for column in drawn.columns] == ["left", "right", "right", "right"]
    assert list(drawn.columns[0].cells) == ["a b"]


def test_rows_of_measures_have_the_unit_of_each() -> None:
    table = measure_table(str.upper, {"own": {"sharpe": 1.0, "turnover": 0.5}, "other": {"sharpe": None}, "why": {}})
    assert table.rows == [["SHARPE", "1.00", "n/a", "n/a"], ["TURNOVER", "50.00%", "n/a", "n/a"]]
