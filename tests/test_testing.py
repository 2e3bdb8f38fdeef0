"""The conformance checks: every component of ours passes, and each broken promise is caught."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hydra.utils import get_object

from rlx import registry
from rlx.data.features import KINDS, FeatureKind
from rlx.data.market import Market
from rlx.data.sources import synthetic
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.evaluate.protocols.base import Measured, Protocol
from rlx.evaluate.purging import FitSpans
from rlx.evaluate.windows import WindowSet
from rlx.forecast.forecaster import Forecast
from rlx.measures.evaluation import Evaluation
from rlx.measures.metric import Metric
from rlx.measures.performance import METRICS
from rlx.policies.base import Policy
from rlx.policies.baselines import EqualWeight
from rlx.testing import check_feature, check_forecaster, check_metric, check_policy, check_protocol
from rlx.types import TimeArray


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


TRIED_ELSEWHERE = {"weights", "checkpoint", "refitted", "plan", "production", "ridge", "strategy"}
"""They need a file, a forecaster or, for ridge, a longer history: tests/policies."""


def small_policy(name: str) -> Policy:
    """Return a policy of ours with its defaults, but a lookback that the market of the check is long enough for."""
    kind = registry.loaded("policy")[name]
    options = {field.name: getattr(kind(), field.name) for field in fields(kind) if not field.name.startswith("_")}
    if "lookback_steps" in options:
        options["lookback_steps"] = 20
    if "top_k" in options:
        options["top_k"] = 2
    policy: Policy = get_object(kind._target_)(**options)
    return policy


@pytest.mark.parametrize("name", [name for name in registry.components("policy") if name not in TRIED_ELSEWHERE])
def test_every_policy_of_ours_passes(name: str) -> None:
    check_policy(small_policy(name))


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


class Bootstrap:
    """Draws the moves of the next two bars from those of the last 30, for close and high; or does it wrongly."""

    name = "bootstrap"
    horizon_steps = 2
    last_seen = None

    def __init__(self, fault: str = "") -> None:
        self.fault = fault

    def first_bar(self, market: Market) -> int:
        return 30

    def forecast(self, market: Market, bars: Any, seed: int) -> Forecast:
        shared = np.random.default_rng(None if self.fault == "unseeded" else seed)
        paths = np.stack([self._paths(market, bar, self._random(shared, seed, bar)) for bar in bars])
        given = Forecast.of_paths(paths, (0.1, 0.5, 0.9), ("close", "high"))
        quantiles = given.quantiles[..., ::-1] if self.fault == "crossing" else given.quantiles
        quantiles = quantiles[:, :, 0] if self.fault == "flat" else quantiles
        paths = paths[..., ::-1] if self.fault == "swapped" else paths
        levels = (0.1, 0.9, 0.5) if self.fault == "levels" else given.levels
        return replace(given, levels=levels, quantiles=quantiles, paths=paths)

    def _random(self, shared: np.random.Generator, seed: int, bar: int) -> np.random.Generator:
        return shared if self.fault in ("unseeded", "crowded") else np.random.default_rng((seed, bar))

    def _paths(self, market: Market, bar: int, random: np.random.Generator) -> Any:
        if self.fault == "prophet":
            bar = min(bar + 1, market.n_bars - 1)
        moves = market.panel.close[bar - 29 : bar + 1] / market.panel.close[bar - 30 : bar] - 1.0
        if self.fault == "by the whole":
            moves = moves - market.returns.mean(axis=0)
        close = np.cumsum(moves[random.integers(30, size=(50, 2))], axis=1).swapaxes(1, 2)  # (S, A, H)
        return np.stack([close, np.maximum.accumulate(close, axis=-1) + 0.001], axis=-1)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("unseeded", "of one seed differ"),
        ("crowded", "depends on the others"),
        ("prophet", "looks ahead: a future that is noise"),
        ("by the whole", "looks ahead"),
        ("crossing", "must not cross"),
        ("flat", r"\(B, A, H, P, K\) is \(5, 3, 2, 2, 3\)"),
        ("swapped", "closes above its high"),
        ("levels", "must ascend"),
    ],
)
def test_a_broken_forecaster_is_caught(fault: str, words: str) -> None:
    market = Market(synthetic("random_walk", 3, 120))
    check_forecaster(Bootstrap(), market)
    with pytest.raises(AssertionError, match=words):
        check_forecaster(Bootstrap(fault), market)


def test_the_forecaster_of_another_package_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "plugin"))
    from rlx_demo.climatology import Climatology

    check_forecaster(Climatology(lookback_steps=60, horizon_steps=3))


@pytest.mark.parametrize("name", registry.components("protocol"))
def test_every_protocol_of_ours_passes(name: str) -> None:
    check_protocol(registry.loaded("protocol")[name](bootstrap_replications=100))


@dataclass(frozen=True)
class BrokenProtocol(Protocol):
    """Windows of ten decisions, one every fifty, with a fault."""

    fault: str = ""
    bootstrap_replications: int = 100
    name: ClassVar[str] = "broken"

    def windows(self, span: Span, stamps: TimeArray) -> tuple[WindowSet, ...]:
        starts = np.arange(span.start, span.stop - 9, 50)
        if self.fault == "outside":
            starts = starts - 10
        if self.fault == "prophet":  # the last window ends with the span
            starts = np.append(starts, span.stop - 10)
        if self.fault == "random":
            starts = starts + np.random.default_rng().integers(0, 5, len(starts))
        return (WindowSet("windows" if self.fault == "usual" else self.name, starts, 10),)

    def measure(
        self, evaluation: Evaluation, baselines: Mapping[str, Evaluation], fit_spans: FitSpans | None
    ) -> Measured:
        growth = evaluation.sets[self.name].ledger.net_return.sum(axis=1)
        found: Any = {"endless": np.inf, "wordless": {"a set"}, "restless": evaluation.wall_seconds}.get(
            self.fault, 1.0
        )
        if self.fault == "greedy":
            evaluation.sets["holdout"].ledger.net_return[:] += 0.01
        rows = [{"growth": float(value), "found": found if self.fault == "endless" else 1.0} for value in growth]
        if self.fault == "ragged":
            rows[-1]["more"] = 1.0
        return Measured(rows, {"found": found})


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("outside", "beyond the span"),
        ("usual", "are played anyway"),
        ("ragged", "has other columns"),
        ("prophet", "looks ahead"),
        ("random", "other windows the second time"),
        ("endless", "found must be text, a finite number"),
        ("wordless", "must be plain JSON"),
        ("restless", "two judgements differ"),
        ("greedy", "it changes metrics"),
    ],
)
def test_a_broken_protocol_is_caught(fault: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_protocol(BrokenProtocol(fault=fault))


def test_that_protocol_passes_without_a_fault() -> None:
    check_protocol(BrokenProtocol())


def test_a_protocol_that_would_be_taken_for_another_is_caught() -> None:
    class Nameless(Protocol):
        pass

    class Alike(Protocol):
        name: ClassVar[str] = "alike"

    for broken, words in ((Nameless(), "a name of its own"), (Alike(), "has the options of holdout")):
        with pytest.raises(AssertionError, match=words):
            check_protocol(broken)
