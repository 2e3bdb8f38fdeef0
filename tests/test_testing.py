"""The conformance checks: every component of ours passes, and each broken promise is caught."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlx import registry
from rlx.data.features import KINDS, FeatureKind
from rlx.decisions.observation import Observation
from rlx.measures.metric import Metric
from rlx.measures.performance import METRICS
from rlx.policies.baselines import BuyAndHold, Cash, EqualWeight
from rlx.policies.hindsight import Hindsight
from rlx.policies.optimal import Kelly, MinimumVariance
from rlx.policies.trailing import InverseVolatility, Momentum
from rlx.testing import check_feature, check_metric, check_policy


@pytest.mark.parametrize("kind", KINDS)
def test_every_feature_of_ours_passes(kind: str) -> None:
    check_feature(KINDS[kind])


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda bars, n: bars["close"].shift(-1).rolling(n).mean().fillna(1.0), "must be NaN"),
        (lambda bars, n: bars["close"].shift(-1).ffill().rolling(n).mean(), "looks ahead"),
        (lambda bars, n: bars["close"].rolling(n).mean() / bars["close"].iloc[-1], "looks ahead"),
        (lambda bars, n: bars["close"].rolling(n + 1).mean(), "must be finite"),
        (lambda bars, n: bars["close"].rolling(n).mean().iloc[:, 0].to_frame(), "one value per bar and asset"),
        (lambda bars, n: bars["close"].pct_change().rolling(n - 1).std().pow(-1), "do not move"),
    ],
)
def test_a_broken_feature_is_caught(broken: Any, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_feature(FeatureKind(broken))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_of_ours_passes(name: str) -> None:
    check_metric(METRICS[name])


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"meaning": ""}, "must be given"),
        ({"better": "up"}, "must be one of"),
        ({"tags": {"everywhere": 1}}, "must be among"),
        ({"compute": lambda ledger, year: ledger.net_return}, "must return the shape"),
        ({"compute": lambda ledger, year: float(ledger.net_return.mean())}, "must return the shape"),
        ({"compute": lambda ledger, year: ledger.net_return.mean(-1) - ledger.net_return.mean()}, "the others"),
        ({"compute": lambda ledger, year: 1.0 / ledger.turnover.sum(-1)}, "not infinite"),
        ({"compute": lambda ledger, year: ledger.value.__imul__(2.0).mean(-1)}, "changes the ledger"),
    ],
)
def test_a_broken_metric_is_caught(broken: dict[str, Any], words: str) -> None:
    right = Metric(
        "mean", "fraction/step", "Mean net return", "higher", lambda ledger, year: ledger.net_return.mean(-1)
    )
    check_metric(right)
    with pytest.raises(AssertionError, match=words):
        check_metric(replace(right, **broken))


@pytest.mark.parametrize(
    "policy",
    [
        *(Cash(), EqualWeight(), BuyAndHold(), Hindsight()),
        *(
            InverseVolatility(lookback_steps=20),
            Momentum(lookback_steps=20, top_k=2),
            MinimumVariance(lookback_steps=20),
            Kelly(lookback_steps=20),
        ),
    ],
    ids=lambda policy: policy.name,
)
def test_every_policy_of_ours_passes(policy: Any) -> None:
    check_policy(policy)


class Broken(EqualWeight):
    """Equal weight with a fault."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault
        self.name = fault
        self.reads_account = True

    def bind(self, market: Any) -> None:
        super().bind(market)
        self.market = market

    def describe(self) -> dict[str, Any]:
        return {} if self.fault == "silent" else super().describe()

    def act(self, observation: Observation) -> Any:
        weights = np.full(observation.weights.shape, 0.3)
        if self.fault == "random":
            weights *= np.random.default_rng().uniform(0.5, 1.0)
        if self.fault == "crowded":
            weights /= len(weights)
        if self.fault == "prophet":
            tomorrow = np.minimum(observation.bar + 1, self.market.n_bars - 1)
            weights *= self.market.panel.close[tomorrow] > self.market.panel.close[observation.bar]
        return weights


@pytest.mark.parametrize(
    ("fault", "words"),
    [("silent", "JSON"), ("random", "two plays"), ("crowded", "on other|on the others"), ("prophet", "looks ahead")],
)
def test_a_broken_policy_is_caught(fault: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_policy(Broken(fault))


def test_every_policy_that_needs_no_file_is_tried_here() -> None:
    files = {"weights", "checkpoint", "plan", "production"}
    tried = {"cash", "equal_weight", "buy_and_hold", "hindsight", "inverse_volatility", "momentum", "minimum_variance"}
    assert set(registry.components("policy")) == files | tried | {"kelly"}
