"""What the hold-out proves beyond chance: intervals, significance, and the comparison with equal weight."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.windows import HOLDOUT
from rlx.measures.evaluation import Evaluation
from rlx.measures.metrics import sharpe
from rlx.measures.significance import MOMENTS, Significance, measure_significance
from rlx.measures.statistics import EXCESS, Interval, bootstrap_intervals, paired_excess, return_statistics
from rlx.measures.trials import Sweep, Trials, count_trials
from rlx.types import FloatArray


class Proof(NamedTuple):
    """Intervals and significance of a hold-out; ``excess`` and ``equal_weight`` are None without equal weight.

    ``equal_weight`` is the significance of equal weight, counted as one of the same number of trials.
    """

    intervals: dict[str, Interval]
    significance: Significance
    excess: Interval | None
    equal_weight: Significance | None

    def described_intervals(self) -> dict[str, Any]:
        """Return a scorecard's ``intervals``."""
        named = self.intervals if self.excess is None else {**self.intervals, EXCESS: self.excess}
        return {name: interval.to_dict() for name, interval in named.items()}

    def described_significance(self) -> dict[str, Any]:
        """Return a scorecard's ``significance``, with the moments to test equal weight against any other bar."""
        block = self.significance.to_dict()
        if self.equal_weight is None or self.equal_weight.psr is None:
            return block
        return {**block, "equal_weight": {name: getattr(self.equal_weight, name) for name in MOMENTS}}


def prove(
    evaluation: Evaluation, equal_weight: Evaluation | None, protocol: Protocol, sweep: Sweep | None, key_hash: str
) -> Proof:
    """Measure a hold-out, and equal weight over the same steps; ``sweep`` and ``key_hash`` serve to count trials."""
    trials = _trials(evaluation, protocol, sweep, key_hash)
    return Proof(
        intervals_of(evaluation, protocol),
        _significance(evaluation, protocol, trials),
        None if equal_weight is None else _excess(evaluation, equal_weight, protocol),
        None if equal_weight is None else _significance(equal_weight, protocol, trials),
    )


def intervals_of(evaluation: Evaluation, protocol: Protocol) -> dict[str, Interval]:
    """Return the bootstrap intervals of a hold-out, by the bare name of the metric."""
    options = _bootstrap(protocol)
    return _drawn(_returns(evaluation).tobytes(), evaluation.periods_per_year, tuple(options.items()))


@lru_cache(maxsize=2)  # a policy, and equal weight, which is the same for every target of a benchmark
def _drawn(returns: bytes, periods_per_year: float, options: tuple[tuple[str, Any], ...]) -> dict[str, Interval]:
    return bootstrap_intervals(np.frombuffer(returns), return_statistics(periods_per_year), **dict(options))


def _excess(evaluation: Evaluation, baseline: Evaluation, protocol: Protocol) -> Interval:
    returns, theirs = _returns(evaluation), _returns(baseline)
    return paired_excess(returns, theirs, evaluation.periods_per_year, **_bootstrap(protocol))


def _bootstrap(protocol: Protocol) -> dict[str, Any]:
    return {
        "replications": protocol.bootstrap_replications,
        "confidence": protocol.confidence,
        "seed": protocol.seed,
    }


def _trials(evaluation: Evaluation, protocol: Protocol, sweep: Sweep | None, key_hash: str) -> Trials:
    ppy = evaluation.periods_per_year
    return count_trials(protocol.trials, sweep, key_hash, float(sharpe(_returns(evaluation), ppy)), ppy)


def _significance(evaluation: Evaluation, protocol: Protocol, trials: Trials) -> Significance:
    return measure_significance(_returns(evaluation), trials, protocol.confidence, evaluation.periods_per_year)


def _returns(evaluation: Evaluation) -> FloatArray:
    return np.ascontiguousarray(evaluation.sets[HOLDOUT].ledger.net_return[0], dtype=np.float64)
