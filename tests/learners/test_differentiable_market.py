"""GRPO and its memory savers against hand-worked numbers and against each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from scipy.special import digamma, gammaln
from torch import Tensor

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.decisions.segments import Segment
from rlx.errors import ConfigError
from rlx.learners.differentiable_market.config import DifferentiableMarketConfig
from rlx.learners.differentiable_market.grpo import (
    Group,
    centred,
    group_losses,
    mean_entropy,
    mean_kl,
    path_log_probability,
    spread,
)
from rlx.learners.differentiable_market.learner import DifferentiableMarketLearner
from rlx.sim.rules import Costs, Guard, Limits, Reward, Rules
from tests.envs.tasks import ALL_RULES, FEATURES, LONG_ONLY, make_market, splits_of
from tests.learners.fitting import FirstGradient, Recorder, assert_same_gradient, fit, played, weights_of
from tests.learners.test_path_rewards import EVERY_TERM, TERMS

TINY: dict[str, Any] = {
    "updates": 4,
    "n_folds": 2,
    "purge_steps": 3,
    "n_windows": 3,
    "rollout_steps": 10,
    "window_steps": 4,
    "smooth_steps": 2,
    "hidden_size": 8,
    "n_paths": 4,
    "diagnose_every_updates": 2,
}
NO_BRAKES = {"entropy_coefficient": 0.0, "kl_weight": 0.0}


def make(market: Market, rules: Rules = LONG_ONLY, seed: int = 0, **options: Any) -> DifferentiableMarketLearner:
    options = {**TINY, **options}
    splits = splits_of(market, options["window_steps"])
    return DifferentiableMarketLearner(
        market=market, rules=rules, splits=splits, feature_names=FEATURES, seed=seed, **options
    )


def dirichlet_kl(p: np.ndarray, q: np.ndarray) -> float:
    """Return KL(Dir(p) || Dir(q)) from the formula of Penny (2001)."""
    first = gammaln(p.sum()) - gammaln(p).sum() - gammaln(q.sum()) + gammaln(q).sum()
    return float(first + ((p - q) * (digamma(p) - digamma(p.sum()))).sum())


class TestDirichlet:
    """The properties of the distribution that GRPO uses."""

    def test_kl_is_the_formula_of_the_literature_and_of_samples(self) -> None:
        torch.manual_seed(0)
        p, q = np.array([2.0, 0.7, 5.0]), np.array([1.0, 3.0, 2.0])
        policy, other = torch.tensor(p)[None, None], torch.tensor(q)[None, None]
        assert float(mean_kl(policy, other)) == pytest.approx(dirichlet_kl(p, q), rel=1e-9)
        assert float(mean_kl(policy, policy)) == pytest.approx(0.0, abs=1e-12)
        draws = torch.distributions.Dirichlet(policy[0, 0]).sample((200_000,))[None, :, None]
        sampled = path_log_probability(policy, draws) - path_log_probability(other, draws)
        assert float(sampled.mean()) == pytest.approx(dirichlet_kl(p, q), rel=0.02)

    def test_entropy_and_density_of_the_uniform_triangle(self) -> None:
        flat = torch.ones(1, 1, 3, dtype=torch.float64)  # density 2 on the simplex
        assert float(mean_entropy(flat)) == pytest.approx(-math.log(2))
        parts = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64).view(1, 1, 1, 3)
        assert float(path_log_probability(flat, parts)) == pytest.approx(math.log(2))


class TestGroups:
    """Advantages and the parts of the loss."""

    rewards = torch.tensor([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]], dtype=torch.float64)

    def test_advantages_are_in_deviations_of_the_group(self) -> None:
        expected = np.array([[-1.0, 0.0, 1.0], [0, 0, 0]])
        np.testing.assert_allclose(centred(self.rewards).numpy(), expected)
        np.testing.assert_allclose(spread(self.rewards).numpy(), [[math.sqrt(2 / 3)], [0.0]], atol=1e-12)

    def group(self, *, with_reference: bool = False, **terms: Tensor) -> Group:
        torch.manual_seed(0)
        concentration = (torch.rand(2, 4, 3, dtype=torch.float64) + 1.0).requires_grad_()
        parts = torch.distributions.Dirichlet(concentration.detach()[:, None].expand(-1, 3, -1, -1)).sample()
        reference = concentration.detach() * 1.1 if with_reference else None
        return Group(concentration, reference, parts, terms, {})

    def test_the_score_loss_is_minus_advantage_times_log_probability(self) -> None:
        group = self.group(wealth=self.rewards)
        losses = group_losses(group, DifferentiableMarketConfig(**NO_BRAKES))
        advantage = np.array([[-1.0, 0.0, 1.0], [0, 0, 0]]) / math.sqrt(2 / 3)
        likely = path_log_probability(group.concentration, group.parts).detach().numpy()
        assert losses.keys() == {"wealth"}
        assert losses["wealth"].item() == pytest.approx(-(advantage * likely).mean())

    def test_a_better_path_becomes_more_likely(self) -> None:
        group = self.group(wealth=self.rewards)
        losses = group_losses(group, DifferentiableMarketConfig(**NO_BRAKES))
        (gradient,) = torch.autograd.grad(losses["wealth"], group.concentration)
        moved = group.concentration.detach() - 1e-4 * gradient
        change = path_log_probability(moved, group.parts) - path_log_probability(group.concentration, group.parts)
        assert change[0, 2] > change[0, 0]  # the best against the worst of the first group
        assert torch.all(gradient[1] == 0)  # equal paths have no gradient

    def test_parts_of_the_terms_add_up_to_the_loss_of_their_sum(self) -> None:
        torch.manual_seed(1)
        one, other = torch.rand(2, 3, dtype=torch.float64), torch.rand(2, 3, dtype=torch.float64)
        config = DifferentiableMarketConfig(entropy_coefficient=0.001, kl_weight=0.01)
        separate = group_losses(self.group(wealth=one, trade=other, with_reference=True), config)
        together = group_losses(self.group(wealth=one + other), config)
        assert (separate["wealth"] + separate["trade"]).item() == pytest.approx(together["wealth"].item())
        assert list(separate) == ["wealth", "trade", "entropy", "kl"]

    def test_the_bonus_favours_entropy_and_the_divergence_the_reference(self) -> None:
        group = self.group(wealth=torch.zeros(2, 3, dtype=torch.float64), with_reference=True)
        losses = group_losses(group, DifferentiableMarketConfig(entropy_coefficient=0.5, kl_weight=0.25))
        assert losses["entropy"].item() == pytest.approx(-0.5 * mean_entropy(group.concentration).item())
        assert losses["kl"].item() == pytest.approx(0.25 * mean_kl(group.concentration, group.reference).item())
        assert losses["kl"].item() > 0


def trained(*callbacks: Callback, **options: Any) -> tuple[dict[str, np.ndarray], list[dict[str, float]]]:
    recorder, learner = Recorder(), make(make_market(), ALL_RULES, **options)
    fit(learner, recorder, *callbacks)
    return weights_of(learner), recorder.history


gradients = pytest.mark.parametrize("gradient", ["score", "pathwise"])
small_batches = pytest.mark.parametrize(
    "saver", [{"microbatch_windows": 2}, {"microbatch_windows": 4}, {"gradient_checkpointing": True}]
)
SIX = {"n_windows": 6, "n_folds": 1, **EVERY_TERM}


def assert_alike(one: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    """Compare the weights and the logged numbers of two runs."""
    for name, tensor in one[0].items():
        np.testing.assert_allclose(other[0][name], tensor, atol=3e-6, err_msg=name)
    for mine, theirs in zip(one[1], other[1], strict=True):
        names = [name for name in mine if name.startswith("train/")]
        np.testing.assert_allclose([theirs[n] for n in names], [mine[n] for n in names], rtol=2e-3, atol=2e-5)


@gradients
@small_batches
def test_saving_memory_does_not_change_what_is_learnt(gradient: str, saver: dict[str, Any]) -> None:
    assert_alike(trained(gradient=gradient, **SIX), trained(gradient=gradient, **SIX, **saver))


@gradients
@small_batches
def test_saving_memory_keeps_members_separate(
    gradient: str, saver: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def known(self: torch.distributions.Dirichlet) -> Tensor:  # draws of parts of a batch come in another order
        paths = torch.linspace(0.5, 1.5, self.concentration.shape[1] * 3).view(1, -1, 1, 3)
        return torch.softmax(self.concentration.log() * paths, -1)

    monkeypatch.setattr(torch.distributions.Dirichlet, "rsample", known)
    options = {**SIX, "n_windows": 4, "n_folds": 2, "gradient": gradient, "updates": 1}
    first = [FirstGradient(), FirstGradient()]
    assert_alike(trained(first[0], **options), trained(first[1], **options, **saver))
    assert_same_gradient(*first)


@gradients
def test_a_member_learns_only_from_its_own_paths(gradient: str) -> None:
    learner = make(make_market(), ALL_RULES, gradient=gradient, n_folds=3, updates=1, **EVERY_TERM, penalty=0.0)
    learner.manual_backward = lambda loss: loss.backward()  # type: ignore[method-assign, misc, assignment]
    segment = learner.segments.draw(3)
    tape = segment.tape._replace(returns=segment.tape.returns.clone())
    tape.returns[:3] = 0.0  # nothing happens to the first member, and so there is nothing to learn from prices
    still = segment._replace(tape=tape)
    gained = []
    for one in (segment, still):
        torch.manual_seed(0)
        learner.net.zero_grad()
        learner.learn(one)
        gained.append(
            [[p.grad.clone() for p in member.parameters() if p.grad is not None] for member in learner.net.members]
        )
    for number, (mine, theirs) in enumerate(zip(*gained, strict=True)):
        assert all(torch.allclose(x, y, rtol=1e-4, atol=1e-6) for x, y in zip(mine, theirs, strict=True)) is (
            number > 0
        )


def test_every_term_its_gradient_and_its_spread_are_logged() -> None:
    _, history = trained(**EVERY_TERM, entropy_coefficient=0.001, kl_weight=0.01)
    assert history[0]["train/kl"] == pytest.approx(0.0, abs=1e-6)  # nothing has moved yet
    assert history[-1]["train/kl"] > 1e-5  # the average lags behind
    for update, metrics in enumerate(history):
        assert {f"train/reward_{name}" for name in TERMS} <= set(metrics)
        assert {f"train/spread_{name}" for name in TERMS} <= set(metrics)
        total = sum(metrics[f"train/reward_{name}"] for name in TERMS)
        assert metrics["train/reward"] == pytest.approx(total, abs=1e-5)
        norms = [metrics[f"train/grad_norm_{name}"] for name in (*TERMS, "entropy", "kl")]
        assert np.isfinite(norms).all() == (update % 2 == 0)
        assert metrics["train/equal_groups"] == 0.0


def test_logged_gradient_norms_are_those_of_the_gradients() -> None:
    learner = make(make_market(), n_windows=3, **NO_BRAKES, risk_aversion=0.0)
    learner.optimizers = lambda: []  # type: ignore[method-assign, assignment]
    learner.manual_backward = lambda loss: loss.backward()  # type: ignore[method-assign, misc, assignment]
    logged = learner.learn(learner.segments.draw(3))
    whole = math.sqrt(sum(float(p.grad.square().sum()) for p in learner.net.parameters() if p.grad is not None))
    assert logged["grad_norm_wealth"] == pytest.approx(whole, rel=1e-4)
    assert logged["grad_norm_shaping"] == pytest.approx(0.0, abs=1e-6)  # no penalty is on


def flat_gradient(learner: DifferentiableMarketLearner, segment: Segment) -> Tensor:
    learner.manual_backward = lambda loss: loss.backward()  # type: ignore[method-assign, misc, assignment]
    torch.manual_seed(0)
    learner.learn(segment)
    return torch.cat([p.grad.flatten() for p in learner.net.parameters() if p.grad is not None])


def test_score_and_pathwise_are_two_estimates_of_one_gradient() -> None:
    options = {"n_folds": 1, "n_paths": 16_384, "rollout_steps": 4, "penalty": 0.0, **NO_BRAKES}
    learners = [make(make_market(), gradient=name, **options) for name in ("score", "pathwise")]
    segment = learners[0].segments.draw(1)
    score, pathwise = (flat_gradient(learner, segment) for learner in learners)
    assert float(torch.cosine_similarity(score, pathwise, dim=0)) > 0.98
    unit = float(spread(learners[0].sample(segment).rewards))  # advantages are in units of it
    assert float(score.norm() / pathwise.norm()) * unit == pytest.approx(1 / 4, rel=0.1)  # log-densities are means


def test_the_pathwise_gradient_finds_the_winner_too() -> None:
    market = make_market("one_winner", n_assets=4, n_bars=400)
    learner = make(market, gradient="pathwise", updates=60, learning_rate=0.03, **NO_BRAKES, ema_decay=0.9)
    fit(learner)
    ledger = played(learner.policy(), market, LONG_ONLY, learner.splits.test)
    assert ledger.executed_weights[:, 0].mean() > 0.85


def test_shorts_are_found_where_they_pay() -> None:
    winner = make_market("one_winner", n_assets=3, n_bars=400).panel
    falling = 1e4 / winner.close  # S0 falls by 1% a bar, the others rise by 0.4%
    market = Market(MarketPanel(winner.symbols, winner.timestamps, falling, source="one loser"))
    rules = Rules(costs=Costs(slippage_bps=5.0), limits=Limits(intraday_gross=1.5, closing_gross=1.2))
    learner = make(
        market, rules, gradient="pathwise", updates=80, learning_rate=0.03, risk_aversion=30.0, ema_decay=0.9
    )
    fit(learner)
    ledger = played(learner.policy(), market, rules, learner.splits.test)
    mean = ledger.executed_weights.mean(0)
    assert mean[0] < -0.5
    assert ledger.gross_exposure.max() <= 1.5 + 1e-6 and ledger.closing_gross_exposure.max() <= 1.2 + 1e-6


def test_guard_and_reward_penalties_reach_the_shaping_term() -> None:
    rules = Rules(
        costs=LONG_ONLY.costs,
        limits=LONG_ONLY.limits,
        guard=Guard(negative_return_threshold=1.0, negative_return_turnover_penalty=0.01),
        reward=Reward(turnover_penalty=0.001),
    )
    recorder = Recorder()
    fit(make(make_market(), rules), recorder)
    metrics = recorder.history[0]
    per_turnover = -metrics["train/reward_shaping"] / (metrics["train/path_turnover"] * 252)
    assert 0.005 < per_turnover < 0.01  # 0.001 at a path's first step, which has no past, 0.01 at all others


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"gradient": "scores"}, r"module\.gradient=scores: must be one of score, pathwise\. Did you mean 'score'"),
        ({"variance_penalty": "risk"}, r"module\.variance_penalty=risk"),
        ({"wealth_objective": "sharp"}, r"Did you mean 'sharpe'"),
        ({"n_paths": 1}, r"module\.n_paths=1"),
        ({"concentration": 0.0}, r"module\.concentration=0\.0"),
        ({"n_windows": 0}, r"module\.n_windows=0"),
        ({"trade_penalty": -1.0}, r"module\.trade_penalty=-1\.0"),
        ({"microbatch_windows": 0}, r"module\.microbatch_windows=0"),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        DifferentiableMarketConfig(**options)
