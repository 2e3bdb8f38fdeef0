"""Causality: policies that see the past alone pass, and every kind of leak is found where it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlx.audit.causality import Causality, check_causality, leaks
from rlx.data.features import KINDS, FeatureKind
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.sources import synthetic
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.errors import RlxError
from rlx.forecast.block_bootstrap import BlockBootstrapConfig
from rlx.forecast.features import ForecastOutlook
from rlx.forecast.oracle import OracleConfig
from rlx.policies.base import Policy
from rlx.policies.baselines import BuyAndHold, Cash, EqualWeight
from rlx.policies.hindsight import Hindsight
from rlx.policies.trailing import Momentum
from rlx.sim.accounts import Accounts
from rlx.sim.rules import Rules
from rlx.types import Execution, FloatArray
from tests.evaluate.players import FREE, GUARDED, Player, state_dependent

SPAN = Span(70, 130)


def market() -> Market:
    return Market(synthetic("random_walk", 4, 140, seed=1))


def check(policy: Policy, rules: Rules = GUARDED, names: tuple[str, ...] = ("return_1",), dates: int = 6) -> Causality:
    return check_causality(policy, market(), SPAN, rules, names, dates=dates, seed=0)[0]


def by_features(observation: Observation) -> FloatArray:
    latest = observation.features[:, -1, :, 0].astype(float)
    return np.tanh(50.0 * latest) / latest.shape[1]


class Scaled(Player):
    """Decides from features scaled by a normalizer that was fitted when it was bound, on the bars of ``fitted``."""

    def __init__(self, fitted: slice) -> None:
        super().__init__(self.scaled, features=("return_1",))
        self.fitted = fitted

    def bind(self, market: Market) -> None:
        self.normalizer = Normalizer.fit(("return_1",), market.features(("return_1",)), self.fitted)

    def scaled(self, observation: Observation) -> FloatArray:
        return np.tanh(self.normalizer.apply(observation.features)[:, -1, :, 0]).astype(float) / 4.0


class Peeking(Cash):
    """Holds what rises over the next ``ahead`` bars, which it knows from the market it is bound to."""

    name = "peeking"

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead

    def bind(self, market: Market) -> None:
        self.close = market.panel.close

    def act(self, observation: Observation) -> FloatArray:
        later = np.minimum(observation.bar + self.ahead, len(self.close) - 1)
        rises: FloatArray = (self.close[later] > self.close[observation.bar]) / 4.0
        return rises


@pytest.mark.parametrize(
    "policy",
    [Cash(), EqualWeight(), BuyAndHold(), Momentum(lookback_steps=20, rebalance_steps=5, top_k=2), state_dependent()],
)
@pytest.mark.parametrize("execution", list(Execution))
def test_policies_that_see_the_past_alone_pass(policy: Policy, execution: Execution) -> None:
    rules = Rules(GUARDED.costs, GUARDED.limits, GUARDED.guard, GUARDED.cooldown, execution=execution)
    found = check(policy, rules)
    assert found.passed
    assert leaks(found) == {}
    assert found.plays == 18
    assert {group.group for group in found.groups} >= {"features", "observed", "account", "targets", "guards", "books"}
    assert all(group.values > 0 for group in found.groups)


def test_the_first_and_last_decision_are_among_the_dates() -> None:
    stamps = market().timestamps.astype("datetime64[D]").astype(str)
    found = check(EqualWeight())
    assert found.dates[0] == stamps[SPAN.start]
    assert found.dates[-1] == stamps[SPAN.stop - 1]
    assert len(found.dates) == 6


def test_a_feature_that_reads_a_later_bar_is_found_even_when_the_policy_ignores_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ahead(bars: dict[str, pd.DataFrame], n: int) -> pd.DataFrame:
        return (bars["close"].shift(-n) / bars["close"] - 1.0).fillna(0.0)

    monkeypatch.setitem(KINDS, "ahead", FeatureKind(ahead))
    ignored = check(EqualWeight(), names=("return_1", "ahead_1"))
    assert not ignored.passed
    assert set(leaks(ignored)) == {"features"}
    leak = leaks(ignored)["features"]
    assert leak.quantity == "ahead_1"
    assert leak.changed_at == leak.perturbed_after == ignored.dates[0]
    used = check(Player(by_features, features=("ahead_2",)))
    assert {"features", "observed", "targets", "guards", "account", "books"} == set(leaks(used))


def test_a_feature_of_volumes_or_ranges_to_come_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "next_volume", FeatureKind(lambda bars, n: bars["volume"].shift(-n).fillna(0.0)))
    monkeypatch.setitem(
        KINDS, "next_range", FeatureKind(lambda bars, n: (bars["high"] / bars["low"]).shift(-n).fillna(1.0))
    )
    for name in ("next_volume_1", "next_range_1"):
        assert leaks(check(EqualWeight(), names=(name,)))["features"].quantity == name


@pytest.mark.parametrize("ahead", [1, 5, 1000])
def test_a_policy_that_peeks_at_the_closes_is_found(ahead: int) -> None:
    found = check(Peeking(ahead))
    assert not found.passed
    assert not found.oracle
    assert {"targets", "guards"} <= set(leaks(found))
    assert not {"features", "observed"} & set(leaks(found))


def test_a_policy_that_keeps_the_closes_of_the_first_market_it_ever_saw_is_found() -> None:
    class Keeping(Peeking):
        close: FloatArray | None = None

        def bind(self, market: Market) -> None:
            if self.close is None:
                self.close = market.panel.close

    assert not check(Keeping(1)).passed


def test_a_normalizer_fitted_on_later_bars_is_found_and_one_of_earlier_bars_passes() -> None:
    assert check(Scaled(slice(0, SPAN.start))).passed
    assert set(leaks(check(Scaled(slice(None))))) >= {"targets"}


@pytest.mark.parametrize("quantity", ["drawdown", "trailing_return"])
def test_a_guard_state_that_knows_the_next_return_is_found(quantity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = getattr(Accounts, quantity).fget

    def knowing(accounts: Any) -> FloatArray:
        coming = accounts._tape.returns[0][accounts.bar].mean(axis=1)
        return np.asarray(honest(accounts) - np.minimum(coming, 0.0))

    monkeypatch.setattr(Accounts, quantity, property(knowing))
    found = check(EqualWeight())
    assert set(leaks(found)) == {"account"}
    assert leaks(found)["account"].quantity == quantity


def test_books_that_charge_by_the_future_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Accounts.record_step

    def knowing(accounts: Any, targets: FloatArray, first: int, last: int, record: Any, row: int) -> None:
        later = min(int(accounts.bar[0]) + 1, len(accounts._tape.returns[0]) - 1)
        scale = 0.5 if accounts._tape.returns[0][later].mean() < 0.0 else 1.0
        honest(accounts, targets * scale, first, last, record, row)

    monkeypatch.setattr(Accounts, "record_step", knowing)
    found = check(EqualWeight(), FREE)
    assert not found.passed
    assert "targets" not in leaks(found)
    assert leaks(found)["guards"].quantity in ("executed_weights", "gross_exposure")


def test_forecasts_are_held_equal_where_there_are_any() -> None:
    class Forecaster(Peeking):
        name = "forecaster"

        def act(self, observation: Observation) -> FloatArray:
            return np.full(observation.weights.shape, 0.25)

        def forecast(self, observation: Observation) -> FloatArray:
            return self.close[np.minimum(observation.bar + self.ahead, len(self.close) - 1)]

    assert set(leaks(check(Forecaster(1)))) == {"forecasts"}
    honest = check(Forecaster(0))
    assert honest.passed
    assert "forecasts" in {group.group for group in honest.groups}


def test_the_oracle_leaks_by_what_it_does_and_by_what_it_is() -> None:
    found = check(Hindsight())
    assert not found.passed
    assert found.oracle
    assert "targets" in leaks(found)

    class Blind(EqualWeight):
        def foresee(self, first_bar: Any, last_bar: Any) -> None:
            """Receive the windows, and ignore them."""

    result = check(Blind())
    assert leaks(result) == {}
    assert not result.passed


def test_a_policy_of_chance_is_refused() -> None:
    source = np.random.default_rng(0)
    policy = Player(lambda o: source.random(o.weights.shape) / 4.0)
    policy.__deepcopy__ = lambda memory: policy  # type: ignore[attr-defined]
    with pytest.raises(RlxError, match="two plays on the very same data differ"):
        check(policy)


def test_one_step_can_be_audited() -> None:
    found = check_causality(Peeking(1), market(), Span(70, 71), FREE, (), dates=25, seed=0)[0]
    assert found.plays == 3
    assert "targets" in leaks(found)


def test_forecasts_are_audited_like_any_feature() -> None:
    panel = synthetic("random_walk", 2, 120)
    span, names = Span(60, 119), ("forecast_q50", "forecast_q90")
    honest = Market(panel, ForecastOutlook.of(BlockBootstrapConfig(n_samples=8, lookback_bars=50)))
    found, _ = check_causality(EqualWeight(), honest, span, Rules(), names, dates=3, seed=0)
    assert found.passed
    leaking = Market(panel, ForecastOutlook.of(OracleConfig()))
    found, _ = check_causality(EqualWeight(), leaking, span, Rules(), names, dates=3, seed=0)
    assert not found.passed and {leak.quantity for leak in leaks(found).values()} <= set(names)
