"""From a policy to its scorecard: the same windows, rules and statistics for it and for every baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Required, TypedDict, Unpack

from rlx.data.outlook import is_outlook
from rlx.evaluate.evaluator import Progress, evaluate
from rlx.evaluate.key import comparability_key
from rlx.evaluate.proof import Proof, intervals_of, prove
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.protocols.span import fit_windows
from rlx.evaluate.purging import FitSpans, lookback_steps
from rlx.evaluate.scorecard import Metrics, Scorecard
from rlx.evaluate.seen import Seen, seen_steps
from rlx.evaluate.verdict import Baseline, write_verdict
from rlx.evaluate.window_rows import Row
from rlx.evaluate.windows import HOLDOUT, WINDOWS, WindowSet, holdout_windows
from rlx.files import to_json
from rlx.measures.distribution import describe_windows, window_metrics
from rlx.measures.evaluation import Evaluation
from rlx.measures.telemetry import guard_metrics
from rlx.measures.trials import Sweep
from rlx.policies.base import Oracle, Refitted
from rlx.policies.baselines import EqualWeight
from rlx.sim.rules import Rules
from rlx.types import FloatArray

if TYPE_CHECKING:
    from rlx.data.market import Market
    from rlx.data.splits import Span
    from rlx.policies.base import Policy

EQUAL_WEIGHT = EqualWeight.name
FEW = 3
"""Most symbols that a title names."""


class Judgement(NamedTuple):
    """A scorecard and the books it was written from, baselines by name; ``rows`` describe the protocol's windows."""

    scorecard: Scorecard
    evaluation: Evaluation
    baselines: dict[str, Evaluation]
    rows: list[Row]
    protocol: Protocol

    @property
    def title(self) -> str:
        """What was judged on what, as a title; a few symbols are named, to distinguish the parts of a run."""
        policy, symbols = self.evaluation.policy, self.evaluation.symbols
        source = self.scorecard.data["source"]
        return f"{policy} on {', '.join(symbols)} of {source}" if len(symbols) <= FEW else f"{policy} on {source}"

    @property
    def block(self) -> dict[str, Any]:
        """The protocol's block of the scorecard; {} if it has none."""
        return self.scorecard.blocks.get(self.protocol.name, {})


class About(TypedDict, total=False):
    """What a scorecard records, and its verdict considers, in addition to the books.

    ``module`` names what made the policy; ``config``, ``provenance`` and ``performance`` are recorded as they are.
    ``progress`` follows the policy's own steps. ``seen`` gives the spans the policy was ``trained`` and ``selected``
    on, as time stamps of their first decision and last close: the verdict says when the hold-out lies in them, and
    ``data`` of the scorecard has ``seen_steps``, its steps in each. The policy is a trial of ``sweep``.
    """

    module: Required[str]
    config: Mapping[str, Any]
    provenance: Mapping[str, Any]
    performance: Mapping[str, Any] | None
    progress: Progress | None
    seen: Seen | None
    sweep: Sweep | None


def judge(
    policy: Policy,
    market: Market,
    span: Span,
    rules: Rules,
    protocol: Protocol,
    *,
    baselines: Sequence[Policy],
    **about: Unpack[About],
) -> Judgement:
    """Play the policy and the baselines over the span and write the scorecard.

    The hold-out (the whole span), a window at every start index and the protocol's own windows are played in one
    batch. Raises ConfigError when a window of the protocol does not fit the span; only the default of
    ``protocol.window_steps`` is shortened to fit, with a warning.
    """
    protocol = fit_windows(protocol, span)
    sets = protocol.window_sets(span, market.timestamps)
    played = {baseline.name: evaluate(baseline, market, sets, rules) for baseline in baselines}
    return judge_against(policy, market, sets, rules, protocol, baselines=played, **about)


def judge_against(
    policy: Policy,
    market: Market,
    sets: Sequence[WindowSet],
    rules: Rules,
    protocol: Protocol,
    *,
    baselines: Mapping[str, Evaluation],
    **about: Unpack[About],
) -> Judgement:
    """Judge like ``judge``, with baselines played already over the same ``sets`` and rules."""
    evaluation, seen = evaluate(policy, market, sets, rules, about.get("progress")), about.get("seen")
    fits = policy.fits if isinstance(policy, Refitted) else ()
    fit_spans = None if seen is None else FitSpans(seen, market.timestamps, lookback_steps(policy, market), fits=fits)
    rows, block = protocol.measure(evaluation, baselines, fit_spans)
    blocks = {protocol.name: block} if block else {}
    scorecard = _build_scorecard(evaluation, baselines, market, policy, protocol, blocks, about)
    return Judgement(scorecard, evaluation, dict(baselines), rows, protocol)


