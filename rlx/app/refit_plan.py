"""The plan of a training with ``protocol.refit=true``: each fit is a run on what is known before its window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from rlx.config import TrainConfig
from rlx.data.panel import format_stamp
from rlx.data.splits import Span, Splits
from rlx.data.traded import Traded
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.protocols.walk_forward import WalkForward
from rlx.files import to_json
from rlx.measures.trials import Sweep
from rlx.run_folder import RunFolder
from rlx.runs.sweeps import own_sweep
from rlx.types import TimeArray


@dataclass(frozen=True)
class Refit:
    """One fit: a training run in a folder of its own, judged on its window; everything that its process needs."""

    folder: Path
    config: TrainConfig
    resolved: dict[str, Any]
    traded: Traded
    cache_fallback: str | None
    sweep: Sweep | None

    @property
    def done(self) -> bool:
        """Whether it has finished, in this process or another."""
        return RunFolder(self.folder).scorecard.exists()

    def describe(self) -> str:
        """Return until when it is trained and validated, and its window."""
        stamps, splits = self.traded.market.timestamps, self.traded.splits
        bars = (splits.train.stop, splits.validation.stop, splits.test.start, splits.test.stop)
        trained, validated, first, last = (format_stamp(stamps[bar]) for bar in bars)
        return f"trained until {trained}, validated until {validated}, decides from {first}, its window ends {last}"


def plan_fits(
    config: TrainConfig,
    resolved: Mapping[str, Any],
    traded: Traded,
    span: Span,
    run_dir: Path,
    cache_fallback: str | None,
) -> list[Refit]:
    """Return the fits in time order; ConfigError where not enough is known before the first window."""
    walk, stamps, sweep = cast(WalkForward, config.protocol), traded.market.timestamps, own_sweep()
    config, resolved = _grouped(config, resolved, run_dir.name)
    folder, found = RunFolder(run_dir), list[Refit]()
    for number, splits in enumerate(walk.refits(traded.splits, span, stamps)):
        own, recorded = _settings(config, resolved, splits, stamps)
        if walk.warm_start and found:
            own, recorded = _warm_started(own, recorded, found[-1].folder)
        where = folder.refit(f"{number:02}").path
        found.append(Refit(where, own, recorded, traded._replace(splits=splits), cache_fallback, sweep))
    return found


def _grouped(config: TrainConfig, resolved: Mapping[str, Any], name: str) -> tuple[TrainConfig, dict[str, Any]]:
    """Return both configurations with the run's name as the group of its fits in W&B, unless one is chosen."""
    group = config.logger.group or name
    logger = {**resolved["logger"], "group": group}
    return replace(config, logger=replace(config.logger, group=group)), {**resolved, "logger": logger}


def _settings(
    config: TrainConfig, resolved: Mapping[str, Any], splits: Splits, stamps: TimeArray
) -> tuple[TrainConfig, dict[str, Any]]:
    """Return the configuration of a fit, typed and as recorded: the dates of its splits, judged on its window."""
    train_end, validation_end = (_text(stamps, span.stop - 1) for span in (splits.train, splits.validation))
    split = replace(config.data.split, train_end=train_end, validation_end=validation_end)
    walk = config.protocol
    protocol = Protocol(
        split="test",
        start=_text(stamps, splits.test.start),
        end=_text(stamps, splits.test.stop),
        window_steps=min(walk.window_steps, len(splits.test)),
        bootstrap_replications=walk.bootstrap_replications,
        confidence=walk.confidence,
        seed=walk.seed,
        trials=walk.trials,
    )
    own = replace(config, data=replace(config.data, split=split), protocol=protocol, resume=None)
    data = {**resolved["data"], "split": to_json(split)}
    return own, {**resolved, "data": data, "protocol": to_json(protocol), "resume": None}


def _text(stamps: TimeArray, bar: int) -> str:
    return str(np.datetime_as_string(stamps[bar], unit="s"))


def _warm_started(config: TrainConfig, resolved: dict[str, Any], before: Path) -> tuple[TrainConfig, dict[str, Any]]:
    module = replace(config.module, warm_start=str(before))
    return replace(config, module=module), {**resolved, "module": {**resolved["module"], "warm_start": str(before)}}
