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
from rlx.learners.hftraining.loss import cvar, path_loss
from rlx.sim import simulate
from rlx.sim.rules import Costs, Guard, Limits, Rules
from tests.envs.tasks import ALL_RULES, FEATURES, LONG_ONLY, make_market, splits_of
from tests.learners.fitting import Recorder, fit, played

TINY: dict[str, Any] = {
    "updates": 8,
    "n_folds": 2,
    "purge_steps": 3,
    "n_windows": 4,
    "rollout_steps": 12,
    "window_steps": 4,
    "smooth_steps": 2,
    "d_model": 8,
}


def make(market: Market, rules: Rules = LONG_ONLY, **options: Any) -> HftrainingLearner:
    options = {**TINY, **options}
    splits = splits_of(market, options["window_steps"])
    return HftrainingLearner(market=market, rules=rules, splits=splits, feature_names=FEATURES, seed=0, **options)


def test_cvar_of_known_returns() -> None:
    returns = torch.tensor([[0.02, -0.01, 0.03, -0.04], [0.05, 0.06, 0.07, -0.08]], dtype=torch.float64)
    assert cvar(returns, 0.25).tolist() == pytest.approx([0.04, 0.08])
    assert cvar(returns, 0.5).tolist() == pytest.approx([0.025, 0.015])
    assert cvar(returns, 0.01).tolist() == pytest.approx([0.04, 0.08])  # one step at least


NET = torch.tensor([[0.01, -0.02], [0.03, 0.01]], dtype=torch.float64)
EXCESS = torch.tensor([[0.004, -0.002], [0.001, 0.009]], dtype=torch.float64)
OUTCOME = {"net_return": NET, "reward": torch.log1p(NET) - 0.001}


def test_the_loss_is_the_sum_of_its_parts() -> None:
    config = HftrainingConfig(objective="utility", risk_aversion=3.0, cvar_weight=2.0, cvar_alpha=0.5)
    logs = np.log1p([0.01, -0.02, 0.03, 0.01])
    expected = {
        "excess_growth": 252 * 0.003,  # the mean of 4, -2, 1 and 9 thousandths
        "growth": 252 * (logs.mean() - 0.001),
        "path_cvar": -math.sqrt(252) * (logs[1] + logs[0]) / 2,
    }
    loss, parts = path_loss(OUTCOME, EXCESS, config, 252)
    assert {name: float(part) for name, part in parts.items()} == pytest.approx(expected)
    variance = 252 * 1e-6 * (1 + 25 + 4 + 36) / 4
    assert float(loss) == pytest.approx(-252 * 0.003 + 2.0 * expected["path_cvar"] + 1.5 * variance)
    config.objective = "growth"
    assert float(path_loss(OUTCOME, EXCESS, config, 252)[0]) == pytest.approx(float(loss) - 1.5 * variance)


def test_the_loss_of_members_is_the_mean_of_their_own() -> None:
    config = HftrainingConfig(objective="utility", risk_aversion=3.0, cvar_weight=2.0, cvar_alpha=0.5)
    together, parts = path_loss(OUTCOME, EXCESS, config, 252, n_members=2)
    alone = [
        path_loss({name: x[i : i + 1] for name, x in OUTCOME.items()}, EXCESS[i : i + 1], config, 252) for i in (0, 1)
    ]
    assert float(together) == pytest.approx(float(alone[0][0] + alone[1][0]) / 2)
    for name, part in parts.items():
        assert float(part) == pytest.approx(float(alone[0][1][name] + alone[1][1][name]) / 2), name


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"d_model": 30, "n_heads": 4}, r"module\.d_model=30: must be a multiple of module\.n_heads=4"),
        ({"objective": "sharpe"}, r"module\.objective=sharpe: must be one of growth, utility"),
        ({"optimizer": "adam"}, r"module\.optimizer=adam: must be one of adamw, muon\. Did you mean 'adamw'"),
        ({"min_learning_rate": 0.1}, r"module\.min_learning_rate=0\.1"),
        ({"cvar_alpha": 0.0}, r"module\.cvar_alpha=0\.0"),
        ({"updates": 0}, r"module\.updates=0"),
        ({"n_folds": 0}, r"module\.n_folds=0"),
        ({"smooth_steps": 33}, r"module\.smooth_steps=33: must be at most module\.window_steps=32"),
        ({"sharpness": 0.0}, r"module\.sharpness=0\.0"),
        ({"dropout": 1.0}, r"module\.dropout=1\.0"),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        HftrainingConfig(**options)


