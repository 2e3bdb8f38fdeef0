"""Parts of a run: modules a learner fits before its own updates, and policies of some symbols judged beside its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from lightning.pytorch import LightningModule, Trainer

from rlx.app.callbacks import StopOnInterrupt, progress_bar
from rlx.app.checkpoints import MovableCheckpoint, WholeFiles
from rlx.app.hardware import Hardware
from rlx.app.outputs import write_outputs
from rlx.app.quiet import quiet_lightning
from rlx.app.resume import GoOn
from rlx.config import TrainConfig, TrainerConfig
from rlx.data.splits import Span
from rlx.evaluate.aggregate import write_aggregate
from rlx.evaluate.judge import Judgement, judge
from rlx.learners.base import FitPart, Learner, Part
from rlx.plain import write_json
from rlx.policies.baselines import standard_baselines
from rlx.policies.checkpoint import load_checkpoint, save_checkpoint

PARTS = "parts"
WHOLE = "book"  # the policy for all symbols, beside those for some
ONE_LONG_EPOCH: dict[str, Any] = {
    "devices": 1,
    "max_epochs": 1,
    "num_sanity_val_steps": 0,
    "log_every_n_steps": 1,
    "enable_model_summary": False,
}


def part_fitter(settings: TrainerConfig, hardware: Hardware) -> FitPart:
    """Return what fits a part: the Trainer as configured, but for budget and validation, which are the part's own."""

    def fit(module: LightningModule, checkpoint: Path, updates: int, validate_every_updates: int) -> None:
        interrupt = StopOnInterrupt("keeping what is there; go on with resume=RUN")
        last = MovableCheckpoint(
            dirpath=checkpoint.parent,
            filename=checkpoint.stem,
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        )
        start = checkpoint if checkpoint.is_file() else None
        with quiet_lightning():
            trainer = Trainer(
                **ONE_LONG_EPOCH,
                accelerator=hardware.accelerator,
                precision=cast(Any, hardware.precision),
                limit_train_batches=updates,
                val_check_interval=min(validate_every_updates, updates),
                logger=False,
                callbacks=[interrupt, *progress_bar(settings), *([] if start is None else [GoOn(False)]), last],
                plugins=WholeFiles(),
                enable_progress_bar=settings.progress,
                default_root_dir=checkpoint.parent,
            )
            trainer.fit(module, ckpt_path=start, weights_only=True)
        if interrupt.interrupted:
            raise KeyboardInterrupt

    return fit


def judge_parts(
    run_dir: Path, parts: Mapping[str, Part], span: Span, config: TrainConfig, provenance: Mapping[str, Any]
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
