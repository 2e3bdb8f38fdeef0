"""Both engines reproduce ledgers recorded from an independent environment (no drift, additive costs, float32)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from rlx.sim import Cooldown, Costs, Guard, Ledger, Limits, Reward, simulate

GOLDEN = Path(__file__).parents[1] / "golden"
RECORDED_AS = {
    "net_return": "net_return",
    "turnover": "turnover",
    "trading_cost": "trading_cost",
    "interest_cost": "financing_cost",
    "drawdown": "drawdown",
    "gross_exposure_intraday": "gross_exposure",
    "gross_exposure_close": "closing_gross_exposure",
    "regime_leverage_scale": "leverage_scale",
    "turnover_penalty_applied": "turnover_penalty",
    "loss_shutdown_probe_applied": "probe_weight",
    "loss_shutdown_active_long": "cooldown_long",
    "loss_shutdown_active_short": "cooldown_short",
    "loss_shutdown_clipped": "cooldown_clipped",
    "loss_shutdown_penalty": "cooldown_penalty",
    "regime_trailing_cumulative_return": "trailing_return",
    "reward": "reward",
}
FLAG_RECORDED_AS = {
    "regime_drawdown_guard": "drawdown_guard",
    "regime_negative_return_guard": "negative_return_guard",
    "regime_turnover_guard": "turnover_guard",
}


def replay(name: str, engine: str) -> Ledger:
    """Replay a recorded run with its own settings."""
    folder = GOLDEN / name
    recorded = json.loads((folder / "config.json").read_text())
    settings = recorded["config"]
    guard = cooldown = None
    if settings.get("regime_filters_enabled"):
        guard = Guard(
            drawdown_threshold=settings["regime_drawdown_threshold"],
            leverage_scale=settings["regime_leverage_scale"],
            window=settings["regime_negative_return_window"],
            negative_return_threshold=settings["regime_negative_return_threshold"],
            negative_return_turnover_penalty=settings["regime_negative_return_turnover_penalty"],
            turnover_threshold=settings["regime_turnover_threshold"],
            turnover_probe_weight=settings["regime_turnover_probe_weight"],
        )
    if settings.get("loss_shutdown_enabled"):
        cooldown = Cooldown(
            steps=settings["loss_shutdown_cooldown"],
            probe_weight=settings["loss_shutdown_probe_weight"],
            penalty=settings["loss_shutdown_penalty"],
        )
    returns, targets = (
        np.loadtxt(folder / f"{n}.csv", delimiter=",", dtype=np.float32) for n in ("returns", "targets")
    )
    return simulate(
        returns,
        targets,
        costs=Costs(per_asset_bps=recorded["cost_bps"], margin_annual=settings["leverage_interest_rate"]),
        limits=Limits(
            intraday_gross=settings["intraday_leverage_cap"],
            closing_gross=settings["closing_leverage_cap"],
            base_gross=settings["base_gross_exposure"],
        ),
        guard=guard,
        cooldown=cooldown,
        reward=Reward(turnover_penalty=settings["turnover_penalty"]),
        accounting="additive",
        drift=False,
        engine=engine,
    )


@pytest.mark.parametrize("engine", ["torch", "numba"])
@pytest.mark.parametrize("name", ["plain", "guard_calibrated"])
def test_engine_reproduces_recorded_ledger(name: str, engine: str) -> None:
    torch.set_num_threads(1)
    ledger = replay(name, engine)
    expected = pd.read_csv(GOLDEN / name / "expected.csv")
    for recorded, ours in RECORDED_AS.items():
        got = np.asarray(getattr(ledger, ours), dtype=np.float64)
        np.testing.assert_allclose(got, expected[recorded].to_numpy(), atol=2e-5, rtol=0, err_msg=recorded)
    for recorded, ours in FLAG_RECORDED_AS.items():
        np.testing.assert_array_equal(getattr(ledger, ours), expected[recorded].to_numpy() == 1, err_msg=recorded)
    np.testing.assert_allclose(ledger.value, expected["portfolio_value"].to_numpy(), rtol=2e-4)
    closing = np.loadtxt(GOLDEN / name / "closing_weights.csv", delimiter=",")
    np.testing.assert_allclose(ledger.closing_weights, closing, atol=2e-5)


def test_the_recorded_guard_run_exercises_every_guard() -> None:
    expected = pd.read_csv(GOLDEN / "guard_calibrated" / "expected.csv")
    for recorded in FLAG_RECORDED_AS:
        assert 0 < expected[recorded].sum() < len(expected), recorded
