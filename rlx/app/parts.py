"""Policies of some of the symbols, which a learner made besides the one for all: judged and written as that is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlx.app.outputs import write_outputs
from rlx.config import TrainConfig
from rlx.data.splits import Span
from rlx.evaluate.aggregate import write_aggregate
from rlx.evaluate.judge import Judgement, judge
from rlx.evaluate.trials import Sweep
from rlx.learners.base import Learner, Part
from rlx.plain import write_json
from rlx.policies.baselines import standard_baselines
from rlx.policies.checkpoint import load_checkpoint, save_checkpoint

PARTS = "parts"
WHOLE = "book"  # the policy for all symbols, beside those for some


def judge_parts(
    run_dir: Path,
    parts: Mapping[str, Part],
    span: Span,
    config: TrainConfig,
    provenance: Mapping[str, Any],
    sweep: Sweep | None = None,
) -> dict[str, Judgement]:
    """Export, reload and judge each part as the whole is, and leave it in ``parts/NAME``."""
    judged = {}
    for name, part in parts.items():
        folder = run_dir / PARTS / name
        save_checkpoint(folder / "policy", part.facts, part.network)
        policy = load_checkpoint(folder / "policy")
        judged[name] = judge(
            policy,
            part.market,
            span,
            part.rules,
            config.protocol,
            baselines=standard_baselines(),
            module=part.facts.module,
            config=part.facts.config,
            provenance=provenance,
            seen=policy.seen,
            sweep=sweep,
        )
        write_outputs(folder, judged[name])
    return judged


def write_parts(
    run_dir: Path, learner: Learner, whole: Judgement, parts: Mapping[str, Judgement], seconds: float
) -> None:
    """Write the table of all parts and the whole, and the learner's report; nothing where there is none of them."""
    judged = {**parts, WHOLE: whole}
    if parts:
        write_aggregate(run_dir / f"aggregate_{learner.module}_metrics.csv", judged, learner.part_noun)
    write_report(run_dir, learner, {name: one.scorecard.metrics for name, one in judged.items()}, seconds)


def write_report(run_dir: Path, learner: Learner, judged: Mapping[str, Mapping[str, Any]], seconds: float) -> None:
    """Write what the learner reports about its training, if anything."""
    report = learner.report(judged, seconds)
    if report is not None:
        name, content = report
        write_json(run_dir / name, content)
