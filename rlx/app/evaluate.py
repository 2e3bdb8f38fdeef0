"""``evaluate.py``: judge one policy and write its scorecard."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rlx.app.construct import construct
from rlx.app.contestant import compared_with, make_ready, origin_of
from rlx.app.guards import guarded_rules, settle_guard
from rlx.app.known_answer import with_known_answer
from rlx.app.outlook import market_of, warn_of_seen
from rlx.app.outputs import (
    print_comparison,
    print_summary,
    write_comparison,
    write_documents,
    write_evals,
    write_outputs,
)
from rlx.config import EvaluateConfig
from rlx.console import show_progress
from rlx.data.features import chosen_features
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.data.traded import cut
from rlx.errors import ConfigError, RlxError
from rlx.evaluate.judge import judge
from rlx.evaluate.protocols.base import Conditions, Protocol
from rlx.evaluate.protocols.span import fit_windows, late_start, protocol_span
from rlx.policies.base import Dated, Documented, Policy, Refitted
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.runs.provenance import record_run
from rlx.runs.sweeps import sweep_of
from rlx.training.hardware import Hardware, for_evaluation, set_up

log = logging.getLogger(__name__)


def evaluate(
    config: EvaluateConfig, resolved: Mapping[str, Any], run_dir: Path, cache_fallback: str | None = None
) -> None:
    """Judge ``config.policy`` under the configured conditions and write the run folder.

    ``cache_fallback`` is the reason why compile caches are not used, for the scorecard. If the policy is refused, its
    documents that need no judgement are written anyway.
    """
    # The same number of threads as in training gives the same float32 sums.
    hardware = for_evaluation(set_up(config.hardware, cache_fallback))
    policy: Policy = construct(config.policy)
    market = market_of(config)
    try:
        _judge(config, resolved, run_dir, policy, market, hardware)
    except RlxError as error:
        if not isinstance(policy, Documented) or not policy.documents_when_refused:
            raise
        record_run(run_dir, resolved)
        written = write_documents(run_dir, policy.documents())
        raise type(error)(f"{error} Written anyway: {', '.join(map(str, written))}.") from error


def _judge(
    config: EvaluateConfig,
    resolved: Mapping[str, Any],
    run_dir: Path,
    policy: Policy,
    market: Market,
    hardware: Hardware,
) -> None:
    _refuse_to_fit(config.protocol, policy)
    make_ready(policy, market, config.costs)
    config, resolved, guard_fit = settle_guard(config, resolved, market)
    span = judged_span(config, market, policy)
    covered = isinstance(policy, Dated) and config.protocol.split == "auto"
    protocol = fit_windows(config.protocol, span, always=covered)  # with few dates, windows are shortened to them
    origin = origin_of(policy)
    guarded = partial(guarded_rules, config, market)
    plan = protocol.plan(Conditions(market, span, config.rules(), guarded, origin.seen))
    notes = late_start(market, protocol, span), protocol.note(policy.name, span, market.timestamps, origin.seen)
    for note in filter(None, notes):
        log.warning(note)
    warn_of_seen(market, span)
    provenance = record_run(run_dir, resolved, more=guard_fit)
    with show_progress(f"Judging {policy.name}"):
        judgement = judge(
            policy,
            market,
            span,
            plan.rules,
            protocol,
            baselines=compared_with(policy),
            module=policy.name,
            config=resolved,
            provenance={**provenance, "hardware": hardware.facts()},
            seen=origin.seen,
            sweep=sweep_of(origin.run),
        )
        judgement = with_known_answer(judgement, config.data, market, span, plan.rules)
        write_outputs(run_dir, judgement)
    if isinstance(policy, Documented):
        write_documents(run_dir, policy.documents())
    evals = write_evals(run_dir, judgement, market, origin.run)
    if plan.compare is None:
        print_summary(run_dir, judgement, evals)
        return
    comparison = plan.compare(policy, judgement.evaluation)
    write_comparison(run_dir, protocol, comparison)
    print_summary(run_dir, judgement, evals)
    print_comparison(protocol, comparison)


def _refuse_to_fit(protocol: Protocol, policy: Policy) -> None:
    """Raise ConfigError if the protocol fits a policy again, which only a training can."""
    if protocol.retrains and not isinstance(policy, Refitted):
        raise ConfigError(
            f"protocol.refit=true: an evaluation fits nothing again, and {policy.name} was fitted once. Use train.py, "
            "or protocol.refit=false."
        )


def judged_span(config: EvaluateConfig, market: Market, policy: Policy) -> Span:
    """Return the decisions to judge: by default the test split, or those that a recorded policy covers."""
    protocol = config.protocol
    if isinstance(policy, Dated) and protocol.split == "auto":
        return protocol_span(market, None, protocol, within=policy.span(market))
    if isinstance(policy, CheckpointPolicy):
        names, window_steps = policy.feature_names, policy.window_steps
    else:
        names, window_steps = chosen_features(config.data.features, market.panel), 1
    if protocol.split == "all":
        first = market.first_bar(policy.feature_names, policy.window_steps)
        return protocol_span(market, None, protocol, first_bar=first)
    return protocol_span(market, cut(market, config.data, names, window_steps), protocol)
