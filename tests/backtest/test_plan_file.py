"""What a plan file may hold, and what is said of one that may not."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rlx.backtest.plan import Action, Instruction, Session
from rlx.backtest.plan_file import read_plans
from rlx.errors import PlanError

BUY = {"symbol": "AAPL", "action": "buy", "quantity": 5, "execution_session": "market_open"}
PLAN = {"target_date": "2025-01-02", "instructions": [BUY]}


def write(folder: Path, content: Any, name: str = "a.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_plan_is_read_with_and_without_its_envelope(tmp_path: Path) -> None:
    full = BUY | {"entry_price": 110, "exit_price": 115.5, "notes": "gap"}
    content = {
        "target_date": "2025-01-02",
        "instructions": [full, {"symbol": "SPY", "action": "exit"}, {"symbol": "SPY", "action": "hold", "quantity": 0}],
        "stop_trading_symbols": ["QQQ"],
        "metadata": {"model": "m"},
    }
    (plain,) = read_plans(write(tmp_path, content))
    (enveloped,) = read_plans(write(tmp_path, "\ufeff" + json.dumps({"plan": content, "raw": "text"})))
    assert plain == enveloped
    assert plain.target_date == date(2025, 1, 2) and plain.stop_trading_symbols == {"QQQ"}
    assert plain.instructions == (
        Instruction(1, "AAPL", Action.buy, 5.0, Session.market_open, 110.0, 115.5),
        Instruction(2, "SPY", Action.exit),
        Instruction(3, "SPY", Action.hold),
    )
    assert plain.symbols == ("AAPL", "SPY", "QQQ")


def test_a_folder_is_read_in_the_order_of_days(tmp_path: Path) -> None:
    write(tmp_path, PLAN | {"target_date": "2025-01-09"}, "a.json")
    write(tmp_path, PLAN, "b.json")
    write(tmp_path, "not a plan", "notes.txt")
    write(tmp_path, "half", ".c.json.tmp")
    assert [str(plan.target_date) for plan in read_plans(tmp_path)] == ["2025-01-02", "2025-01-09"]


def refused(path: Path, strategy: str = "base") -> str:
    with pytest.raises(PlanError) as error:
        read_plans(path, strategy)
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": "bye"}, """action="bye": must be one of buy, sell, exit, hold. Did you mean 'buy'?"""),
        ({"action": "BUY"}, "Did you mean 'buy'?"),
        ({"action": None}, "action is missing."),
        ({"action": ["buy"]}, 'action=["buy"]: must be one of'),
        ({"execution_session": "market_opn"}, "Did you mean 'market_open'?"),
        ({"quantity": -5}, "quantity=-5: must be a number above 0"),
        ({"quantity": 0}, "quantity=0: must be a number above 0 (to do nothing, use action 'hold')."),
        ({"quantity": "5"}, 'quantity="5": must be a number above 0'),
        ({"quantity": True}, "quantity=true: must be a number above 0"),
        ({"quantity": None}, "quantity is missing."),
        ({"quantity": 10**16}, "quantity=10000000000000000: must be at most 1e+15"),
        ({"quantity": 1e300}, "quantity=1e+300: must be at most 1e+15"),
        ({"action": "exit", "quantity": -1}, "quantity=-1: must be a number at least 0, or null."),
        ({"entry_price": 0}, "entry_price=0: must be a price above 0, or null."),
        ({"exit_price": "high"}, 'exit_price="high": must be a price above 0, or null.'),
        ({"exit_price": 1e300}, "exit_price=1e+300: must be at most 1e+15."),
        ({"symbol": 7}, "symbol=7: must be the name of a symbol."),
        ({"symbol": " "}, 'symbol=" ": must be the name of a symbol.'),
        ({"symbol": "A\nB"}, 'symbol="A\\nB": must be the name of a symbol.'),
        ({"symbol": "A" * 10_000}, f'symbol="{"A" * 59}...: must be the name of a symbol.'),
        ({"exit_pirce": 3}, "exit_pirce=3: no such key; allowed are symbol, action,"),
        ({"exit_pirce": 3}, "Did you mean 'exit_price'?"),
    ],
)
def test_a_wrong_instruction_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = write(tmp_path, PLAN | {"instructions": [{"symbol": "SPY", "action": "hold"}, BUY | change]})
    said = refused(path)
    assert said.startswith(f"{path}: instruction 2: ") and message in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"instructions": [BUY]}, "target_date is missing."),
        (PLAN | {"target_date": "02.01.2025"}, 'target_date="02.01.2025": must be a day written as 2025-01-31.'),
        (PLAN | {"target_date": "2025-02-30"}, "must be a day written as 2025-01-31."),
        (PLAN | {"target_date": "2025-W01-1"}, "must be a day written as 2025-01-31."),
        (PLAN | {"target_date": 20250102}, "target_date=20250102: must be a day"),
        ({"target_date": "2025-01-02"}, "instructions is missing."),
        (PLAN | {"instructions": []}, "instructions=[]: must have at least one instruction"),
        (PLAN | {"instructions": BUY}, "must be a list of objects."),
        (PLAN | {"instructions": ["buy"]}, "instruction 1: is a text; expected an object with symbol, action"),
        (
            PLAN | {"instructions": [BUY, BUY | {"quantity": 7}]},
            "instruction 2: repeats instruction 1 (buy AAPL at market_open)",
        ),
        (PLAN | {"stop_trading_symbols": "AAPL"}, 'stop_trading_symbols="AAPL": must be a list of symbols.'),
        (PLAN | {"stop_trading": []}, "stop_trading=[]: no such key"),
        ([PLAN], "holds a list; expected an object with target_date, instructions"),
        ({"plan": None}, "holds null; expected an object"),
        ("buy", "not a JSON document"),
        ("", "not a JSON document"),
        (PLAN | {"instructions": [BUY | {"quantity": float("nan")}]}, "NaN is not a JSON number; write null"),
        (PLAN | {"instructions": [BUY | {"quantity": float("inf")}]}, "Infinity is not a JSON number; write null"),
        (PLAN | {"instructions": [BUY | {"quantity": 10**400}]}, "a number of 401 digits"),
        ('{"target_date": "2025-01-02", "target_date": "2025-01-03"}', "'target_date' appears twice in one object"),
        ("[" * 100_000, "nests more than 50 levels deep"),
        (PLAN | {"instructions": [BUY] * 10_001}, "instructions: 10,001 are listed; a plan has at most 10,000."),
    ],
)
def test_a_wrong_plan_is_named(tmp_path: Path, content: Any, message: str) -> None:
    path = write(tmp_path, content)
    assert refused(path).startswith(f"{path}: ") and message in refused(path)


def test_maxdiff_needs_both_prices(tmp_path: Path) -> None:
    path = write(tmp_path, PLAN | {"instructions": [BUY | {"entry_price": 3.0}, {"symbol": "SPY", "action": "exit"}]})
    assert "instruction 1: exit_price is missing: strategy maxdiff needs entry_price and exit_price" in refused(
        path, "maxdiff"
    )
    read_plans(path, "entry_takeprofit")


def test_files_that_are_not_there_or_not_text(tmp_path: Path) -> None:
    assert "no such file or folder" in refused(tmp_path / "nowhere")
    assert "the folder has no .json file" in refused(tmp_path)
    assert "policy.path=/dev/zero: not a regular file." in refused(Path("/dev/zero"))
    (tmp_path / "device.json").symlink_to("/dev/zero")
    assert "device.json: not a regular file." in refused(tmp_path)
    (tmp_path / "device.json").unlink()
    (tmp_path / "a.json").write_bytes(b"\xff\xfe{")
    assert "not UTF-16 text" in refused(tmp_path)


def test_any_usual_encoding_and_packing_is_read(tmp_path: Path) -> None:
    text = json.dumps(PLAN)
    written = (text.encode("utf-8-sig"), text.encode("utf-16"), gzip.compress(text.encode("utf-16")))
    for number, data in enumerate(written):
        path = tmp_path / f"{number}.json"
        path.write_bytes(data)
        assert len(read_plans(path)) == 1


def test_the_answer_beside_a_plan_is_none(tmp_path: Path) -> None:
    write(tmp_path, PLAN, "a.json")
    answer = write(tmp_path, {"choices": []}, "a.answer.json")
    assert len(read_plans(tmp_path)) == 1
    assert "has the name of a model's answer" in refused(answer)


def test_many_keys_take_no_longer_than_their_number(tmp_path: Path) -> None:
    """60,000 names, and the last one again: what compares each with all others would need minutes."""
    many = ", ".join(f'"k{number}": 0' for number in range(60_000))
    assert "'k59999' appears twice" in refused(write(tmp_path, f'{{{many}, "k59999": 0}}'))
    assert "k0=0: no such key" in refused(write(tmp_path, f"{{{many}}}"))


def test_two_plans_of_one_day(tmp_path: Path) -> None:
    first, second = write(tmp_path, PLAN, "a.json"), write(tmp_path, PLAN, "b.json")
    assert refused(tmp_path) == f"{second}: target_date=2025-01-02 is also that of {first}. Keep one plan per day."
