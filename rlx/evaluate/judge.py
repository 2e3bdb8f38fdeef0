"""From a policy to its scorecard: the same windows, rules and statistics for it and for every baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rlx.evaluate.config import Protocol
from rlx.evaluate.evaluation import Evaluation
from rlx.evaluate.evaluator import Progress, evaluate
from rlx.evaluate.key import comparability_key
from rlx.evaluate.scorecard import Metrics, Scorecard
from rlx.evaluate.statistics import Interval, bootstrap_intervals, paired_excess, return_statistics
from rlx.evaluate.summary import guard_metrics, performance_metrics
from rlx.evaluate.verdict import write_verdict
from rlx.evaluate.windows import HOLDOUT, WINDOWS, holdout_windows, start_index_windows
from rlx.plain import plain
from rlx.sim.rules import Rules
from rlx.types import FloatArray, TimeArray

if TYPE_CHECKING:
    from rlx.data.market import Market
    from rlx.data.splits import Span
    from rlx.policies.base import Policy

EQUAL_WEIGHT = "equal_weight"
Seen = Mapping[str, tuple[np.datetime64, np.datetime64]]
"""Spans a policy was made on, by name: time stamps of the first decision and of the last close."""

DISTRIBUTED = ("cumulative_return", "sharpe", "max_drawdown", "turnover")


class Judgement(NamedTuple):
    """A scorecard and the books it was written from, baselines by name."""

    scorecard: Scorecard
    evaluation: Evaluation
    baselines: dict[str, Evaluation]


def judge(
    policy: Policy,
    market: Market,
    span: Span,
    rules: Rules,
    protocol: Protocol,
    *,
    baselines: Sequence[Policy],
    module: str,
    config: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
    performance: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    seen: Seen | None = None,
) -> Judgement:
    """Play the policy and the baselines over the span and write the scorecard.

    The hold-out (the whole span) and a window at every start index are played in one batch. ``module`` names what
    made the policy; ``config``, ``provenance`` and ``performance`` are recorded as they are. ``progress`` follows
    the policy's own steps. ``seen`` gives the spans the policy was ``trained`` and ``selected`` on, as time stamps of
    their first decision and last close: the verdict says when the hold-out lies in them. Raises ConfigError when the
    protocol's window does not fit the span.
    """
    sets = (holdout_windows(span), start_index_windows(span, protocol.window_steps))
    evaluation = evaluate(policy, market, sets, rules, progress)
    beside = {baseline.name: evaluate(baseline, market, sets, rules) for baseline in baselines}
    scorecard = build_scorecard(
        evaluation,
        beside,
        market,
        policy,
        protocol,
        module=module,
        config=config or {},
        provenance=provenance or {},
        performance=performance or {},
        seen=seen,
    )
    return Judgement(scorecard, evaluation, beside)


def score(policy: Policy, market: Market, span: Span, rules: Rules) -> dict[str, float]:
    """Return the metrics of the span by bare name, without statistics: the light path for use during training.

    The numbers are those of a scorecard for the same span (a network may round differently in a larger batch); one
    that does not exist is NaN.
    """
    evaluation = evaluate(policy, market, (holdout_windows(span),), rules)
    return {name: float(value[0]) for name, value in _metrics(evaluation, HOLDOUT).items()}


def build_scorecard(
    evaluation: Evaluation,
    baselines: Mapping[str, Evaluation],
    market: Market,
    policy: Policy,
    protocol: Protocol,
    *,
    module: str,
    config: Mapping[str, Any],
    provenance: Mapping[str, Any],
    performance: Mapping[str, Any],
    seen: Seen | None = None,
) -> Scorecard:
    """Measure finished evaluations, all over the same window sets, and put the result in words.

    ``seen`` is that of ``judge``; when it is given, ``data`` has ``seen_steps``, the hold-out's steps in each span.
    """
    stamps = evaluation.sets[HOLDOUT].timestamps[0]
    seen_steps = None if seen is None else _seen_steps(stamps, seen)
    metrics = _single(_metrics(evaluation, HOLDOUT))
    baseline_metrics = {name: _single(_metrics(other, HOLDOUT)) for name, other in baselines.items()}
    intervals, excess = _intervals(evaluation, baselines.get(EQUAL_WEIGHT), protocol)
    named = intervals if excess is None else {**intervals, "annual_excess_over_equal_weight": excess}
    return Scorecard(
        key=comparability_key(market, evaluation),
        policy=plain({"name": policy.name, **policy.describe()}),
        module=module,
        metrics=metrics,
        intervals={name: interval.to_dict() for name, interval in named.items()},
        guard=_single(guard_metrics(evaluation.sets[HOLDOUT].ledger)),
        baselines=baseline_metrics,
        windows=_windows(evaluation, baselines),
        verdict=write_verdict(
            policy.name,
            metrics,
            baseline_metrics.get(EQUAL_WEIGHT),
            intervals,
            excess,
            steps=len(stamps),
            seen_steps=seen_steps,
        ),
        data=_describe_data(market) | ({} if seen_steps is None else {"seen_steps": seen_steps}),
        config=plain(config),
        provenance=plain(provenance),
        performance=plain({**performance, **_timings(evaluation)}),
    )


def _seen_steps(stamps: TimeArray, seen: Seen) -> dict[str, int]:
    """Count the decisions within each span; the bar it ends on closes its last step and decides nothing."""
    return {name: int(np.sum((stamps >= first) & (stamps < last))) for name, (first, last) in seen.items()}


def _metrics(evaluation: Evaluation, name: str) -> dict[str, FloatArray]:
    return performance_metrics(evaluation.sets[name].ledger, evaluation.periods_per_year)


def _single(values: Mapping[str, FloatArray]) -> Metrics:
    """Return the only window's numbers, None where there is none."""
    return {name: plain(float(value[0])) for name, value in values.items()}


