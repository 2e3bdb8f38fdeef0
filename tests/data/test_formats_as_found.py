"""All 33 real files: read right, or refused for the right reason. Skipped where the files are not at hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from found_formats import FILES, FOLDER, Expected

from rlx.data.check import check_path
from rlx.data.findings import Severity
from rlx.data.loader import load_folder
from rlx.data.panel import format_stamp
from rlx.data.survey import survey
from rlx.errors import DataError

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the collection of real files is not next to the project")


def test_every_file_of_the_collection_is_expected() -> None:
    there = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file() and path.name != "README.md"}
    assert there == {expected.path for expected in FILES}
    assert len(FILES) == 33


@pytest.mark.parametrize("expected", FILES, ids=lambda expected: expected.path)
def test_bars_are_read_as_they_stand(expected: Expected) -> None:
    bars = next(iter(survey(str(FOLDER / expected.path)).bars.values()))
    assert bars.symbol == expected.symbol
    close = bars.fields["close"]
    assert close[0] == pytest.approx(expected.first, rel=1e-12)
    if not expected.refused:
        return
    assert len(bars) == expected.rows
    assert close[-1] == pytest.approx(expected.last, rel=1e-12)
    assert (bars.stamps[0], bars.stamps[-1]) == (np.datetime64(expected.start), np.datetime64(expected.end))


@pytest.mark.parametrize("expected", FILES, ids=lambda expected: expected.path)
def test_findings_are_exactly_those_seen(expected: Expected) -> None:
    report = check_path(str(FOLDER / expected.path))
    errors = {finding.code for finding in report.findings if finding.severity is Severity.error}
    others = {finding.code for finding in report.findings if finding.severity is not Severity.error}
    assert errors == expected.refused
    assert others == expected.findings
    assert report.exit_status(strict=False) == (2 if expected.refused else 0)


@pytest.mark.parametrize("expected", [e for e in FILES if not e.refused], ids=lambda expected: expected.path)
def test_good_files_load(expected: Expected) -> None:
    panel = load_folder(str(FOLDER / expected.path))
    assert panel.symbols[0] == expected.symbol and len(panel.symbols) == expected.symbols
    assert len(panel) == expected.rows
    assert panel.close[-1, 0] == pytest.approx(expected.last, rel=1e-12)
    assert format_stamp(panel.timestamps[0]) == expected.start.removesuffix(" 00:00")
    assert format_stamp(panel.timestamps[-1]) == expected.end.removesuffix(" 00:00")
    there = "".join(n[0].upper() for n in ("open", "high", "low", "close", "volume") if getattr(panel, n) is not None)
    assert there == expected.fields
    assert panel.periods_per_year == expected.ppy


@pytest.mark.parametrize("expected", [e for e in FILES if e.refused], ids=lambda expected: expected.path)
def test_bad_files_are_refused_by_name(expected: Expected) -> None:
    with pytest.raises(DataError) as caught:
        load_folder(str(FOLDER / expected.path))
    text = str(caught.value)
    assert set(re.findall(r"\[(\w+)\]", text)) >= expected.refused
    assert expected.path.split("/")[1] in text and "rlx data check" in text and "Fix:" in text


def _messages(path: str, code: str) -> list[str]:
    return [finding.message for finding in check_path(str(FOLDER / path)).findings if finding.code == code]


@pytest.mark.parametrize("path", ["lean_raw_unadjusted/AAPL.csv", "lean_zip/aapl.zip"])
def test_apple_splits_are_named_and_the_crash_is_not_one(path: str) -> None:
    found = [re.search(r"(\d+:1) split on (\S+)", message) for message in _messages(path, "unadjusted_split")]
    assert [(match[1], match[2]) for match in found if match] == [
        ("2:1", "2000-06-21"), ("2:1", "2005-02-28"), ("7:1", "2014-06-09"), ("4:1", "2020-08-31"),
    ]  # fmt: skip
    assert any("2000-09-29" in message for message in _messages(path, "price_jump"))


def test_change_of_security_and_hole_are_dated() -> None:
    (change,) = _messages("lean_raw_unadjusted/EEM.csv", "security_change")
    assert "2003-04-11" in change
    splits = _messages("lean_raw_unadjusted/EEM.csv", "unadjusted_split")
    assert [("3:1" in text, day in text) for text, day in zip(splits, ("2005-06-09", "2008-07-24"), strict=True)] == [
        (True, True)
    ] * 2
    (hole,) = _messages("lean_raw_unadjusted/QQQ.csv", "long_hole")
    assert "2304 days" in hole


def test_volumes_swapped_until_october_2020_are_given_up() -> None:
    path = str(FOLDER / "cryptodatadownload/BTC_USD-Hourly.csv")
    assert load_folder(path, end="2018-06-30").volume is None
    later = load_folder(path, start="2021-12-01")
    assert later.volume is not None and later.volume[-1, 0] == 52.05632


def test_backtrader_columns_are_not_shifted() -> None:
    panel = load_folder(str(FOLDER / "backtrader_minute/2006-01-02-volume-min-001.txt"))
    first = [float(getattr(panel, name)[0, 0]) for name in ("open", "high", "low", "close", "volume")]
    assert first == [3602.0, 3603.0, 3597.0, 3599.0, 5699.0]


def test_headerless_file_takes_shares_not_money_for_the_volume() -> None:
    panel = load_folder(str(FOLDER / "headerless_ddmmyy/ADANIPORTS.csv"))
    assert panel.volume is not None and panel.volume[0, 0] == 2622173.0


def test_adjusted_close_scales_the_other_prices() -> None:
    panel = load_folder(str(FOLDER / "yahoo_csv/AXP.csv"))
    assert panel.open is not None
    assert panel.open[0, 0] == pytest.approx(47.995617 * 32.956535 / 45.880306, rel=1e-12)


def test_mixed_folder_of_four_is_checked_as_a_whole() -> None:
    report = check_path(str(FOLDER / "lean_raw_unadjusted"))
    assert [line.symbol for line in report.figures] == ["AAPL", "EEM", "GOOG", "QQQ"]
    assert [line.splits for line in report.figures] == [4, 2, 1, 1]
    assert report.exit_status(strict=False) == 2


def test_folder_of_folders_is_told_apart() -> None:
    report = check_path(str(FOLDER))
    assert report.exit_status(strict=False) == 2
    assert "It has folders" in report.findings[0].message


def test_period_after_the_defects_loads() -> None:
    panel = load_folder(str(FOLDER / "lean_raw_unadjusted" / "QQQ.csv"), start="2011-03-23")
    assert format_stamp(panel.timestamps[0]) == "2011-03-23"


def test_closes_alone_rescue_the_dirty_set() -> None:
    panel = load_folder(str(FOLDER / "kaggle_djia_dirty"), close_only=True)
    assert panel.close_only and panel.symbols == ("BA", "DIS", "HD", "TRV") and len(panel) == 3020


def test_thirty_large_stocks_are_clean() -> None:
    place = FOLDER.parent / "us30_daily"
    report = check_path(str(place))
    assert report.exit_status(strict=False) == 0 and report.common_rows == 6084
    assert {finding.code for finding in report.findings} <= {"wick", "close_spike", "price_jump"}
