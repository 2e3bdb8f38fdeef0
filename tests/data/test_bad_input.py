"""Bad files and arguments: one error each that says what is wrong and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rlx.data.check import check_path, render, run_check
from rlx.data.findings import Severity
from rlx.data.loader import load_folder
from rlx.data.sources import sample, synthetic
from rlx.errors import DataError


def write_bars(path: Path, start: str = "2020-01-01", rows: int = 60, seed: int = 0, freq: str = "B") -> pd.DataFrame:
    """Write and return plausible bars with one holiday and whole volumes."""
    random = np.random.default_rng(seed)
    dates = pd.date_range(start, periods=rows + 1, freq=freq).delete(7)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, rows)))
    opens = close * (1 + random.normal(0, 0.002, rows))
    high, low = np.maximum(opens, close) * 1.003, np.minimum(opens, close) * 0.997
    volume = random.integers(1_000, 9_000, rows)
    frame = pd.DataFrame({"date": dates, "open": opens, "high": high, "low": low, "close": close, "volume": volume})
    frame.to_csv(path, index=False)
    return frame


def _codes(path: Path, severity: Severity) -> set[str]:
    return {finding.code for finding in check_path(str(path)).findings if finding.severity is severity}


def test_plausible_bars_are_clean(tmp_path: Path) -> None:
    write_bars(tmp_path / "A.csv")
    report = check_path(str(tmp_path))
    assert [finding.code for finding in report.findings] == ["short_history"] and report.exit_status(strict=True) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"  \n\n", "empty"),
        (b"date,open,high,low,close,volume\n", "no rows"),
        (b"date,open,high,low,close,volume\n2020-01-01,1,1,1,1,1\n", "1 row"),
        (bytes(range(256)) * 20, "not a text file"),
        (b"PK\x00\x00 no text", "not a text file"),
        (b"date,volume,sentiment\n2020-01-01,1,2\n2020-01-02,1,2\n", "no price columns among .date, volume, sentiment"),
        (b"name,age\nbob,3\namy,4\n", "no date column among .name, age"),
        (b"open,high,low,close\n1,2,1,2\n1,2,1,2\n", "no date column"),
        (b"date,close\ntuesday,1\nfriday,2\n", "date column cannot be read"),
        (b"date,close\n2020-01-01,1\n2020-01-02,2\nTotal,3\n", "1 of 3 dates cannot be read"),
        (b"date,close\n2020-01-01,1\n2020-01-02,two\n2020-01-03,3\n", "not numbers"),
        (b"date,close,volume\n2020-01-01,1\n2020-01-02,2,3,4,5\n", "different lengths|fields|no rows"),
        (b"date,close\n2020-01-01 00:00:00+00:00,1\n2020-01-02 00:00:00,2\n2020-01-03 00:00:00,3\n", "time zone"),
        (b"date,close,close\n2020-01-01,1,2\n2020-01-02,1,2\n", "column 'close' appears twice"),
        (b"date,symbol,close\n2020-01-01,A,1\n2020-01-02,,2\n2020-01-03,A,3\n", "without a symbol"),
    ],
)
def test_unusable_files_are_refused_in_words(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load_folder(str(tmp_path))
    assert "A.csv" in str(caught.value)
    assert check_path(str(tmp_path)).exit_status(strict=False) == 2


def test_missing_path_is_named() -> None:
    with pytest.raises(DataError, match=r"data\.path=/no/such/place: no such file or folder"):
        load_folder("/no/such/place")
    with pytest.raises(DataError, match=r"data\.path is missing"):
        load_folder("")


def test_unsupported_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "prices.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"not a supported format; allowed are \.csv"):
        load_folder(str(tmp_path / "prices.xlsx"))


def test_folder_without_prices_lists_what_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "notes.docx").write_text("x")
    with pytest.raises(DataError, match=r"no price file in this folder \(\.csv"):
        load_folder(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_file_without_permission(tmp_path: Path) -> None:
    write_bars(tmp_path / "A.csv")
    (tmp_path / "A.csv").chmod(0)
    with pytest.raises(DataError, match="no permission"):
        load_folder(str(tmp_path / "A.csv"))


def test_no_common_dates_names_both_symbols_and_spans(tmp_path: Path) -> None:
    write_bars(tmp_path / "OLD.csv", "2010-01-01")
    write_bars(tmp_path / "NEW.csv", "2020-01-01")
    message = r"NEW \(2020-01-01 to .*\) and OLD \(2010-01-01 to .*\) have no common dates"
    with pytest.raises(DataError, match=message):
        load_folder(str(tmp_path))
    assert "not_alignable" in _codes(tmp_path, Severity.error)


def test_symbols_start_and_end(tmp_path: Path) -> None:
    write_bars(tmp_path / "AAPL.csv")
    write_bars(tmp_path / "MSFT.csv", seed=1)
    assert load_folder(str(tmp_path), ["MSFT"]).symbols == ("MSFT",)
    assert load_folder(str(tmp_path), ["MSFT", "AAPL"]).symbols == ("MSFT", "AAPL")
    with pytest.raises(DataError, match=r"unknown symbol 'APPL'\. Did you mean 'AAPL'\?"):
        load_folder(str(tmp_path), ["APPL"])
    with pytest.raises(DataError, match=r"data\.start=2021 is after data\.end=2020"):
        load_folder(str(tmp_path), start="2021", end="2020")
    with pytest.raises(DataError, match="0 row"):
        load_folder(str(tmp_path), start="2031")
    with pytest.raises(DataError, match=r"data\.start='soon': not a date"):
        load_folder(str(tmp_path), start="soon")


def test_broken_file_of_another_symbol_does_not_matter(tmp_path: Path) -> None:
    write_bars(tmp_path / "AAPL.csv")
    (tmp_path / "MSFT.csv").write_bytes(b"\x00\x01")
    assert load_folder(str(tmp_path), ["AAPL"]).symbols == ("AAPL",)
    with pytest.raises(DataError, match=r"MSFT\.csv"):
        load_folder(str(tmp_path), ["AAPL", "MSFT"])
    with pytest.raises(DataError, match=r"MSFT\.csv"):
        load_folder(str(tmp_path))


def test_same_symbol_in_two_files(tmp_path: Path) -> None:
    write_bars(tmp_path / "AAPL.csv")
    write_bars(tmp_path / "aapl.us.txt")
    with pytest.raises(DataError, match=r"AAPL\.csv and aapl\.us\.txt"):
        load_folder(str(tmp_path))


def test_daily_beside_hourly(tmp_path: Path) -> None:
    write_bars(tmp_path / "A.csv")
    write_bars(tmp_path / "B.csv", freq="h")
    with pytest.raises(DataError, match="A has 1D bars and B 1h bars"):
        load_folder(str(tmp_path))


@pytest.mark.parametrize(
    ("column", "row", "value", "code"),
    [
        ("close", 20, np.nan, "missing_price"),
        ("open", 20, np.nan, "missing_price"),
        ("low", 20, 0.0, "zero_price"),
        ("close", 20, -1.0, "zero_price"),
        ("high", 20, 1.0, "high_below_low"),
        ("open", 20, 200.0, "outside_range"),
        ("low", 20, 0.01, "bad_print"),
    ],
)
def test_wrong_prices_are_refused_with_their_date(
    column: str, row: int, value: float, code: str, tmp_path: Path
) -> None:
    frame = write_bars(tmp_path / "A.csv")
    frame.loc[row, column] = value
    frame.to_csv(tmp_path / "A.csv", index=False)
    assert code in _codes(tmp_path, Severity.error)
    with pytest.raises(DataError, match=str(frame["date"][row].date())):
        load_folder(str(tmp_path))


def test_duplicates_exact_and_conflicting(tmp_path: Path) -> None:
    frame = write_bars(tmp_path / "A.csv")
    pd.concat([frame, frame.iloc[[5]]]).sort_values("date").to_csv(tmp_path / "A.csv", index=False)
    assert _codes(tmp_path, Severity.warning) == {"duplicate_rows"}
    assert len(load_folder(str(tmp_path))) == len(frame)
    pd.concat([frame, frame.iloc[[5]].assign(close=frame["close"][5] * 1.001)]).to_csv(tmp_path / "A.csv", index=False)
    assert "duplicate_conflict" in _codes(tmp_path, Severity.error)


def test_disorder_is_a_warning_and_read_in_order(tmp_path: Path) -> None:
    frame = write_bars(tmp_path / "A.csv")
    frame.sample(frac=1, random_state=0).to_csv(tmp_path / "A.csv", index=False)
    assert _codes(tmp_path, Severity.warning) == {"unsorted"}
    np.testing.assert_allclose(load_folder(str(tmp_path)).close[:, 0], frame["close"])


@pytest.mark.parametrize("n", [2, 3, 7, 0.1])
def test_split_is_refused_and_can_be_allowed(n: float, tmp_path: Path) -> None:
    frame = write_bars(tmp_path / "A.csv")
    frame.loc[30:, ["open", "high", "low", "close"]] /= n
    frame["volume"] = np.where(np.arange(len(frame)) >= 30, frame["volume"] * n, frame["volume"])
    frame.to_csv(tmp_path / "A.csv", index=False)
    day = str(frame["date"][30].date())
    with pytest.raises(DataError, match=f"split on {day}") as caught:
        load_folder(str(tmp_path))
    assert "data.allow=[unadjusted_split]" in str(caught.value)
    assert len(load_folder(str(tmp_path), allow=["unadjusted_split"])) == len(frame)
    assert len(load_folder(str(tmp_path), start=day)) == len(frame) - 30


def test_crash_on_heavy_trading_is_no_split(tmp_path: Path) -> None:
    frame = write_bars(tmp_path / "A.csv")
    frame.loc[30:, ["open", "high", "low", "close"]] *= 0.49
    frame.loc[30, "volume"] *= 20
    frame.to_csv(tmp_path / "A.csv", index=False)
    assert _codes(tmp_path, Severity.error) == set()
    assert _codes(tmp_path, Severity.warning) == {"price_jump"}


def test_unknown_allowance_names_the_choice(tmp_path: Path) -> None:
    write_bars(tmp_path / "A.csv")
    with pytest.raises(DataError, match=r"'unadjusted_splits' cannot be allowed\. Did you mean 'unadjusted_split'\?"):
        load_folder(str(tmp_path), allow=["unadjusted_splits"])
    with pytest.raises(DataError, match=r"data\.asset_class=stock"):
        load_folder(str(tmp_path), asset_class="stock")


def test_long_hole_mixed_frequency_and_shifted_sessions(tmp_path: Path) -> None:
    frame = write_bars(tmp_path / "A.csv", rows=120)
    frame.loc[60:, "date"] += pd.Timedelta(days=364 * 3)
    frame.to_csv(tmp_path / "A.csv", index=False)
    assert _codes(tmp_path, Severity.error) == {"long_hole"}
    hourly = write_bars(tmp_path / "A.csv", "2022-01-03", rows=120, freq="h")
    pd.concat([write_bars(tmp_path / "A.csv", rows=120), hourly]).to_csv(tmp_path / "A.csv", index=False)
    assert "mixed_frequency" in _codes(tmp_path, Severity.error)
    frame = write_bars(tmp_path / "A.csv")
    frame.assign(date=frame["date"] - pd.Timedelta(days=1)).to_csv(tmp_path / "A.csv", index=False)
    assert _codes(tmp_path, Severity.error) == set()
    assert _codes(tmp_path, Severity.warning) == {"shifted_sessions"}  # or a Sunday-to-Thursday exchange


def test_generated_prices_are_recognised(tmp_path: Path) -> None:
    dates = pd.bdate_range("2022-01-03", periods=400)
    volume = np.random.default_rng(0).uniform(1e5, 2e5, 400)
    pd.DataFrame({"timestamp": dates, "close": np.linspace(100, 120, 400), "volume": volume}).to_csv(
        tmp_path / "A.csv", index=False
    )
    assert _codes(tmp_path, Severity.warning) == {"synthetic_lookalike"}
    report = check_path(str(tmp_path))
    assert (report.exit_status(strict=False), report.exit_status(strict=True)) == (0, 1)


def test_check_prints_a_table_and_returns_a_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = write_bars(tmp_path / "A.csv")
    assert run_check(str(tmp_path), strict=True) == 0
    assert "Clean." in capsys.readouterr().out
    frame.loc[3, "close"] = np.nan
    frame.to_csv(tmp_path / "A.csv", index=False)
    assert run_check(str(tmp_path / "A.csv"), strict=False) == 2
    printed = capsys.readouterr().out
    for word in (
        "symbol",
        "rows",
        "gaps",
        "splits",
        "zeros",
        "wicks",
        "duplicates",
        "stale",
        "missing_price",
        "Unusable",
    ):
        assert word in printed
    assert render(check_path(str(tmp_path))) is not None


def test_samples_and_synthetic_markets_refuse_unknown_names() -> None:
    with pytest.raises(DataError, match=r"'daily8'.*Did you mean 'daily9'\?"):
        sample("daily8")
    with pytest.raises(DataError, match=r"'one_winer'.*Did you mean 'one_winner'\?"):
        synthetic("one_winer")
    with pytest.raises(DataError, match=r"data\.symbols=\[\]"):
        sample("daily9", [])


def test_the_home_of_nobody_is_no_such_file() -> None:
    with pytest.raises(DataError, match=r"data\.path=~nobody_here/c\.csv: no such file or folder\."):
        load_folder("~nobody_here/c.csv")
    (finding,) = check_path("~nobody_here/c.csv").findings
    assert finding.message == "data.path=~nobody_here/c.csv: no such file or folder."


@pytest.mark.parametrize("value", [np.nan, 0.0, 1e20])
@pytest.mark.parametrize(("column", "helps"), [("close", False), ("open", True)])
def test_the_closes_alone_are_no_way_out_where_they_are_at_fault(
    column: str, helps: bool, value: float, tmp_path: Path
) -> None:
    frame = write_bars(tmp_path / "A.csv")
    frame.loc[20, column] = value
    frame.to_csv(tmp_path / "A.csv", index=False)
    codes = ("missing_price", "zero_price", "extreme_price")
    (finding,) = [one for one in check_path(str(tmp_path)).findings if one.code in codes]
    assert ("data.close_only=true" in finding.fix) == helps
