"""The objective of a trained policy under other weights: terms by hand, and no trade that changes."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.app.objective import Objective, objective_of
from rlx.config import ObjectiveConfig
from rlx.data.splits import Span
from rlx.errors import ConfigError, FileError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import holdout_windows, start_index_windows
from rlx.learners.differentiable_market.config import DifferentiableMarketConfig
from rlx.learners.differentiable_market.learner import DifferentiableMarketLearner
from rlx.learners.hftraining.config import HftrainingConfig
from rlx.measures.evaluation import Evaluation
from rlx.policies.baselines import BuyAndHold, EqualWeight
from rlx.policies.checkpoint import CheckpointPolicy, load_checkpoint
from rlx.report.objective import NO_TRADE_CHANGES, objective_text
from tests.app.commands import Shell
from tests.envs.tasks import FEATURES, LONG_ONLY, make_market, splits_of

YEAR = 252.0
GIVEN = ObjectiveConfig(risk_aversion=4.0, drawdown_lambda=0.5, trade_penalty=0.25)


@pytest.fixture(scope="module")
def played() -> Evaluation:
    """Return buy and hold over a hold-out and over windows, whose terms follow from its books."""
    market, span = make_market(), Span(20, 120)
    return evaluate(BuyAndHold(), market, (holdout_windows(span), start_index_windows(span, 30)), LONG_ONLY)


def policy_of(folder: Path, config: Any) -> CheckpointPolicy:
    """Return a policy from its files, made by a learner that records ``config`` as its module's."""
    market = make_market()
    small = {"n_folds": 1, "hidden_size": 4, "window_steps": 4, "smooth_steps": 2, "rollout_steps": 8}
    learner = DifferentiableMarketLearner(
        market=market, rules=LONG_ONLY, splits=splits_of(market, 4), feature_names=FEATURES, seed=0, **small
    )
    learner.resolved_config = {"module": asdict(config)}
    learner.export(folder)
    return load_checkpoint(folder)


@pytest.mark.parametrize(("name", "place"), [("holdout", 0), ("windows", 7)])
def test_the_terms_are_those_of_the_book(played: Evaluation, name: str, place: int) -> None:
    report = Objective(DifferentiableMarketConfig(risk_aversion=1.0), GIVEN.given()).report(played)
    book = played.sets[name].ledger
    net, logs = book.net_return[place], np.log1p(book.net_return[place])
    expected = {
        "wealth": YEAR * logs.mean(),
        "trade": -0.25 * YEAR * book.turnover[place].mean(),
        "variance": -4.0 * 0.5 * YEAR * net.var(),
        "drawdown": -0.5 * book.drawdown[place].max(),
    }
    given, trained = (report["sets"][name][side] for side in ("given", "trained"))
    for term, value in expected.items():
        assert given[term][place] == pytest.approx(value, rel=1e-12), term
    assert given["reward"][place] == pytest.approx(sum(expected.values()), rel=1e-9)
    assert trained["variance"][place] == pytest.approx(expected["variance"] / 4.0)
    assert (trained["drawdown"][place], trained["trade"][place]) == (0.0, 0.0)
    assert played.periods_per_year == YEAR


def test_every_window_is_there_with_its_first_decision(played: Evaluation) -> None:
    report = json.loads(json.dumps(Objective(DifferentiableMarketConfig(), GIVEN.given()).report(played)))
    windows = report["sets"]["windows"]
    assert len(windows["first"]) == len(windows["given"]["reward"]) == len(played.sets["windows"]) == 71
    assert windows["first"][0] == str(played.sets["windows"].timestamps[0, 0])[:19]
    assert report["no_trade_changes"] is True


def test_the_page_says_that_no_trade_changes_and_what_is_left_out(played: Evaluation) -> None:
    text = objective_text(Objective(DifferentiableMarketConfig(risk_budget_lambda=1.0), GIVEN.given()).report(played))
    assert NO_TRADE_CHANGES in text
    assert "Left out" in text and "risk_budget" in text
    assert "| risk_aversion | 0 | 4 |" in text
    assert "-0.0000" not in text


def test_only_the_given_weights_differ_from_those_of_the_training(tmp_path: Path) -> None:
    trained = DifferentiableMarketConfig(risk_aversion=2.0, trade_penalty=0.3, variance_penalty="weights")
    objective = objective_of(ObjectiveConfig(drawdown_lambda=1.0), policy_of(tmp_path / "policy", trained))
    assert objective is not None
    assert objective.trained == trained
    assert replace(objective.trained, **objective.given).drawdown_lambda == 1.0


def test_nothing_is_reported_unless_a_weight_is_given() -> None:
    assert objective_of(ObjectiveConfig(), EqualWeight()) is None
    assert ObjectiveConfig(trade_penalty=0.0).given() == {"trade_penalty": 0.0}


def test_a_policy_without_such_an_objective_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only a trained policy has an objective"):
        objective_of(GIVEN, EqualWeight())
    other = policy_of(tmp_path / "other", HftrainingConfig())
    with pytest.raises(ConfigError, match="module=differentiable_market"):
        objective_of(GIVEN, other)
    other.facts.config.clear()
    with pytest.raises(ConfigError, match="does not record"):
        objective_of(GIVEN, other)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"_target_": "os.system"}, "_target_"),
        ({"risk_aversion": "${oc.env:HOME}"}, "risk_aversion"),
        ({"risk_aversion": -1.0}, "risk_aversion"),
        ({"unknown": 1}, "another version of rlx"),
    ],
)
def test_recorded_options_are_not_trusted(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    policy = policy_of(tmp_path / "policy", DifferentiableMarketConfig())
    policy.facts.config["module"].update(change)
    with pytest.raises((ConfigError, FileError), match=reason):
        objective_of(GIVEN, policy)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("policy=momentum", "objective.risk_aversion=1"), "only a trained policy"),
        (("objective.risk_aversion=-1",), "must be between 0 and 10000, or null"),
        (("objective.risk=1",), "objective has risk_aversion, drawdown_lambda, trade_penalty"),
        (("protocol=benchmark", "objective.trade_penalty=1"), "judges several policies"),
    ],
)
def test_bad_arguments_end_in_one_message(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    done = shell.evaluate(*arguments)
    assert done.status == 2
    assert said in done.err


@pytest.mark.slow
def test_an_evaluation_writes_the_report_and_trades_as_before(shell: Shell, tmp_path: Path) -> None:
    small = ("data=synthetic", "data.n_bars=300", "module.n_folds=2", "module.rollout_steps=8", "gate=none")
    assert shell.train("+experiment=smoke", "module=differentiable_market", *small, "hydra.run.dir=run").status == 0
    common = ("policy=checkpoint", "policy.path=run")
    assert shell.evaluate(*common, "hydra.run.dir=plain").status == 0
    done = shell.evaluate(*common, "objective.risk_aversion=3", "hydra.run.dir=other")
    assert done.status == 0, done.err
    cards = [json.loads((shell.folder / run / "scorecard.json").read_text())["metrics"] for run in ("plain", "other")]
    assert cards[0] == cards[1]
    report = json.loads((shell.folder / "other" / "objective.json").read_text())
    assert report["weights"]["given"]["risk_aversion"] == 3.0
    assert not (shell.folder / "plain" / "objective.json").exists()