def _intervals(
    evaluation: Evaluation, equal_weight: Evaluation | None, protocol: Protocol
) -> tuple[dict[str, Interval], Interval | None]:
    ppy = evaluation.periods_per_year
    options: dict[str, Any] = {
        "replications": protocol.bootstrap_replications,
        "confidence": protocol.confidence,
        "seed": protocol.seed,
    }
    returns = _returns(evaluation)
    intervals = bootstrap_intervals(returns, return_statistics(ppy), **options)
    excess = None if equal_weight is None else paired_excess(returns, _returns(equal_weight), ppy, **options)
    return intervals, excess


def _returns(evaluation: Evaluation) -> FloatArray:
    return np.asarray(evaluation.sets[HOLDOUT].ledger.net_return[0])


def _windows(evaluation: Evaluation, baselines: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Describe the distribution over all start indices; windows overlap, so their number is not a sample size."""
    measured = _metrics(evaluation, WINDOWS)
    earned = measured["cumulative_return"]
    beaten = {
        f"share_beating_{name}": float(np.mean(earned > _metrics(other, WINDOWS)["cumulative_return"]))
        for name, other in baselines.items()
    }
    return {
        "n": len(evaluation.sets[WINDOWS]),
        "steps": evaluation.sets[WINDOWS].steps,
        **{name: _quantiles(measured[name]) for name in DISTRIBUTED},
        "share_positive": float(np.mean(earned > 0)),
        **beaten,
    }


def _quantiles(values: FloatArray) -> dict[str, Any]:
    """Return median and 5th/95th percentile of the windows that have the number, and how many those are."""
    finite = values[np.isfinite(values)]
    levels = {"p05": 0.05, "median": 0.5, "p95": 0.95}
    quantiles = {name: float(np.quantile(finite, q)) if finite.size else None for name, q in levels.items()}
    return {**quantiles, "n": int(finite.size)}


def _describe_data(market: Market) -> dict[str, Any]:
    panel = market.panel
    description: dict[str, Any] = plain(
        {
            "source": panel.source,
            "fingerprint": market.fingerprint,
            "frequency": panel.frequency,
            "calendar": panel.calendar,
            "symbols": market.symbols,
            "bars": market.n_bars,
            "first": market.timestamps[0],
            "last": market.timestamps[-1],
            "periods_per_year": market.periods_per_year,
        }
    )
    return description


def _timings(evaluation: Evaluation) -> dict[str, float]:
    return {
        "evaluation_wall_seconds": evaluation.wall_seconds,
        "evaluation_env_steps_per_second": evaluation.env_steps_per_second,
        "decision_latency_p50_ms": evaluation.latency_ms(50),
        "decision_latency_p99_ms": evaluation.latency_ms(99),
    }
