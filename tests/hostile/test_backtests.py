"""Damaged documents and lists of backtests: shown, or refused in one message."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from rlx.backtest.forecast_error import forecast_error
from rlx.backtest.measured import Resampling, measured, uplifts
from rlx.backtest.outcome import played
from rlx.backtest.stored_documents import LEGACY, read_document
from rlx.backtest.strategies import STRATEGIES
from rlx.backtest.strategy_document import Circumstances, strategy_document
from rlx.config.backtest_targets import read_backtest_targets
from rlx.report.backtests.tables import error_table, fills_table, legacy_table, strategy_table
from tests.backtest.worked_example import make_panel, trading
from tests.hostile.damage import damaged_bytes, damaged_json
from tests.hostile.readers import outcome_of_files

ORIGINAL: dict[str, Any] = {
    "symbol": "AAPL_real_full",
    "runs": 100,
    "strategies": {"maxdiff": {"return": 0.03, "sharpe": 11.2, "turnover": None}, "buy_hold": None},
    "metrics": {"close_val_loss": 0.01},
}
TARGETS = Path(__file__).parents[1] / "backtest" / "original" / "guard_backtest_targets.json"


def document() -> dict[str, Any]:
    one = trading()
    some = {name: STRATEGIES[name] for name in ("buy_and_hold", "maxdiff")}
    found = measured(played(some, one), 0, 252, Resampling(20))
    facts = {"name": "by hand", "test_only": None}
    run = Circumstances("label", "2025-01-01T00:00:00Z", make_panel(), one, facts)
    return strategy_document(
        run, "X", found, forecast_error(one.joined, slice(0, 1)), uplifts(found, 252, Resampling(20)), ""
    )


def show(path: Path) -> None:
    read = read_document(path)
    if read.get("kind") == LEGACY:
        legacy_table([read])
        return
    for table in (strategy_table(read, wide=True), fills_table(read), error_table(read)):
        assert table.header


@pytest.mark.parametrize("whole", [document(), ORIGINAL], ids=["this version", "original"])
def test_damaged_documents(tmp_path: Path, whole: dict[str, Any]) -> None:
    path = tmp_path / "document.json"
    path.write_text(json.dumps(whole))
    show(path)
    damage = chain(damaged_json(whole, sampled=True), damaged_bytes(json.dumps(whole).encode()))
    found = outcome_of_files(path, damage, lambda: show(path))
    assert not found.broken, found.broken
    assert found.refused and found.taken


def test_damaged_lists(tmp_path: Path) -> None:
    whole = [{**entry, "runs": 100} for entry in json.loads(TARGETS.read_text())[:2]]
    path = tmp_path / "targets.json"
    damage = chain(damaged_json(whole, sampled=True), damaged_bytes(json.dumps(whole).encode()))
    found = outcome_of_files(path, damage, lambda: read_backtest_targets(path))
    assert not found.broken, found.broken
    assert found.refused and found.taken
