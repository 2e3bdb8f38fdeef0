"""``train.py``: fit a learner, keep its best policy, and judge what was saved."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from lightning.pytorch import seed_everything

from rlx.app.construct import construct
from rlx.app.guards import settle_guard
from rlx.app.outlook import warn_of_seen
from rlx.app.outputs import print_folder, print_summary, write_evals
from rlx.app.parts import judge_parts, judge_saved, write_parts, write_report
from rlx.config import TrainConfig
from rlx.console import show_progress
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.data.traded import Traded
from rlx.evaluate.judge import Judgement
from rlx.evaluate.protocols.span import fit_windows, late_start, protocol_span
from rlx.learners.base import Learner, Preparation
from rlx.measures.trials import Sweep
from rlx.run_folder import RunFolder, folder_shown
from rlx.runs.provenance import record_run
from rlx.runs.sweeps import own_sweep
from rlx.tracking.loggers import log_final, open_loggers
from rlx.training.fit import Fitted, fit
from rlx.training.hardware import set_up
from rlx.training.resume import find_earlier
from rlx.training.trainer import part_fitter

log = logging.getLogger(__name__)


def train(
    config: TrainConfig,
    resolved: Mapping[str, Any],
    traded: Traded,
    run_dir: Path,
    *,
    began: float,
    cache_fallback: str | None = None,
) -> Fitted:
    """Train, export the best policy, and judge the exported files.

    The run folder gets the policy, the scorecard and everything needed to repeat the run. Ctrl-C, SIGTERM, SIGHUP, a
    time limit and an early stop all end in a scorecard of the best policy so far. ``config.resume`` names a run to
    continue. ``began`` is when the command began, by ``time.perf_counter``, and ``cache_fallback`` is the reason why
    compile caches are not used; both are for the scorecard.
    """
    fitted, outcome = fit_and_judge(
        config, resolved, traded, run_dir, began=began, cache_fallback=cache_fallback, sweep=own_sweep()
    )
    print_folder(run_dir) if outcome is None else print_summary(run_dir, *outcome)
    return fitted


class Outcome(NamedTuple):
    """The judgement of the whole policy, the folder of its windows if any, and the judgements of its parts."""

    judgement: Judgement
    evals: Path | None
    parts: dict[str, Judgement]


def fit_and_judge(
    config: TrainConfig,
    resolved: Mapping[str, Any],
    traded: Traded,
    run_dir: Path,
    *,
    began: float,
    cache_fallback: str | None = None,
    sweep: Sweep | None = None,
    judged_when_stopped: bool = True,
) -> tuple[Fitted, Outcome | None]:
    """Train and judge like ``train`` without printing the result, which is None for a module without updates.

    Unless ``judged_when_stopped``, a signal raises its exception after the current update.
    """
    seed_everything(config.seed, verbose=False)
    hardware = set_up(config.hardware, cache_fallback)
    config, resolved, guard_fit = settle_guard(config, resolved, traded.market)
    span = judged_span(config, traded)
    config = replace(config, protocol=fit_windows(config.protocol, span))
    config.protocol.window_sets(span, traded.market.timestamps)
    learner = make_learner(config, resolved, traded)
    warn_of_no_test(config, traded.market, span, learner)
    resumed = None if config.resume is None else Path(config.resume)
    earlier = None if resumed is None else find_earlier(resumed, config.trainer, learner)
    more = guard_fit if earlier is None else {"resumed_from": earlier.facts(), **guard_fit}
    provenance = record_run(run_dir, resolved, more=more)
    if earlier is not None:
        earlier.warn_of_changes(provenance)
    with open_loggers(config.logger, run_dir, run_dir.name, resolved) as loggers:  # first: a preparation may take hours
        log_start(learner, traded.market, run_dir)
        learner.prepare(Preparation(run_dir, resumed, part_fitter(config.trainer, hardware, run_dir, resumed)))
        if learner.updates == 0:
            write_report(run_dir, learner, {}, 0.0)
            return Fitted(math.nan, None, {}), None
        fitted = fit(
            config,
            learner,
            traded,
            run_dir,
            loggers,
            hardware,
            began,
            earlier,
            judged_when_stopped=judged_when_stopped,
        )
        provenance = {**provenance, "hardware": hardware.facts()}
        outcome = judge_trained(config, learner, traded.market, span, run_dir, provenance, fitted.performance, sweep)
        scores = outcome.judgement.scorecard.logged()
        log_final(loggers, {**scores, **learner.preparation_metrics()}, step=learner.totals.updates)
    return fitted, outcome


def judged_span(config: TrainConfig, traded: Traded) -> Span:
    """Return the span that the best policy will be judged on."""
    span = protocol_span(traded.market, traded.splits, config.protocol, first_bar=traded.splits.train.start)
    if note := late_start(traded.market, config.protocol, span):
        log.warning(note)
    warn_of_seen(traded.market, span)
    return span


def warn_of_no_test(config: TrainConfig, market: Market, span: Span, learner: Learner) -> None:
    """Warn before training if no window can be a test of the trained policy."""
    stamps = market.timestamps
    seen = {name: (stamps[part.start], stamps[part.stop]) for name, part in learner.seen_spans().items()}
    if note := config.protocol.note(learner.module, span, stamps, seen):
        log.warning(note)


def judge_trained(
    config: TrainConfig,
    learner: Learner,
    market: Market,
    span: Span,
    run_dir: Path,
    provenance: Mapping[str, Any],
    performance: Mapping[str, float],
    sweep: Sweep | None = None,
) -> Outcome:
    """Export the policy, judge the exported files, and write everything to the run folder."""
    log.info("Judging the best policy.")
    learner.export(RunFolder(run_dir).policy)
    protocol = config.protocol
    with show_progress("Judging the best policy"):
        judgement = judge_saved(
            run_dir,
            market,
            config.rules(),
            span,
            protocol,
            provenance,
            performance=performance,
            sweep=sweep,
            data=config.data,
        )
    parts = judge_parts(run_dir, learner.parts(), span, protocol, provenance, sweep)
    write_parts(run_dir, learner, judgement, parts, performance["train_wall_seconds"])
    return Outcome(judgement, write_evals(run_dir, judgement, market), parts)


def log_start(learner: Learner, market: Market, run_dir: Path) -> None:
    """Log what is trained, on which data, and the run folder."""
    of = f"{len(market.symbols)} symbols and {market.n_bars:,} bars of {market.panel.source or 'a panel'}"
    log.info("Training module=%s on %s, into %s.", learner.module, of, folder_shown(run_dir))


def make_learner(config: TrainConfig, resolved: Mapping[str, Any], traded: Traded) -> Learner:
    """Build the configured learner on the market."""
    factory = construct(config.module)
    learner: Learner = factory(
        market=traded.market,
        rules=config.rules(),
        splits=traded.splits,
        feature_names=traded.feature_names,
        seed=config.seed,
    )
    learner.resolved_config = dict(resolved)
    return learner
