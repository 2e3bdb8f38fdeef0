"""Judge a learner's policies for some of the symbols, and write their results like those of the policy for all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlx.app.contestant import compared_with
from rlx.app.known_answer import with_known_answer
from rlx.app.outputs import write_outputs
from rlx.console import announced
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.evaluate.aggregate import write_aggregate
from rlx.evaluate.judge import Judgement, judge
from rlx.evaluate.protocols.base import Protocol
from rlx.files import write_json
from rlx.learners.base import WHOLE, Learner, Part
from rlx.measures.trials import Sweep
from rlx.policies.checkpoint import load_checkpoint, save_checkpoint
from rlx.run_folder import RunFolder
from rlx.sim.rules import Rules


def judge_saved(
    folder: Path,
    market: Market,
    rules: Rules,
    span: Span,
    protocol: Protocol,
    provenance: Mapping[str, Any],
    *,
    performance: Mapping[str, Any] | None = None,
    sweep: Sweep | None = None,
    data: Any = None,
) -> Judgement:
    """Read the policy of a folder back from disk, judge it, and write the result to the folder.

    ``data`` is the configuration of the market, if that may be one with a known optimum.
    """
    policy = load_checkpoint(folder)
    judgement = judge(
        policy,
        market,
        span,
        rules,
        protocol,
        baselines=compared_with(policy),
        module=policy.facts.module,
        config=policy.facts.config,
        provenance=provenance,
        performance=performance,
        seen=policy.seen,
        sweep=sweep,
    )
    judgement = with_known_answer(judgement, data, market, span, rules)
    write_outputs(folder, judgement)
    return judgement


def judge_parts(
    run_dir: Path,
    parts: Mapping[str, Part],
    span: Span,
    protocol: Protocol,
    provenance: Mapping[str, Any],
    sweep: Sweep | None = None,
) -> dict[str, Judgement]:
    """Export and judge each part like the whole, in ``parts/NAME``."""
    judged = {}
    for name in announced(list(parts), "part {}".format):
        part, folder = parts[name], RunFolder(run_dir).part(name)
        save_checkpoint(folder.policy, part.facts, part.network)
        judged[name] = judge_saved(folder.path, part.market, part.rules, span, protocol, provenance, sweep=sweep)
    return judged


def write_parts(
    run_dir: Path, learner: Learner, whole: Judgement, parts: Mapping[str, Judgement], seconds: float
) -> None:
    """Write the table of all parts and the whole, if there are parts, and the learner's report, if it has one."""
    judged = {**parts, WHOLE: whole}
    if parts:
        write_aggregate(run_dir / f"aggregate_{learner.module}_metrics.csv", judged, learner.part_noun)
    write_report(run_dir, learner, {name: one.scorecard.metrics for name, one in judged.items()}, seconds)


def write_report(run_dir: Path, learner: Learner, judged: Mapping[str, Mapping[str, Any]], seconds: float) -> None:
    """Write the learner's report about its training, if it has one."""
    report = learner.report(judged, seconds)
    if report is not None:
        name, content = report
        write_json(run_dir / name, content)
