"""A study that continues: trials are told one by one, and a failed one is recorded instead of ending the sweep.

The search-space syntax and the launching come from hydra-optuna-sweeper. Its own loop crashes when an objective is
NaN, starts a stored study over with ``n_trials`` more, and raises when one trial fails.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from hydra.core.utils import JobReturn
from hydra.utils import instantiate
from hydra_plugins.hydra_optuna_sweeper._impl import OptunaSweeperImpl, create_params_from_overrides
from omegaconf import DictConfig
from optuna.trial import Trial, TrialState

from hydra_plugins.rlx_optuna._report import print_trials, save_results
from rlx.errors import ConfigError, RlxError
from rlx.stops import status_of, words_of

log = logging.getLogger(__name__)

ABORTED = "aborted"  # user attribute of a trial that did not run to its end, and so is not one of the total
REASON = "failure"


class ResumableStudy(OptunaSweeperImpl):
    """The sweep loop. ``sampler`` is the sampler's configuration: it is built once the study's length is known."""

    def __init__(
        self,
        sampler: DictConfig,
        seed: int,
        direction: Any,
        storage: str,
        study_name: str,
        n_trials: int,
        n_jobs: int,
        params: DictConfig | None,
    ) -> None:
        super().__init__(sampler, direction, storage, study_name, n_trials, n_jobs, 1.0, None, None, params)
        self.seed = seed

    def sweep(self, arguments: list[str]) -> None:
        """Run trials of the search space in ``arguments`` and the sweep's params until the total is reached."""
        for name in ("n_trials", "n_jobs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"hydra.sweeper.{name}={getattr(self, name)}: must be at least 1.")
        self._process_searchspace_config()
        space, fixed, fixed_overrides = create_params_from_overrides([*self._parse_sweeper_params_config(), *arguments])
        space = {name: distribution for name, distribution in space.items() if name not in fixed}
        study = self._open_study()
        log.info("Study '%s' in %s: %d of %d trials done", self.study_name, self.storage, done(study), self.n_trials)
        try:
            while (missing := self.n_trials - done(study)) > 0:
                trials = [study.ask() for _ in range(min(missing, self.n_jobs))]
                self._run(study, trials, space, fixed, fixed_overrides)
        except KeyboardInterrupt as stop:
            words = words_of(stop)
            log.warning("%s The same command with hydra.sweep.dir=%s continues this sweep.", words, self.sweep_dir)
            raise SystemExit(status_of(stop)) from None
        finally:
            print_trials(study, REASON)
        save_results(study, Path(self.sweep_dir), fixed, fixed_overrides)
        if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            raise RlxError(f"None of the {done(study)} trials of study '{self.study_name}' gave a usable objective.")

    def _run(self, study: optuna.Study, trials: list[Trial], space: Any, fixed: Any, fixed_overrides: Any) -> None:
        assert self.launcher is not None  # built in setup()
        waiting = list(trials)
        try:
            overrides = self._configure_trials(trials, space, fixed, fixed_overrides)
            jobs: Sequence[JobReturn] = self.launcher.launch(overrides, initial_job_idx=trials[0].number)
            for trial, job in zip(trials, jobs, strict=True):
                record(study, trial, job)
                waiting.remove(trial)
        finally:
            for trial in waiting:
                trial.set_user_attr(ABORTED, True)
                fail(study, trial, "aborted before it returned an objective")

    def _open_study(self) -> optuna.Study:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        Path(self.sweep_dir).mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            study_name=self.study_name,
            storage=self.storage,
            direction=self._get_directions()[0],
            load_if_exists=True,
        )
        study.sampler = self._sampler(len(study.get_trials(deepcopy=False)))
        return study

    def _sampler(self, trials_so_far: int) -> optuna.samplers.BaseSampler:
        """Build the sampler; a continued study gets another seed, or it would draw its first trials again."""
        if self.sampler.get("_partial_"):
            raise ConfigError("hydra/sweeper/sampler=grid: for a grid, leave out hydra/sweeper=optuna and give a=1,2.")
        settings = {key: value for key, value in self.sampler.items() if value is not None}
        if "seed" in self.sampler:
            settings["seed"] = self.seed + trials_so_far
        sampler: optuna.samplers.BaseSampler = instantiate(settings)
        return sampler


def done(study: optuna.Study) -> int:
    """Count the trials that ran to their end, failed ones included."""
    return sum(t.state.is_finished() and ABORTED not in t.user_attrs for t in study.get_trials(deepcopy=False))


def record(study: optuna.Study, trial: Trial, job: JobReturn) -> None:
    """Tell the study a trial's objective, or that it failed and why."""
    try:
        value = float(job.return_value)  # the property raises what the trial raised
    except Exception as error:  # a trial may fail in any way; the reason is kept
        if not isinstance(error, RlxError):
            log.exception("Trial %d raised", trial.number)
        fail(study, trial, f"{type(error).__name__}: {error}")
        return
    if math.isfinite(value):
        study.tell(trial, value)
        log.info("Trial %d: objective %.6g, best so far %.6g", trial.number, value, study.best_value)
    else:
        fail(study, trial, f"the objective is {value}")


def fail(study: optuna.Study, trial: Trial, reason: str) -> None:
    """Mark a trial as failed, with its reason on one line."""
    reason = " ".join(reason.split())
    trial.set_user_attr(REASON, reason)
    study.tell(trial, state=TrialState.FAIL)
    log.warning("Trial %d failed: %s", trial.number, reason)
