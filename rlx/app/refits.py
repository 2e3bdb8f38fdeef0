"""``train.py`` with ``protocol.refit=true``: a fit before each window on what is known then, judged as one track."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np

from rlx.app.contestant import compared_with
from rlx.app.guards import settle_guard
from rlx.app.outputs import print_summary, write_evals, write_outputs
from rlx.app.processes import in_processes
from rlx.app.refit_plan import Refit, plan_fits
from rlx.app.train import Outcome, fit_and_judge, judged_span
from rlx.config import TrainConfig
from rlx.config.changes import changes
from rlx.console import late_progress, show_progress
from rlx.data.splits import Span
from rlx.data.traded import Traded
from rlx.errors import ConfigError
from rlx.evaluate.judge import judge
from rlx.evaluate.protocols.span import fit_windows
from rlx.evaluate.protocols.walk_forward import WalkForward
from rlx.evaluate.scorecard import Scorecard
from rlx.files import write_folder
from rlx.policies.refitted import load_refitted, write_index
from rlx.run_folder import RunFolder
from rlx.runs.provenance import record_run
from rlx.runs.sweeps import own_sweep
from rlx.tracking.loggers import log_final, open_loggers
from rlx.training.fit import Fitted
from rlx.training.hardware import set_up
from rlx.untrusted.documents import read_yaml
from rlx.untrusted.plain_types import require

MAY_CHANGE = ("jobs", "bootstrap_replications", "confidence", "seed", "trials")
log = logging.getLogger(__name__)


class Spent(TypedDict):
    """The part of a fit's performance that is added up."""

    train_wall_seconds: float
    validation_wall_seconds: float
    updates: int
    gradient_steps: int


def train_over_time(
    config: TrainConfig,
    resolved: Mapping[str, Any],
    traded: Traded,
    run_dir: Path,
    *,
    began: float,
    cache_fallback: str | None = None,
) -> Fitted:
    """Fit the module before each window, and judge one account that always trades by the latest fit.

    Each fit is a run in ``refits/``. Ctrl-C, SIGTERM and SIGHUP keep what is there, and ``config.resume`` names a run
    to continue: its finished fits are taken over. The other arguments are those of ``rlx.app.train.train``.
    """
    hardware = set_up(config.hardware, cache_fallback)
    config, resolved, guard_fit = settle_guard(config, resolved, traded.market)
    span = judged_span(config, traded)
    config = replace(config, protocol=fit_windows(config.protocol, span))
    config.protocol.window_sets(span, traded.market.timestamps)
    earlier = None if config.resume is None else Path(config.resume)
    if earlier is not None:
        _refuse_other_windows(earlier, resolved)
    refits = plan_fits(config, resolved, traded, span, run_dir, cache_fallback)
    more = guard_fit if earlier is None else {"resumed_from": {"run": str(earlier)}, **guard_fit}
    provenance = {**record_run(run_dir, resolved, more=more), "hardware": hardware.facts()}
    refits = _continued(refits, None if earlier is None else RunFolder(earlier))
    best = fit_all(refits, config)
    stamps = traded.market.timestamps
    write_index(run_dir, {refit.folder.name: stamps[refit.traded.splits.test.start] for refit in refits})
    with open_loggers(config.logger, run_dir, run_dir.name, resolved) as loggers:
        performance = _performance(refits, began)
        outcome = _judge(config, resolved, traded, span, run_dir, provenance, performance)
        log_final(loggers, outcome.judgement.scorecard.logged(), step=performance["updates"])
    print_summary(run_dir, *outcome)
    return Fitted(float(np.mean(best)) if best else float("nan"), None, performance)


def _refuse_other_windows(earlier: Path, resolved: Mapping[str, Any]) -> None:
    """Raise ConfigError if the windows or fits of the run to resume are not those of this one."""
    path = RunFolder(earlier).config
    recorded = require(read_yaml(path), dict[str, Any], str(path))
    before, now = (
        {f"protocol.{key}": value for key, value in values["protocol"].items() if key not in MAY_CHANGE}
        for values in (recorded, resolved)
    )
    if changed := changes(before, now, "the run"):
        raise ConfigError(f"resume={earlier}: {changed} cannot change in a resumed run with refits.")
    if RunFolder(earlier).scorecard.exists():
        raise ConfigError(f"resume={earlier}: has finished, its result is {RunFolder(earlier).scorecard}.")


