"""Validation on held-out folds: who decides where, what is recorded, and what the gate is computed from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import pytest
import torch

from rlx.data.market import Market
from rlx.learners.hftraining.learner import HftrainingLearner
from rlx.learners.path_learner import PathLearner
from rlx.measures.evidence import effective_number, mean_t
from rlx.policies.baselines import EqualWeight
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.policies.consecutive import Consecutive
from rlx.policies.gate import GateConfig
from rlx.training.validation import ValidatePolicy
from tests.envs.tasks import make_market
from tests.learners.fitting import Recorder, SaveAfter, fit, played
from tests.learners.test_path_learners import make

GATE = GateConfig(lags=3)


def learner_of(market: Market, n_folds: int = 3, **options: Any) -> PathLearner:
    return make(HftrainingLearner, market, n_folds=n_folds, **{"n_layers": 0, "learning_rate": 0.05, **options})


def validator(learner: PathLearner, monitor: str = "val/excess_growth", gate: GateConfig = GATE) -> ValidatePolicy:
    return ValidatePolicy(learner.market, learner.cross_fit, learner.rules, monitor, gate)


def excess(policy: Any, learner: PathLearner) -> np.ndarray:
    """Return the log growth of each held-out step over that of equal weights, played bar by bar."""
    span = learner.cross_fit.validation
    mine, equal = (played(one, learner.market, learner.rules, span) for one in (policy, EqualWeight()))
    return np.log1p(mine.net_return) - np.log1p(equal.net_return)


class Logged(Recorder):
    """Keeps the metrics of every validation."""

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Leave the updates out."""

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.history.append({name: float(value) for name, value in trainer.callback_metrics.items()})


def test_an_untrained_policy_earns_exactly_what_equal_weights_do() -> None:
    learner = learner_of(make_market())
    validate = validator(learner)
    metrics = validate.validate(learner)
    assert metrics["excess_growth"] == pytest.approx(0.0, abs=1e-6) and len(validate.records[0]) == 127
    assert not validate.evidence(0).open


@pytest.mark.parametrize("n_folds", [1, 3])
def test_each_held_out_bar_is_decided_by_the_member_that_has_not_seen_it(n_folds: int) -> None:
    learner = learner_of(make_market(), n_folds)
    fit(learner)
    validate = validator(learner)
    metrics = validate.validate(learner)
    facts, network, members = learner.facts(), learner.network(), learner.cross_fit.members
    alone = [CheckpointPolicy(facts, network.among(slice(i, i + 1))) for i in range(n_folds)]
    expected = excess(Consecutive(alone, [member.held_out.start for member in members]), learner)
    np.testing.assert_allclose(validate.records[6], expected, atol=1e-8)
    assert len(expected) == len(learner.cross_fit.validation) == (127 if n_folds == 3 else 24)
    assert metrics["excess_growth"] == pytest.approx(252 * expected.mean(), abs=1e-6)
    assert metrics["excess_t"] == pytest.approx(mean_t(validate.records[6], 3))
    assert n_folds == 1 or not np.allclose(expected, excess(learner.policy(), learner), atol=1e-5)


def drawing(held_out: Callable[[], Any]) -> Any:
    """Return ``held_out()`` after drawing random numbers, as a policy may."""
    torch.rand(3), np.random.rand(3)
    return held_out()


def test_it_logs_what_it_measures_and_leaves_the_random_numbers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    market, logged, runs = make_market(), Logged(), []
    for interval in (2, 6):
        learner = learner_of(market, feature_noise=0.1)
        held_out = learner.held_out
        monkeypatch.setattr(learner, "held_out", lambda held_out=held_out: drawing(held_out))
        validate = validator(learner)
        fit(learner, validate, logged, val_check_interval=interval)
        runs.append((learner, validate))
    (learner, often), (_, once) = runs
    assert list(often.records) == [2, 4, 6] and list(once.records) == [6]
    np.testing.assert_array_equal(often.records[6], once.records[6])
    for metrics, record in zip(logged.history, (*often.records.values(), once.records[6]), strict=True):
        assert metrics["val/excess_growth"] == pytest.approx(252 * record.mean(), rel=1e-5)
        assert metrics["val/excess_t"] == pytest.approx(mean_t(record, 3), rel=1e-5)
    assert {"val/sharpe", "val/turnover", "val/cumulative_return"} <= logged.history[0].keys()
    assert often.seconds > 0.0 and learner.totals.updates == 6


def test_the_gate_is_computed_from_the_record_and_all_validations() -> None:
    learner = learner_of(make_market())
    validate, recorder = validator(learner), Recorder()
    fit(learner, validate, recorder, val_check_interval=2)
    gate, records = validate.evidence(4), np.stack(list(validate.records.values()))
    assert gate.t == pytest.approx(mean_t(records[1], 3)) and gate.steps == 127 and gate.level == 0.05
    assert gate.excess == pytest.approx(252 * records[1].mean())
    assert 1.0 < gate.attempts < 3.0 and gate.attempts == effective_number(records)
    growth = [metrics["train/excess_growth"] for metrics in recorder.history]
    assert gate.fitted == pytest.approx(np.mean(growth[2:4]), rel=1e-4)  # of the updates since the last validation
    assert validator(learner, gate=GateConfig(None)).gate.level is None


def test_a_learner_that_measures_no_excess_has_nothing_fitted() -> None:
    learner = learner_of(make_market())
    validate = validator(learner)
    validate.validate(learner)
    assert validate.evidence(0).fitted is None


def test_records_survive_a_resume(tmp_path: Path) -> None:
    market, path = make_market(), tmp_path / "half.ckpt"
    whole, resumed = learner_of(market), learner_of(market, seed=5)
    complete, rest = validator(whole), validator(resumed)
    fit(whole, complete, SaveAfter(4, path, validated=True), val_check_interval=2)
    fit(resumed, rest, ckpt_path=path, val_check_interval=2)
    assert list(rest.records) == list(complete.records) == [2, 4, 6]
    for updates, record in complete.records.items():
        np.testing.assert_array_equal(rest.records[updates], record)
        assert rest.evidence(updates) == complete.evidence(updates)
    assert rest.seconds > 0.0


def test_a_run_of_an_older_version_still_logs_what_it_monitors() -> None:
    learner, logged = learner_of(make_market()), Logged()
    fit(learner, validator(learner, monitor="val/pnl"), logged)
    assert logged.history[0]["val/pnl"] == logged.history[0]["val/cumulative_return"]
