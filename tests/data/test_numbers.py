"""Comma and point: the decimal mark follows from cells with only one reading, and is never guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlx.data.check import check_path
from rlx.data.loader import load_folder
from rlx.data.readers.numbers import Numbers, to_numbers
from rlx.errors import DataError

PRICES = [998.86, 1002.7, 1004.28, 1003.82, 3982.04, 999.5]


def _german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def _table(rows: list[list[str]], delimiter: str, quote: str = "") -> str:
    lines = [["date", "close"], *([f"2019-01-{k:02d}", *row] for k, row in enumerate(rows, start=2))]
    return "\n".join(delimiter.join(f"{quote}{cell}{quote}" for cell in line) for line in lines) + "\n"


def _closes(tmp_path: Path, text: str, **options: str) -> list[float]:
    (tmp_path / "X.csv").write_text(text, encoding="utf-8")
    return (
        load_folder(str(tmp_path / "X.csv"), allow=["unadjusted_split", "security_change"], **options)
        .close[:, 0]
        .tolist()
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("write", "delimiter", "quote"),
    [
        (_german, ",", '"'),
        (_german, ";", ""),
        (_german, "\t", ""),
        (lambda value: f"{value:.2f}".replace(".", ","), ",", '"'),
        (lambda value: f"{value:,.2f}", ";", ""),
        (lambda value: f"{value:,.2f}", ",", '"'),
        (lambda value: f"{value:,.2f}".replace(",", " "), ";", ""),
        (lambda value: f"{value:,.2f}".replace(",", "'"), ";", ""),
        (lambda value: f"{value:,.2f}".replace(",", "\u00a0").replace(".", ","), ";", ""),
        (lambda value: f"${value:,.2f}", ",", '"'),
    ],
)
def test_every_way_to_write_a_price_means_the_same(write, delimiter: str, quote: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    rows = [[write(value)] for value in PRICES]
    assert _closes(tmp_path, _table(rows, delimiter, quote)) == PRICES


def test_a_low_price_with_a_decimal_comma_in_quotes(tmp_path: Path) -> None:
    assert _closes(tmp_path, _table([["102,45"], ["103,22"], ["103,40"]], ",", '"')) == [102.45, 103.22, 103.4]


@pytest.mark.parametrize(
    ("cells", "delimiter", "quote"),
    [(["1,234", "1,305"], ",", '"'), (["1,234", "1,305"], ";", ""), (["1.234"], ";", "")],
)
def test_what_cannot_be_told_is_refused_and_can_be_declared(
    cells: list[str], delimiter: str, quote: str, tmp_path: Path
) -> None:
    text = _table([[cell] for cell in cells * 3], delimiter, quote)
    with pytest.raises(DataError, match=r"X\.csv: 'close' has numbers such as 1[,.]234.*data\.decimal=point") as caught:
        _closes(tmp_path, text)
    assert "1234 or 1.234" in str(caught.value)
    grouped = {",": "point", ".": "comma"}[cells[0][1]]
    other = {"point": "comma", "comma": "point"}[grouped]
    assert _closes(tmp_path, text, decimal=grouped)[0] == 1234.0
    assert _closes(tmp_path, text, decimal=other)[0] == 1.234
    assert check_path(str(tmp_path)).exit_status(strict=False) == 2


def test_another_column_tells(tmp_path: Path) -> None:
    lines = ["date,close,volume,change", *(f'2019-01-0{k},"8,12{k}",5.2{k}M,0.1{k}%' for k in range(2, 6))]
    assert _closes(tmp_path, "\n".join(lines))[:2] == [8122.0, 8123.0]


def test_a_point_alone_is_a_decimal_point_where_commas_part_the_columns(tmp_path: Path) -> None:
    assert _closes(tmp_path, _table([["1.234"], ["1.305"], ["1.299"]], ",")) == [1.234, 1.305, 1.299]


def test_two_marks_in_one_column_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'close' has numbers of two kinds, 103\.22 and 102,45"):
        _closes(tmp_path, _table([["102,45"], ["103.22"], ["103,40"]], ";"))


@pytest.mark.parametrize("cell", ["12,34.5", "1,2,3", "1.2.3", "12 34", "1 2345", "-.", "9e", "1e3K", "0x10"])
def test_what_is_no_number_is_named(cell: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not numbers|two kinds"):
        _closes(tmp_path, _table([["102.45"], [cell], ["103.40"]], ";"))


def test_truth_values_are_no_prices() -> None:
    values, bad = to_numbers(pd.Series([True, False]))
    assert np.isnan(values).all() and bad == ["True", "False"]


def test_numbers_beyond_any_float_are_extreme_prices_and_infinity_is_missing(tmp_path: Path) -> None:
    values, bad = to_numbers(pd.Series(["9" * 5000, "1", "-1e999", "-inf", "Infinity"]))
    assert values[:3].tolist() == [np.finfo(float).max, 1.0, np.finfo(float).min] and bad == []
    assert np.isnan(values[3:]).all()
    with pytest.raises(DataError, match=r"close beyond 1e-15 to 1e\+15 on 1 row \(2019-01-03\).*\[extreme_price\]"):
        _closes(tmp_path, _table([["102.45"], ["9" * 5000], ["103.40"]], ","))


@pytest.mark.parametrize(
    ("cell", "value"),
    [("$5", 5.0), ("-$5", -5.0), ("$-5", -5.0), ("$ 1,234.5", 1234.5), ("5$", 5.0), ("5 $", 5.0), ("$3.9M", 3.9e6)],
)
def test_a_currency_sign_stands_at_one_end(cell: str, value: float) -> None:
    values, bad = to_numbers(pd.Series([cell, "7", ""]))
    assert values[:2].tolist() == [value, 7.0] and np.isnan(values[2]) and bad == []


@pytest.mark.parametrize("cell", ["1$2", "$1$", "1€2.5", "$", "1%", "-0.5 %", "5%3", "%5", "1_000"])
def test_signs_elsewhere_make_no_number(cell: str) -> None:
    values, bad = to_numbers(pd.Series(["1", cell]))
    assert values[0] == 1.0 and np.isnan(values[1]) and bad == [cell]


def test_a_percentage_is_no_price_and_a_column_has_one_currency(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'close' has \['1\.2%'\].*A percentage is not a price\."):
        _closes(tmp_path, _table([["1.1"], ["1.2%"], ["1.3"]], ","))
    with pytest.raises(DataError, match=r"'close' has two currencies, \$1\.1 and €1\.2; write one throughout"):
        _closes(tmp_path, _table([["$1.1"], ["€1.2"], ["¥130"]], ","))


@pytest.mark.parametrize("unknown", ["points", "", "."])
def test_an_unknown_mark_is_named(unknown: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.decimal=.*Allowed: auto, point, comma"):
        _closes(tmp_path, _table([["1"], ["2"]], ","), decimal=unknown)


@given(
    values=st.lists(st.integers(1, 10**9), min_size=3, max_size=20),
    digits=st.integers(0, 5),
    german=st.booleans(),
    groups=st.booleans(),
)
def test_no_way_of_writing_is_read_wrong_by_a_thousand(
    values: list[int], digits: int, german: bool, groups: bool
) -> None:
    meant = [value / 10**digits for value in values]
    texts = [f"{value:{',' if groups else ''}.{digits}f}" for value in meant]
    if german:
        texts = [text.translate(str.maketrans(",.", ".,")) for text in texts]
    numbers = Numbers(pd.DataFrame({0: pd.Series(texts, dtype=str)}), (), None, None)
    try:
        read, bad = numbers.read(0)
    except DataError:
        return  # refused, as undecidable
    assert bad == []
    np.testing.assert_array_equal(read, [float(f"{value:.{digits}f}") for value in meant])