def _continued(refits: Sequence[Refit], earlier: RunFolder | None) -> list[Refit]:
    """Return the fits, each resuming that of an ``earlier`` run as far as it came; finished ones are copied."""
    return [refit if earlier is None else _continued_one(refit, earlier.refit(refit.folder.name)) for refit in refits]


def _continued_one(refit: Refit, there: RunFolder) -> Refit:
    if there.scorecard.exists():
        write_folder(refit.folder.parent, refit.folder.name, partial(_copy, there.path))
        return refit
    started = any(there.path.rglob("*.ckpt"))
    return replace(refit, config=replace(refit.config, resume=str(there.path))) if started else refit


def _copy(run: Path, folder: Path) -> None:
    shutil.copytree(run, folder, symlinks=True, dirs_exist_ok=True)


def fit_all(refits: Sequence[Refit], config: TrainConfig) -> list[float]:
    """Make the fits that are not done, and return the best validation of each."""
    to_do = [refit for refit in refits if not refit.done]
    jobs = cast(WalkForward, config.protocol).jobs or 1
    if kept := len(refits) - len(to_do):
        log.info("%d of %d fits are finished already.", kept, len(refits))
    results = _one_by_one(to_do, refits) if min(jobs, len(to_do)) <= 1 else _in_parallel(to_do, refits, jobs)
    return list(results)


def _one_by_one(to_do: Sequence[Refit], refits: Sequence[Refit]) -> Iterator[float]:
    for refit in to_do:
        log.info("Fit %d of %d: %s.", refits.index(refit) + 1, len(refits), refit.describe())
        yield fit_one(refit)


def _in_parallel(to_do: Sequence[Refit], refits: Sequence[Refit], jobs: int) -> Iterator[float]:
    quiet = [
        replace(one, config=replace(one.config, trainer=replace(one.config.trainer, progress=False))) for one in to_do
    ]
    done, results = len(refits) - len(to_do), dict[int, float]()
    with late_progress() as show:
        show(f"Fits, {jobs} at a time", done, len(refits))
        for place, result in in_processes(fit_one, quiet, jobs):
            results[place] = result
            log.info("Fit %d of %d is done: %s.", refits.index(to_do[place]) + 1, len(refits), to_do[place].describe())
            show(f"Fits, {jobs} at a time", done + len(results), len(refits))
    yield from (results[place] for place in sorted(results))


def fit_one(refit: Refit) -> float:
    """Make one fit in its folder, and return its best validation."""
    fitted, outcome = fit_and_judge(
        refit.config,
        refit.resolved,
        refit.traded,
        refit.folder,
        began=time.perf_counter(),
        cache_fallback=refit.cache_fallback,
        sweep=refit.sweep,
        judged_when_stopped=False,
    )
    if outcome is None:
        raise ConfigError("protocol.refit=true: the module has no updates, so that there is no policy to judge.")
    return fitted.best_validation


def _judge(
    config: TrainConfig,
    resolved: Mapping[str, Any],
    traded: Traded,
    span: Span,
    run_dir: Path,
    provenance: Mapping[str, Any],
    performance: Mapping[str, Any],
) -> Outcome:
    """Read all fits back from disk, judge them as one policy over all windows, and write the result."""
    policy = load_refitted(run_dir)
    log.info("Judging the track of %d fits.", len(policy.fits))
    with show_progress("Judging the track"):
        judgement = judge(
            policy,
            traded.market,
            span,
            config.rules(),
            config.protocol,
            baselines=compared_with(policy),
            module=policy.name,
            config=resolved,
            provenance=provenance,
            performance=performance,
            seen=policy.seen,
            sweep=own_sweep(),
        )
        write_outputs(run_dir, judgement)
    return Outcome(judgement, write_evals(run_dir, judgement, traded.market), {})


def _performance(refits: Sequence[Refit], began: float) -> dict[str, Any]:
    """Return the sums over all fits, those of an earlier run included, and the time since the command began."""
    paths = [RunFolder(refit.folder).scorecard for refit in refits]
    spent = [require(Scorecard.load(path).performance, Spent, str(path), "performance") for path in paths]
    sums = {name: sum(one[name] for one in spent) for name in Spent.__annotations__}
    return {**sums, "command_wall_seconds": time.perf_counter() - began}
