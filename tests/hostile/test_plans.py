"""Damaged plans: replayed, or refused in one message, and no number that is none in what is left behind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.errors import RlxError
from rlx.policies.plan import PlanReplay
from tests.app.commands import Shell
from tests.backtest.by_hand import order
from tests.hostile.damage import damaged_bytes, damaged_documents, odd_json
from tests.hostile.refusal import assert_refused
from tests.policies.acting import observe
from tests.policies.test_plan import CLOSE, OPEN, market_of

DAY = "2025-01-07"
PLAN = {
    "plan": {
        "target_date": DAY,
        "instructions": [
            order("AAA", "buy", 10, entry_price=11.0, exit_price=12.5, notes="a gap"),
            order("BBB", "sell", 2.5, "close", entry_price=50, exit_price=40),
        ],
        "stop_trading_symbols": ["AAA"],
        "metadata": {"model": "m"},
    }
}


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


def damaged_plans() -> Iterator[tuple[str, bytes]]:
    text = json.dumps(PLAN)
    for name, document in damaged_documents(PLAN):
        yield name, json.dumps(document).encode()
    for name, odd in odd_json(text):
        yield name, odd.encode("utf-8", "surrogatepass")
    yield from damaged_bytes(text.encode())
    yield from damaged_bytes(gzip.compress(text.encode(), mtime=0))


def replayed(path: Path, strategy: str) -> str:
    """Replay a plan and return why it cannot be, '' when it can."""
    market = market_of(OPEN, CLOSE)
    try:
        policy = PlanReplay(str(path), strategy, fee_bps=5.0, monte_carlo_paths=2)
        policy.bind(market)
    except RlxError as error:
        return str(error)
    assert np.isfinite(policy.act(observe(market, list(range(market.n_bars))))).all()
    documents = policy.documents()
    json.dumps(documents["plan_replay.json"], allow_nan=False)
    assert "<script>" not in documents["plan_replay.md"]
    return ""


@pytest.mark.parametrize("strategy", ["base", "entry_takeprofit", "maxdiff"])
def test_a_damaged_plan_is_replayed_or_refused_in_one_message(tmp_path: Path, strategy: str) -> None:
    path, refused = tmp_path / "plan.json", 0
    assert replayed_from(path, json.dumps(PLAN).encode(), strategy) == ""
    for name, data in damaged_plans():
        message = replayed_from(path, data, strategy)
        assert len(message) < 1_000 and message.isprintable(), (name, message)
        assert message == "" or message.startswith(str(path)), (name, message)
        refused += bool(message)
    assert refused > 100


def replayed_from(path: Path, data: bytes, strategy: str) -> str:
    path.write_bytes(data)
    return replayed(path, strategy)


def test_names_of_a_plan_are_text_in_its_report(tmp_path: Path) -> None:
    folder = tmp_path / "a|b<script>"
    folder.mkdir()
    (folder / "[x](javascript:y).json").write_text(json.dumps(PLAN))
    (folder / "z.json").write_text(json.dumps(PLAN["plan"] | {"target_date": "2030-01-01"}))
    policy = PlanReplay(str(folder), fee_bps=0.0, monte_carlo_paths=None)
    policy.bind(market_of(OPEN, CLOSE))
    written = policy.documents()["plan_replay.md"]
    assert "[x](" not in written and "a|b" not in written and "<script>" not in written


BIG: dict[str, Any] = {
    "numbers": {"quantity": 1e300},
    "prices": {"entry_price": 1e300, "exit_price": 1e-300},
    "a symbol": {"symbol": "A" * 1_000_000},
    "a key": {"k" * 1_000_000: 1},
}


@pytest.mark.parametrize("name", BIG)
def test_a_refused_plan_leaves_nothing(shell: Shell, name: str) -> None:
    plan = {"target_date": "2020-03-02", "instructions": [order("AAPL", "buy", 1) | BIG[name]]}
    (shell.folder / "plan.json").write_text(json.dumps(plan))
    assert_refused(shell.evaluate("policy=plan", "policy.path=plan.json"), "plan.json: instruction 1: ")
    assert not (shell.folder / "outputs").exists()


@pytest.mark.slow
def test_every_damaged_plan_from_the_command_line(shell: Shell) -> None:
    for name, data in list(damaged_plans())[::5]:
        (shell.folder / "plan.json").write_bytes(data)
        finished = shell.evaluate("policy=plan", "policy.path=plan.json", "protocol.bootstrap_replications=100")
        if finished.status:
            assert_refused(finished)
            assert not list(shell.folder.glob("outputs/**/scorecard.json")), name
