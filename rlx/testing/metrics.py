"""Is a metric a pure function of the ledger, the same for one account and for many?"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.data.sources import synthetic
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import HOLDOUT, WindowSet
from rlx.measures.metric import TAGS, Metric
from rlx.policies.baselines import Cash, EqualWeight
from rlx.sim.ledger import Ledger
from rlx.sim.rules import Costs, Rules

YEAR = 252.0
BETTER = ("higher", "lower", "")


def check_metric(metric: Metric) -> None:
    """Assert that a metric is named, shaped like its accounts, and does not change the ledger.

    It is computed for five accounts over twenty steps, for each of them alone, for a single step and for cash.
    AssertionError names the violation.
    """
    assert metric.unit and metric.meaning, "unit and meaning must be given: people read them with the number"
    assert metric.better in BETTER, f"better={metric.better!r} must be one of {BETTER}"
    assert metric.tags.keys() <= TAGS.keys(), f"tags={sorted(metric.tags)} must be among {sorted(TAGS)}"
    ledger = _ledger(EqualWeight(), steps=20)
    before = {field.name: np.copy(getattr(ledger, field.name)) for field in fields(ledger)}
    together = _measured(metric, ledger, (5,))
    for name, values in before.items():
        assert np.array_equal(getattr(ledger, name), values, equal_nan=True), f"it changes the ledger's {name}"
    for account in range(5):
        alone = _measured(metric, ledger.select(account), ())
        same = np.allclose(alone, together[account], rtol=1e-9, atol=1e-12, equal_nan=True)  # sums may round off
        assert same, "an account's value depends on the others"
    for other in (_ledger(EqualWeight(), steps=1), _ledger(Cash(), steps=20)):
        values = _measured(metric, other, (5,))
        assert not np.isinf(values).any(), "where a measure is undefined it must be NaN, not infinite"


def _measured(metric: Metric, ledger: Ledger, shape: tuple[int, ...]) -> Any:
    with np.errstate(all="ignore"):
        values = np.asarray(metric.compute(ledger, YEAR), float)
    assert values.shape == shape, f"it must return the shape {shape} for quantities of shape {ledger.net_return.shape}"
    return values


def _ledger(policy: Any, steps: int) -> Ledger:
    market = Market(synthetic("random_walk", 3, 40))
    windows = WindowSet(HOLDOUT, np.arange(5), steps)
    return evaluate(policy, market, (windows,), Rules(costs=Costs(commission_bps=10.0))).sets[HOLDOUT].ledger
