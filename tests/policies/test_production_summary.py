"""Reading a production record and adding it up, by hand-worked numbers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlx.errors import RecordError
from rlx.policies.config import LogValue
from rlx.policies.production import read_record, reference_rows, summarise
from rlx.policies.production.amounts import parse_amount
from rlx.policies.production.log_file import read_snapshots
from rlx.policies.production.problems import Problems
from rlx.policies.production.stamps import parse_stamp
from rlx.policies.production.text import summary_text
from tests.policies.production_files import BOUGHT, HISTORY, LINES, SOLD, snapshot, write_log, write_trades


def summed(
    folder: Path, history: Any = HISTORY, lines: tuple[str, ...] | None = LINES, log_value: str = "equity"
) -> dict[str, Any]:
    trades = None if history is None else write_trades(folder, history)
    return summarise(read_record(trades, None if lines is None else write_log(folder, *lines), log_value))


def kinds(summary: dict[str, Any]) -> dict[str, int]:
    return {kind: found["count"] for kind, found in summary["problems"].items()}


def test_both_files_by_hand(tmp_path: Path) -> None:
    summary = summed(tmp_path)
    assert summary["trades"] == {
        "total": 4,
        "realised": 3,
        "open": 1,
        "pnl_as_recorded": 2,
        "pnl_computed": 1,
        "hit_rate": pytest.approx(2 / 3),
    }
    pnl = summary["realised_pnl"]
    assert (pnl["total"], pnl["dated"], pnl["undated"]) == (250.0, 250.0, 0.0)  # 300 + 40 - 90
    assert {name: group["pnl"] for name, group in pnl["by_symbol"].items()} == {"AAA": 300, "BBB": 40, "CCC": -90}
    assert list(pnl["by_symbol_and_side"]) == ["AAA|long", "BBB|short", "CCC|long"]
    assert {day: (group["pnl"], group["trades"]) for day, group in pnl["by_day"].items()} == {
        "2020-01-09": (300.0, 1),
        "2020-01-10": (-90.0, 1),
        "2020-01-13": (40.0, 1),
    }
    assert summary["span"] == {
        "first": "2020-01-06T15:00:00Z",
        "last": "2020-01-13T10:00:00Z",
        "calendar_days": 8,
        "business_days": 6,
        "recorded_days": 7,  # all but Sunday
    }
    assert summary["average_daily_pnl"] == {
        "per_business_day": pytest.approx(250 / 6),
        "per_calendar_day": pytest.approx(250 / 8),
        "per_recorded_day": pytest.approx(250 / 7),
    }
    assert summary["account"] == {
        "snapshots": 2,
        "first": 10_000.0,
        "first_at": "2020-01-08T09:00:00Z",
        "last": 12_500.0,
        "last_at": "2020-01-10T20:00:00Z",
        "min": 10_000.0,
        "max": 12_500.0,
        "change": 2_500.0,
        "total_return": pytest.approx(0.25),
    }
    # 300/10,000 on the 9th, -90/10,000 on the 10th (its snapshot is of the evening), 40/12,500 on the 13th
    total = 0.03 - 0.009 + 0.0032
    assert summary["average_daily_return"] == {
        "account_value": "log",
        "first_day": "2020-01-08",
        "calendar_days": 6,
        "business_days": 4,
        "recorded_days": 5,
        "trades_before": 0,
        "per_business_day": pytest.approx(total / 4),
        "per_calendar_day": pytest.approx(total / 6),
        "per_recorded_day": pytest.approx(total / 5),
    }
    assert summary["global_risk_threshold"] == {"min": 1.0, "max": 1.5, "mean": 1.25, "last": 1.0}
    assert summary["time_zone"] == {"days": "UTC", "stamps_assumed_utc": 3}
    assert summary["problems"] == {}
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_trades_alone(tmp_path: Path) -> None:
    summary = summed(tmp_path, lines=None)
    assert summary["realised_pnl"]["total"] == 250.0
    assert summary["average_daily_pnl"]["per_business_day"] == pytest.approx(250 / 6)
    assert summary["account"] is summary["global_risk_threshold"] is summary["average_daily_return"] is None


def test_a_log_alone(tmp_path: Path) -> None:
    summary = summed(tmp_path, history=None)
    assert summary["account"]["last"] == 12_500.0
    assert (summary["span"]["calendar_days"], summary["span"]["recorded_days"]) == (3, 2)
    assert summary["trades"] is summary["realised_pnl"] is summary["average_daily_pnl"] is None
    assert "No trade history was given." in summary_text({**summary, "replay": {"reason": "no trades"}})


def test_reference_rows(tmp_path: Path) -> None:
    rows = {row["name"]: (row["unit"], row["value"]) for row in reference_rows(summed(tmp_path))}
    assert rows == {
        "production_realised_pnl": ("account currency", 250.0),
        "production_average_daily_pnl": ("account currency per business day", pytest.approx(250 / 6)),
        "production_average_daily_return": (
            "fraction of account value per business day",
            pytest.approx(0.0242 / 4),
        ),
        "production_account_return": ("fraction of the first account value", pytest.approx(0.25)),
        "production_mean_exposure": ("account currency", None),
        "production_hit_rate": ("share of realised trades", pytest.approx(2 / 3)),
        "production_trades": ("realised trades", 3),
        "production_span": ("business days", 6),
    }
    alone = {row["name"]: row["value"] for row in reference_rows(summed(tmp_path, history=None))}
    assert alone["production_realised_pnl"] is alone["production_average_daily_return"] is None
    assert alone["production_span"] == 3


def test_days_before_the_first_account_value_earn_no_return(tmp_path: Path) -> None:
    summary = summed(tmp_path, lines=(snapshot("2020-01-10 09:00:00", "9000"),))
    earned = summary["average_daily_return"]
    assert (earned["first_day"], earned["trades_before"], earned["business_days"]) == ("2020-01-10", 1, 2)
    assert earned["per_business_day"] == pytest.approx((-90 / 9000 + 40 / 9000) / 2)


def test_a_weekend_has_no_business_day(tmp_path: Path) -> None:
    summary = summed(tmp_path, {"A|buy": [{"pnl": 5, "closed_at": "2020-01-11"}]}, None)
    assert summary["average_daily_pnl"] == {"per_business_day": None, "per_calendar_day": 5.0, "per_recorded_day": 5.0}


@pytest.mark.parametrize(
    ("trade", "expected"),
    [
        ({"closed_at": "2020-01-09"}, {"no_pnl": 1}),
        ({"qty": 2, "entry_price": 5, "closed_at": "2020-01-09"}, {"no_pnl": 1}),
        ({"pnl": 7}, {"no_close_date": 1}),
        ({"qty": 2, "entry_price": 5, "exit_price": 6}, {"no_close_date": 1}),
        ({**BOUGHT, "pnl": 299.9}, {"pnl_disagrees": 1}),
        ({**BOUGHT, "pnl": 299.99}, {}),  # a cent is rounding
        ({**BOUGHT, "qty": -10}, {"qty_contradicts_side": 1}),
        ({**BOUGHT, "closed_at": "2020-01-05"}, {"closed_before_opened": 1}),
        ({**BOUGHT, "symbol": "ABC"}, {"name_disagrees": 1}),
        ({**BOUGHT, "side": "short", "pnl": -300}, {"name_disagrees": 1}),
        ({**BOUGHT, "side": "LONG"}, {}),
        ({"qty": 3, "opened_at": "2020-01-09", "exit_price": None}, {}),  # still open
        ({"reason": "an unknown field", "pnl": 1, "closed_at": "2020-01-09"}, {}),
    ],
)
def test_odd_trades_are_named(tmp_path: Path, trade: dict[str, Any], expected: dict[str, int]) -> None:
    summary = summed(tmp_path, {"AAA|buy": [trade]}, None)
    assert kinds(summary) == expected
    for found in summary["problems"].values():
        assert found["where"][0].startswith("AAA|buy #1")


def test_a_trade_without_a_date_is_in_the_total_and_on_no_day(tmp_path: Path) -> None:
    pnl = summed(tmp_path, {"AAA|buy": [{"pnl": 7}, BOUGHT]}, None)["realised_pnl"]
    assert (pnl["total"], pnl["dated"], pnl["undated"]) == (307.0, 300.0, 7.0)
    assert list(pnl["by_day"]) == ["2020-01-09"]


def test_a_recorded_pnl_is_taken_where_prices_say_something_else(tmp_path: Path) -> None:
    summary = summed(tmp_path, {"AAA|buy": [{**BOUGHT, "pnl": 290.0}]}, None)
    assert summary["realised_pnl"]["total"] == 290.0
    assert (summary["trades"]["pnl_as_recorded"], summary["trades"]["pnl_computed"]) == (1, 0)
    assert summary["problems"]["pnl_disagrees"]["where"] == ["AAA|buy #1: 290, by its prices 300"]


def test_short_positions_below_zero_and_sides_of_the_key(tmp_path: Path) -> None:
    sold = {**SOLD, "qty": -20}  # as brokers report shorts
    summary = summed(
        tmp_path, {"BBB|sell": [sold], "CCC": [{**BOUGHT, "symbol": None, "side": None, "pnl": None}]}, None
    )
    assert summary["realised_pnl"]["by_symbol_and_side"]["BBB|short"]["pnl"] == 40.0
    assert kinds(summary) == {"no_pnl": 1}  # without a side there is no sign


def test_repeated_trades_count_twice_and_are_told(tmp_path: Path) -> None:
    summary = summed(tmp_path, {"AAA|buy": [BOUGHT, BOUGHT, {**BOUGHT, "reason": "other"}]}, None)
    assert summary["realised_pnl"]["total"] == 900.0
    assert summary["problems"]["repeated_trade"]["where"] == ["AAA|buy #2"]


def test_snapshot_lines_of_many_kinds(tmp_path: Path) -> None:
    lines = (
        snapshot("2020-01-10 09:00:00.125 UTC | 2020-01-10 04:00:00 EST", "1,234,567.5"),
        "\x1b[32m" + snapshot("2020-01-09T09:00:00+02:00", "-5") + "\x1b[0m",  # earlier, 07:00 UTC
        snapshot("2020-01-09T07:00:00Z", "6"),  # the same moment
        snapshot("2020-01-09T07:00:00Z", "6"),
        snapshot("2020-01-09 08:00:00", "12,34.5"),
        snapshot("2020-01-09 08:00:00", "n/a"),
        snapshot("2020-02-30 08:00:00", "7"),
        snapshot("2020-01-09 08:00:00 EST", "7"),
        snapshot("2020-01-09 08:00:00", "7", "none"),
        snapshot("2020-01-09 08:00:00", "7", "1.5x2"),
        snapshot("2020-01-09 08:00:00", "7" * 20),
        "Portfolio snapshot recorded",
    )
    summary = summed(tmp_path, None, lines)
    assert kinds(summary) == {
        "unparsable_snapshot": 8,
        "snapshot_not_positive": 1,
        "snapshot_out_of_order": 1,
        "repeated_snapshot": 1,
        "snapshot_contradicts": 1,
    }
    assert summary["problems"]["unparsable_snapshot"]["where"][0].startswith("line 5: 2020-01-09 08:00:00")
    assert summary["problems"]["snapshot_contradicts"]["where"] == ["line 3, as line 2"]
    assert (summary["account"]["first"], summary["account"]["last"]) == (6.0, 1_234_567.5)


def test_an_account_value_of_nothing_is_in_the_range_and_divides_nothing(tmp_path: Path) -> None:
    summary = summed(tmp_path, lines=(*LINES, snapshot("2020-01-12 09:00:00", "0.00")))
    assert kinds(summary) == {"snapshot_not_positive": 1}
    assert summary["account"]["min"] == summary["account"]["last"] == 0.0
    assert summary["average_daily_return"]["per_business_day"] == pytest.approx(0.0242 / 4)


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ("not json", "not a JSON document"),
        ("[]", r"has \[\]\. Expected"),
        ("{}", "has no trade"),
        ('{"AAA|buy": {}}', "'AAA|buy': expected a list of trades, found {}"),
        ('{"AAA|buy": [1]}', "AAA|buy #1: expected an object, found 1"),
        ('{"AAA|buy": [], "AAA|buy": []}', "'AAA|buy' appears twice in one object"),
        ('{"AAA|buy": [{"pnl": 1, "pnl": 2}]}', "'pnl' appears twice in one object"),
        ('{"AAA|buy": [{}, {"qty": "ten"}]}', 'AAA|buy #2: qty="ten": must be a number such as 10 or -12.5'),
        ('{"AAA|buy": [{"qty": "1,000"}]}', 'AAA|buy #1: qty="1,000": must be a number such as 10 or -12.5'),
        ('{"AAA|buy": [{"qty": true}]}', "qty=true: must be a number"),
        ('{"AAA|buy": [{"pnl": NaN}]}', 'NaN is not a JSON number; write null: line 1, after .*"pnl":'),
        ('{"AAA|buy": [{"pnl": 1e999}]}', "1e999 is beyond any float"),
        ('{"AAA|buy": [{"pnl": 1' + "0" * 400 + "}]}", "a number of 401 digits"),
        ('{"AAA|buy": [{"pnl": 1e300}]}', r"pnl=1e\+300: must be a number up to 1e"),
        ('{"AAA|buy": [{"pnl": "1e300"}]}', "must be a number up to 1e"),
        ('{"' + "A" * 200 + '|buy": [{}]}', "AAA...: is not SYMBOL|side"),
        ('{"A\\nB|buy": [{}]}', "is not SYMBOL|side"),
        ('{"AAA|buy": [{"symbol": "A\\nB"}]}', "must be a text of one line"),
        ('{"AAA|buy": [{"entry_price": 0}]}', "entry_price=0.0: must be above 0"),
        ('{"AAA|buy": [{"exit_price": -3}]}', "exit_price=-3.0: must be above 0"),
        (
            '{"AAA|buy": [{"side": "bye"}]}',
            "side=\"bye\": must be one of buy, long, sell, short, .* Did you mean 'buy'",
        ),
        ('{"AAA|hold": [{}]}', 'side of the key="hold": must be one of'),
        ('{"AAA|buy": [{"symbol": 7}]}', "symbol=7: must be a text"),
        ('{"AAA|buy": [{"opened_at": "yesterday"}]}', 'opened_at="yesterday": must be a time such as'),
        ('{"AAA|buy": [{"closed_at": "2020-02-30"}]}', 'closed_at="2020-02-30": must be a time such as'),
        ('{"AAA|buy": [{"closed_at": 1578355200}]}', "closed_at=1578355200: must be a time such as"),
        ('{"AAA|buy": [{"closed_at": "0001-01-01T00:00+05:00"}]}', "must be a time such as"),
    ],
)
def test_unusable_histories_are_refused_by_name(tmp_path: Path, history: str, message: str) -> None:
    path = write_trades(tmp_path, history)
    with pytest.raises(RecordError, match=message.replace("|", r"\|").replace("{}", r"\{\}")) as refused:
        read_record(path, None)
    assert path in str(refused.value)


def test_files_that_are_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"policy\.trades=.*nowhere: no such file"):
        read_record(tmp_path / "nowhere", None)
    with pytest.raises(RecordError, match=r"policy\.log=.*nowhere: no such file"):
        read_record(None, tmp_path / "nowhere")
    with pytest.raises(RecordError, match=r"policy\.trades=/dev/zero: not a regular file"):
        read_record(Path("/dev/zero"), None)
    with pytest.raises(RecordError, match=r"policy\.log=/dev/zero: not a regular file"):
        read_record(None, Path("/dev/zero"))
    with pytest.raises(RecordError, match="no line contains 'Portfolio snapshot recorded'"):
        read_record(None, write_log(tmp_path, "2020-01-08 | INFO | nothing"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(RecordError, match=r"policy\.trades=.*binary: not a JSON document"):
        read_record(tmp_path / "binary", None)
    with pytest.raises(RecordError, match=r"none of 1 lines with 'Portfolio snapshot recorded' can be read, such as"):
        read_record(None, write_log(tmp_path, "yesterday: Portfolio snapshot recorded"))


def test_what_a_log_says_of_exposure(tmp_path: Path) -> None:
    lines = (*LINES, snapshot("2020-01-12 09:00:00", "0.00"), snapshot("2020-01-13 09:00:00", "-1"))
    summary = summed(tmp_path, lines=lines, log_value="exposure")
    assert summary["account"] is summary["average_daily_return"] is None
    assert summary["exposure"] == {
        "snapshots": 4,
        "first": 10_000.0,
        "first_at": "2020-01-08T09:00:00Z",
        "last": -1.0,
        "last_at": "2020-01-13T09:00:00Z",
        "min": -1.0,
        "max": 12_500.0,
        "mean": 22_499 / 4,
        "zero": 1,
    }
    assert kinds(summary) == {"exposure_negative": 1}
    text = summary_text({**summary, "replay": {"reason": "why not"}})
    assert "| gross exposure | 10,000.00 | -1.00 | -1.00 | 12,500.00 | 5,624.75 |" in text
    assert "no return can be derived from it" in text and "account value |" not in text


def test_losses_beyond_the_initial_value_give_no_return(tmp_path: Path) -> None:
    history = {"A|buy": [{"pnl": pnl, "closed_at": f"2020-01-{day}"} for day, pnl in (("06", -90), ("07", 5))]}
    record = read_record(write_trades(tmp_path, history), None)
    assert summarise(record, 90.0)["average_daily_return"] is None
    earned = summarise(record, 100.0)["average_daily_return"]
    assert (earned["account_value"], earned["per_business_day"]) == ("initial_value", pytest.approx((-0.9 + 0.5) / 2))


def test_the_pnl_of_mocks_is_named(tmp_path: Path) -> None:
    """49 trades of 68 with a PnL of exactly one, and 5 without any, as a suite of tests left them in a real record."""
    pnls = [1.0] * 49 + [0.0] * 5 + [-8_504.5, -18.25, *(7.0 + number for number in range(12))]
    trades = [{"pnl": pnl, "closed_at": f"2025-10-{10 + number % 5}"} for number, pnl in enumerate(pnls)]
    found = summed(tmp_path, {"AAA|buy": trades}, None)["problems"]["repeated_pnl"]
    assert found["where"] == ["+1.00: 49 of 68 trades"]
    once = [{"pnl": 3.0, "closed_at": "2025-10-10"}, {"pnl": 4.0, "closed_at": "2025-10-10"}]
    assert summed(tmp_path, {"AAA|buy": once}, None)["problems"] == {}


def test_numbers_in_quotes_are_read_and_told(tmp_path: Path) -> None:
    quoted = {**BOUGHT, "qty": "10", "entry_price": " 100.0", "pnl": "3e2"}
    summary = summed(tmp_path, {"AAA|buy": [quoted]}, None)
    assert summary["realised_pnl"]["total"] == 300.0
    assert summary["problems"]["number_as_text"]["where"] == ["AAA|buy #1: qty, entry_price, pnl"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_records_in_any_usual_encoding(tmp_path: Path, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "t.log").write_bytes(pack("\r\n".join(LINES[1:]).encode(encoding)))
    (tmp_path / "t.json").write_bytes(pack(json.dumps(HISTORY).encode(encoding)))
    record = read_record(tmp_path / "t.json", tmp_path / "t.log")
    assert [snapshot.value for snapshot in record.snapshots] == [10_000.0, 12_500.0]
    assert [snapshot.line for snapshot in record.snapshots] == [1, 2]
    assert len(record.trades) == 4


def test_logs_joined_from_files_with_marks_and_bytes_of_another_encoding(tmp_path: Path) -> None:
    lines = [line.encode("utf-8-sig") for line in LINES]
    (tmp_path / "t.log").write_bytes(b"caf\xe9\n" + b"\n".join(lines))
    assert [snapshot.line for snapshot in read_record(None, tmp_path / "t.log").snapshots] == [3, 4]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$128,097.52", 128_097.52),
        ("128097.5", 128_097.5),
        ("$128'097.52", 128_097.52),
        ("$128.097,52", 128_097.52),
        ("$1,28,097.52", 128_097.52),
        ("$1.28e5", 128_000.0),
        ("USD 128,097.52", 128_097.52),
        ("-$5", -5.0),
        ("$-5", -5.0),
        ("-$-5", None),
        ("12,34.5", None),
        ("1,2345", None),
        ("1.5.2", None),
        ("", None),
        ("1e400", None),
    ],
)
def test_amounts(text: str, amount: float | None) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize("amount", ["$1.234", "12.345", "-USD 999.000"])
def test_a_lone_point_before_three_digits_is_reported_and_not_guessed(amount: str, tmp_path: Path) -> None:
    lines = [snapshot("2020-01-10 09:00:00", "0"), snapshot("2020-01-10 10:00:00", "@")]
    path, problems = Path(write_log(tmp_path, *(line.replace("$@", amount) for line in lines))), Problems()
    assert [one.value for one in read_snapshots(path, problems, LogValue.exposure)] == [0.0]
    assert problems.places("undecided_amount")[0].startswith("line 2: 2020-01-10 10:00:00")
    assert not problems.places("unparsable_snapshot")


@pytest.mark.parametrize(
    ("other", "read"), [("1,234.50", True), ("0.5", True), ("7.25", True), ("1.234,50", False), ("1234", False)]
)
def test_other_lines_of_a_log_tell_what_a_point_is(other: str, read: bool, tmp_path: Path) -> None:
    lines = (snapshot("2020-01-10 09:00:00", other), snapshot("2020-01-10 10:00:00", "1.234", risk="1.500"))
    problems = Problems()
    found = read_snapshots(Path(write_log(tmp_path, *lines)), problems, LogValue.exposure)
    assert [one.value for one in found[1:]] == [1.234] * read
    assert len(problems.places("undecided_amount")) == (not read)
    assert {one.risk_threshold for one in found} <= {1.5}  # a factor is no amount


@pytest.mark.parametrize("amount", ["0.234", "1234.567", "1,234.567", "1.2345"])
def test_amounts_of_one_reading_are_read_alone(amount: str, tmp_path: Path) -> None:
    path = Path(write_log(tmp_path, snapshot("2020-01-10 09:00:00", amount)))
    assert [one.value for one in read_snapshots(path, Problems(), LogValue.exposure)] == [parse_amount(amount)]


@pytest.mark.parametrize(
    ("text", "instant", "session", "zoned"),
    [
        ("2020-01-09", "2020-01-09T23:59:59Z", "2020-01-09", True),
        ("2020-01-09 15:30", "2020-01-09T15:30:00Z", "2020-01-09", False),
        ("2020-01-09 15:30:00+00", "2020-01-09T15:30:00Z", "2020-01-09", True),
        ("2020-01-09T20:30:00-05", "2020-01-10T01:30:00Z", "2020-01-10", True),
        ("2020-01-09t15:30:00z", "2020-01-09T15:30:00Z", "2020-01-09", True),
        ("2020-01-09T15:30:01,5Z", "2020-01-09T15:30:01Z", "2020-01-09", True),
        ("2020-01-09T20:30:00-05:00", "2020-01-10T01:30:00Z", "2020-01-10", True),  # the UTC day is later
        ("2020-01-09T08:30:00+0900", "2020-01-08T23:30:00Z", "2020-01-09", True),  # its own day is later
    ],
)
def test_time_stamps(text: str, instant: str, session: str, zoned: bool) -> None:
    stamp = parse_stamp(text)
    assert stamp is not None
    assert (stamp.text, str(stamp.session), stamp.zoned) == (instant, session, zoned)


@pytest.mark.parametrize("text", ["", "2020", "2020-01", "20200109", "2020-W02-4", "09.01.2020", "2020-01-09T25:00"])
def test_what_is_no_time_stamp(text: str) -> None:
    assert parse_stamp(text) is None


def test_the_text_names_every_problem_and_few_places(tmp_path: Path) -> None:
    summary = summed(tmp_path, {"AAA|buy": [{"pnl": number} for number in range(12)]}, None)
    text = summary_text({**summary, "replay": {"reason": "why not"}})
    assert "no_close_date (12)" in text and r"AAA\|buy #10; and 2 more in the JSON document" in text
    assert "Not replayed: why not" in text and "hit rate 91.67%" in text