def with_a_wild_asset() -> Market:
    """Return random walks, the first with eight times the moves of the others."""
    panel = make_market(n_assets=3, n_bars=300).panel
    moves = panel.close[1:, 0] / panel.close[:-1, 0] - 1.0
    wild = np.cumprod(np.concatenate(([100.0], 1.0 + 8.0 * (moves - moves.mean()))))
    fields = {name: getattr(panel, name).copy() for name in ("open", "high", "low", "close")}
    for values in fields.values():
        values[:, 0] *= wild / panel.close[:, 0]
    return Market(replace(panel, **fields))


def test_risk_terms_lower_risk() -> None:
    market, risks, held = with_a_wild_asset(), {}, {}
    for name, options in {"growth": {}, "cvar": {"cvar_weight": 20.0}}.items():
        learner = make(market, updates=60, learning_rate=0.03, ema_decay=0.9, **options)
        fit(learner)
        ledger = played(learner.policy(), market, LONG_ONLY, learner.splits.train)
        risks[name], held[name] = ledger.net_return.std(), ledger.executed_weights[:, 0].mean()
    assert risks["cvar"] < 0.5 * risks["growth"]
    assert held["cvar"] < 0.5 * held["growth"]


def test_aversion_to_the_variance_of_the_excess_keeps_it_near_equal_weights() -> None:
    market, tilts = make_market(n_bars=300), {}
    for aversion in (0.0, 1000.0):
        learner = make(market, updates=40, learning_rate=0.03, objective="utility", risk_aversion=aversion)
        fit(learner)
        weights = played(learner.policy(), market, LONG_ONLY, learner.splits.train).executed_weights
        tilts[aversion] = np.abs(weights - 1 / 3).sum(-1).mean()
    assert tilts[1000.0] < 0.3 * tilts[0.0]


def test_before_training_it_earns_what_equal_weights_do() -> None:
    recorder = Recorder()
    fit(make(make_market(), ALL_RULES), recorder)
    growth = [metrics["train/excess_growth"] for metrics in recorder.history]
    assert growth[0] == 0.0 and all(growth[1:])


def test_a_member_learns_only_from_its_own_paths() -> None:
    learner = make(make_market(), ALL_RULES, n_folds=3, objective="utility", risk_aversion=2.0, cvar_weight=1.0)
    learner.manual_backward = lambda loss: loss.backward()  # type: ignore[method-assign, misc, assignment]
    torch.manual_seed(0)
    for parameter in learner.net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    mine, others = learner.segments.draw(4), learner.segments.draw(4)
    own = torch.tensor([False, True, False]).repeat_interleave(4)[:, None, None]
    features = torch.where(own[..., None], mine.features, others.features)
    tape = mine.tape._replace(returns=torch.where(own, mine.tape.returns, others.tape.returns))
    gradients = []
    for segment in (mine, mine._replace(features=features, tape=tape)):
        learner.net.zero_grad()
        learner.learn(segment)
        gradients.append([[p.grad.clone() for p in member.parameters()] for member in learner.net.members])
    for number, (one, other) in enumerate(zip(*gradients, strict=True)):
        same = all(torch.allclose(x, y, rtol=1e-4, atol=1e-6) for x, y in zip(one, other, strict=True))
        assert same is (number == 1)


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