def score(policy: Policy, market: Market, span: Span, rules: Rules) -> dict[str, float]:
    """Return the metrics of the span by bare name, without statistics: the cheap evaluation during training.

    The numbers are those of a scorecard for the same span (a network may round differently in a larger batch); one
    that is undefined is NaN.
    """
    evaluation = evaluate(policy, market, (holdout_windows(span),), rules)
    return {name: float(value[0]) for name, value in window_metrics(evaluation, HOLDOUT).items()}


def _build_scorecard(
    evaluation: Evaluation,
    baselines: Mapping[str, Evaluation],
    market: Market,
    policy: Policy,
    protocol: Protocol,
    blocks: Mapping[str, Mapping[str, Any]],
    about: About,
) -> Scorecard:
    """Measure finished evaluations, all over the same window sets, and put the result in words."""
    seen = about.get("seen")
    holdout = evaluation.sets[HOLDOUT]
    counts = None if seen is None else {n: int(count) for n, count in seen_steps(holdout.timestamps[0], seen).items()}
    key = comparability_key(market, evaluation)
    metrics, theirs = _metrics(evaluation), {name: _metrics(other) for name, other in baselines.items()}
    described = _describe_policy(policy, market)
    proof = prove(evaluation, baselines.get(EQUAL_WEIGHT), protocol, about.get("sweep"), key["hash"])
    return Scorecard(
        key=key,
        policy=described,
        module=about["module"],
        metrics=metrics,
        intervals=proof.described_intervals(),
        guard=_single(guard_metrics(holdout.ledger)),
        baselines=theirs,
        windows=describe_windows(evaluation, baselines, WINDOWS),
        verdict=write_verdict(
            policy.name,
            metrics,
            _equal_weight(proof, baselines, theirs, protocol),
            proof.intervals,
            steps=holdout.steps,
            seen_steps=counts,
            oracle=isinstance(policy, Oracle),
            test_only=described.get("test_only"),
            significance=proof.significance,
            gate=described.get("gate"),
        ),
        data=describe_data(market) | ({} if counts is None else {"seen_steps": counts}),
        config=to_json(about.get("config", {})),
        provenance=to_json(about.get("provenance", {})),
        performance=to_json({**(about.get("performance") or {}), **_timings(evaluation)}),
        significance=proof.described_significance(),
        blocks=to_json(blocks),
    )


def _metrics(evaluation: Evaluation) -> Metrics:
    return _single(window_metrics(evaluation, HOLDOUT))


def _single(values: Mapping[str, FloatArray]) -> Metrics:
    """Return the numbers of the only window, None for an undefined one."""
    return {name: to_json(float(value[0])) for name, value in values.items()}


def _describe_policy(policy: Policy, market: Market) -> dict[str, Any]:
    oracle = {"oracle": True} if isinstance(policy, Oracle) else {}
    described: dict[str, Any] = to_json({"name": policy.name, **policy.describe(), **oracle})
    if market.outlook is not None and reads_forecasts(policy):
        described["forecaster"] = to_json(market.outlook.facts)
        if market.outlook.test_only is not None:
            described["test_only"] = market.outlook.test_only
    return described


def reads_forecasts(policy: Policy) -> bool:
    """Return whether a policy's decisions depend on the market's forecaster."""
    return getattr(policy, "reads_forecasts", False) or any(map(is_outlook, policy.feature_names))


def _equal_weight(
    proof: Proof, baselines: Mapping[str, Evaluation], metrics: Mapping[str, Metrics], protocol: Protocol
) -> Baseline | None:
    """Return equal weight as the verdict needs it; its own intervals are drawn only on demand."""
    if proof.excess is None:
        return None
    intervals = partial(intervals_of, baselines[EQUAL_WEIGHT], protocol)
    return Baseline(metrics[EQUAL_WEIGHT], proof.excess, intervals, proof.equal_weight)


def describe_data(market: Market) -> dict[str, Any]:
    """Return a scorecard's ``data``: source, fingerprint, calendar, symbols and dates of the prices."""
    panel = market.panel
    description: dict[str, Any] = to_json(
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
