"""The loss compared with hand-worked numbers, and under price shocks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from rlx.data.market import Market
from rlx.errors import ConfigError
from rlx.learners.hftraining.config import HftrainingConfig
from rlx.learners.hftraining.learner import HftrainingLearner
from rlx.learners.hftraining.loss import cvar, path_loss, sharpe, weight_entropy
from rlx.sim import simulate
from rlx.sim.rules import Costs, Guard, Limits, Rules
from tests.envs.tasks import ALL_RULES, FEATURES, LONG_ONLY, make_market, splits_of
from tests.learners.fitting import Recorder, fit, played

TINY: dict[str, Any] = {"updates": 8, "n_windows": 8, "rollout_steps": 12, "window_steps": 4, "d_model": 8}


def make(market: Market, rules: Rules = LONG_ONLY, **options: Any) -> HftrainingLearner:
    options = {**TINY, **options}
    splits = splits_of(market, options["window_steps"])
    return HftrainingLearner(market=market, rules=rules, splits=splits, feature_names=FEATURES, seed=0, **options)


def test_sharpe_and_cvar_of_known_returns() -> None:
    returns = torch.tensor([[0.02, -0.01], [0.03, -0.04]], dtype=torch.float64)
    assert float(sharpe(returns)) == pytest.approx(0.0, abs=1e-12)
    assert float(sharpe(returns + 0.01)) == pytest.approx(0.01 / math.sqrt(0.003 / 4))
    assert float(cvar(returns, 0.25)) == pytest.approx(0.04)
    assert float(cvar(returns, 0.5)) == pytest.approx(0.025)
    assert float(cvar(returns, 0.01)) == pytest.approx(0.04)  # one step at least
    assert torch.isfinite(sharpe(torch.zeros(3, 3)))


def test_entropy_is_one_for_equal_shares_and_zero_for_one() -> None:
    equal = torch.full((5, 3), 0.25)  # and as much in cash
    assert float(weight_entropy(equal)) == pytest.approx(1.0)
    assert float(weight_entropy(-equal)) == pytest.approx(1.0)
    single = torch.tensor([[1.0, 0.0, 0.0]], requires_grad=True)
    entropy = weight_entropy(single)
    assert float(entropy.detach()) == pytest.approx(0.0, abs=1e-6)
    entropy.backward()
    assert single.grad is not None and torch.all(torch.isfinite(single.grad))


def test_the_loss_is_the_sum_of_its_parts() -> None:
    config = HftrainingConfig(risk_penalty=0.5, entropy_coefficient=0.1, cvar_weight=2.0, cvar_alpha=0.5)
    net = torch.tensor([[0.01, -0.02]], dtype=torch.float64)
    outcome = {"net_return": net, "reward": torch.log1p(net) - 0.001}
    targets = torch.tensor([[[0.5, 0.25], [0.25, 0.5]]], dtype=torch.float64)
    logs = np.log1p([0.01, -0.02])
    growth = 252 * (logs.mean() - 0.001)
    ratio = math.sqrt(252) * logs.mean() / logs.std()
    entropy = (0.5 * math.log(2) + 0.5 * math.log(4)) / math.log(3)
    expected = -(growth + 0.5 * ratio) - 0.1 * entropy + 2.0 * math.sqrt(252) * -logs[1]
    loss, parts = path_loss(outcome, targets, config, 252)
    assert float(loss) == pytest.approx(expected)
    assert {name: float(part) for name, part in parts.items()} == pytest.approx(
        {"growth": growth, "path_sharpe": ratio, "weight_entropy": entropy, "path_cvar": -math.sqrt(252) * logs[1]}
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"d_model": 30, "n_heads": 4}, r"module\.d_model=30: must be a multiple of module\.n_heads=4"),
        ({"optimizer": "adam"}, r"module\.optimizer=adam: must be one of adamw, muon\. Did you mean 'adamw'"),
        ({"min_learning_rate": 0.1}, r"module\.min_learning_rate=0\.1"),
        ({"cvar_alpha": 0.0}, r"module\.cvar_alpha=0\.0"),
        ({"updates": 0}, r"module\.updates=0"),
        ({"dropout": 1.0}, r"module\.dropout=1\.0"),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        HftrainingConfig(**options)


def test_risk_terms_lower_risk() -> None:
    market = make_market("random_walk", n_assets=3, n_bars=300)
    exposures = {}
    for name, options in {"growth": {}, "cvar": {"cvar_weight": 20.0}}.items():
        recorder = Recorder()
        fit(make(market, updates=60, learning_rate=0.01, entropy_coefficient=0.0, **options), recorder)
        exposures[name] = recorder.history[-1]["train/path_gross_exposure"]
    assert exposures["cvar"] < 0.5 * exposures["growth"]


SHOCKS = ("crash", "gap", "flat_line")
SHOCK_BAR = 60


def shocked(kind: str) -> Market:
    """Return a market whose first asset falls by 90%, opens 40% higher, or stops trading, within the training span."""
    panel = make_market(n_bars=160).panel
    fields = {name: getattr(panel, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for name in ("open", "high", "low", "close"):
        if kind == "crash":
            fields[name][SHOCK_BAR:, 0] *= 0.1
        elif kind == "gap":
            fields[name][SHOCK_BAR:, 0] *= 1.4
        else:
            fields[name][SHOCK_BAR : SHOCK_BAR + 30, 0] = panel.close[SHOCK_BAR, 0]
    if kind == "flat_line":
        fields["volume"][SHOCK_BAR : SHOCK_BAR + 30, 0] = 0.0
    return Market(replace(panel, **fields))


LEVERED = Rules(
    costs=Costs(slippage_bps=10.0, margin_annual=0.06, short_borrow_annual=0.02),
    limits=Limits(intraday_gross=1.5, closing_gross=1.2),
    guard=Guard(0.05, 0.5, 10, -0.03, 0.0075, None),
)


@pytest.mark.parametrize("kind", SHOCKS)
@pytest.mark.parametrize("rules", [LONG_ONLY, LEVERED, ALL_RULES])
def test_a_price_shock_leaves_loss_exposure_and_costs_finite(kind: str, rules: Rules) -> None:
    market = shocked(kind)
    assert splits_of(market, 4).train.start < SHOCK_BAR < splits_of(market, 4).train.stop
    recorder, learner = Recorder(), make(market, rules)
    fit(learner, recorder)
    assert all(np.isfinite(list(metrics.values())).all() for metrics in recorder.history)
    ledger = played(learner.policy(), market, rules, learner.splits.train)
    cap = rules.limits.intraday_gross
    assert cap is not None
    assert np.all(ledger.gross_exposure <= cap + 1e-6) and np.all(np.isfinite(ledger.trading_cost))
    assert np.all(ledger.trading_cost <= ledger.turnover * rules.costs.total_bps * 1e-4 + 1e-12)
    assert np.all(ledger.value > 0)


@pytest.mark.parametrize("kind", SHOCKS)
def test_the_ledger_through_a_shock_is_exact_to_the_last_step(kind: str) -> None:
    market, rules = shocked(kind), LEVERED
    learner = make(market, rules)
    fit(learner)
    span = learner.splits.train
    ledger = played(learner.policy(), market, rules, span)
    product = (1 + ledger.gross_return) * (1 - ledger.trading_cost) * (1 - ledger.financing_cost)
    np.testing.assert_allclose(1 + ledger.net_return, product, rtol=1e-12)
    np.testing.assert_allclose(ledger.value, np.cumprod(1 + ledger.net_return), rtol=1e-12)
    returns = market.returns[span.start : span.stop]
    np.testing.assert_allclose(ledger.gross_return, (ledger.executed_weights * returns).sum(-1), atol=1e-12)
    if kind == "crash":
        step = SHOCK_BAR - 1 - span.start
        assert returns[step, 0] < -0.85
        held = ledger.executed_weights[step, 0]
        assert abs(ledger.gross_return[step]) >= 0.8 * abs(held) - 0.1


@pytest.mark.parametrize("kind", SHOCKS)
def test_training_and_judging_charge_the_same_through_a_shock(kind: str) -> None:
    market = shocked(kind)
    learner = make(market, LEVERED)
    start = SHOCK_BAR - 6 - learner.splits.train.start
    segment = learner.segments.at(torch.tensor([start]))
    targets = torch.rand(1, 12, 3, generator=torch.Generator().manual_seed(0)) - 0.3
    outcome = learner.simulate(targets, segment)
    bars = slice(SHOCK_BAR - 6, SHOCK_BAR + 6)
    options = {"costs": LEVERED.costs, "limits": LEVERED.limits, "guard": LEVERED.guard}
    ledger = simulate(
        market.returns[bars], targets[0].double().numpy(), **options, periods_per_year=market.periods_per_year
    )
    for name in ("net_return", "trading_cost", "financing_cost", "value", "leverage_scale"):
        np.testing.assert_allclose(outcome[name][0].numpy(), getattr(ledger, name), atol=2e-6, err_msg=name)
