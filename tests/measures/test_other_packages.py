"""A metric of another package that fails costs nobody a result: it is NaN, and one warning says why."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from rlx import registry
from rlx.data.market import Market
from rlx.data.sources import synthetic
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import HOLDOUT, WindowSet
from rlx.measures.metric import Metric
from rlx.measures.performance import METRICS, performance_metrics
from rlx.policies.baselines import EqualWeight
from rlx.sim.rules import Rules


@pytest.mark.parametrize(
    ("compute", "reason"),
    [
        (lambda ledger, year: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda ledger, year: ledger.net_return, "it returned the shape (3, 5) instead of (3,)"),
    ],
)
def test_it_is_nan_with_one_warning(
    compute: object, reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    metric = Metric("broken", "fraction", "What cannot be computed", "", compute)  # type: ignore[arg-type]
    loaded, components = registry.loaded("metric"), registry.components("metric")
    monkeypatch.setattr(registry, "loaded", lambda group: {**loaded, "broken": metric})
    named = {**components, "broken": registry.Component("broken", "theirs:BROKEN", "their-package")}
    monkeypatch.setattr(registry, "components", lambda group: named)
    market = Market(synthetic("random_walk", 3, 40))
    books = evaluate(EqualWeight(), market, (WindowSet(HOLDOUT, np.arange(3), 5),), Rules()).sets[HOLDOUT].ledger
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            measured = performance_metrics(books, 252.0)
    assert set(measured) == {*METRICS, "broken"}
    assert measured["broken"].shape == (3,) and np.isnan(measured["broken"]).all()
    assert np.isfinite(measured["cumulative_return"]).all()
    assert [record.getMessage() for record in caplog.records] == [
        f"metric broken of package their-package is skipped: {reason}."
    ]
