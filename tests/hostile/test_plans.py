"""Damaged plans: replayed, or refused in one message, and no number that is none in what is left behind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.policies.plan import PlanReplay
from tests.app.commands import Shell
from tests.backtest.by_hand import order
from tests.hostile.damage import EXHAUSTIVE, damaged_bytes, damaged_json
from tests.hostile.readers import assert_taken, outcome_of_files
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

TAKEN = {
    "missing": ("plan.instructions.*", "plan.stop_trading_symbols.*"),
    "missing null": ("plan.instructions.*.(execution_session|entry_price|exit_price)",),
    "missing anything": ("plan.instructions.*.notes", "plan.metadata", "plan.metadata.*"),  # of the model, kept as text
    "missing list null": ("plan.stop_trading_symbols",),
}
NEEDED = {"maxdiff": {"missing null": ("plan.instructions.*.execution_session",)}}
"""A strategy that trades at the plan's prices needs them."""


def damaged_plans() -> Iterator[tuple[str, bytes]]:
    yield from damaged_json(PLAN)
    yield from damaged_bytes(gzip.compress(json.dumps(PLAN).encode(), mtime=0))


def replay(path: Path, strategy: str) -> None:
    """Replay a plan as a judgement does, and look at what it leaves."""
    market = market_of(OPEN, CLOSE)
    policy = PlanReplay(str(path), strategy, fee_bps=5.0, monte_carlo_paths=2)
    policy.bind(market)
    assert np.isfinite(policy.act(observe(market, list(range(market.n_bars))))).all()
    documents = policy.documents()
    json.dumps(documents["plan_replay.json"], allow_nan=False)
    assert "<script>" not in documents["plan_replay.md"]


@pytest.mark.parametrize("strategy", ["base", "entry_takeprofit", "maxdiff"])
def test_a_damaged_plan_is_replayed_or_refused_in_one_message(tmp_path: Path, strategy: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(PLAN))
    replay(path, strategy)
    assert_taken(
        outcome_of_files(path, damaged_plans(), lambda: replay(path, strategy)), TAKEN | NEEDED.get(strategy, {})
    )


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


@pytest.mark.parametrize("share", [97, pytest.param(17, marks=EXHAUSTIVE)])
def test_damage_of_every_kind_from_the_command_line(shell: Shell, share: int) -> None:
    for name, data in islice(damaged_plans(), 0, None, share):  # which has no factor with the 14 wrong values
        (shell.folder / "plan.json").write_bytes(data)
        finished = shell.evaluate("policy=plan", "policy.path=plan.json", "protocol.bootstrap_replications=100")
        if finished.status:
            assert_refused(finished)
            assert not list(shell.folder.glob("outputs/**/scorecard.json")), name
