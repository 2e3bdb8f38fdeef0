"""A study that continues: results are reported one by one, and a failed trial is recorded instead of ending the sweep.

The search-space syntax and the launching come from hydra-optuna-sweeper. Its own loop crashes when an objective is
NaN, starts a stored study over with ``n_trials`` more, and raises when one trial fails.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from hydra.core.utils import JobReturn
from hydra.utils import instantiate
from hydra_plugins.hydra_optuna_sweeper._impl import OptunaSweeperImpl, create_params_from_overrides
from omegaconf import DictConfig
from optuna.distributions import BaseDistribution
from optuna.trial import Trial, TrialState

from hydra_plugins.rlx_optuna._folder import note_folder, refuse_foreign_folder, refuse_nothing_to_run, taken
from hydra_plugins.rlx_optuna._report import print_trials, save_results
from hydra_plugins.rlx_optuna._stopped import fail_stopped
from hydra_plugins.rlx_optuna._terms import check_terms, settings_of
from hydra_plugins.rlx_optuna.config import ResumableSweeperConfig
from rlx.errors import ConfigError, RlxError
from rlx.ranges import check, declared
from rlx.runs.study_state import ABORTED, REASON, done, write_record
from rlx.runs.study_storage import Place, opened

log = logging.getLogger(__name__)


class Search(NamedTuple):
    """The search space, and the settings common to all trials: values by key, and deletions."""

    space: dict[str, BaseDistribution]
    fixed: dict[str, Any]
    deletions: list[str]

    @property
    def same(self) -> list[str]:
        """The overrides common to all trials."""
        return [f"{name}={value}" for name, value in self.fixed.items()] + self.deletions


class ResumableStudy(OptunaSweeperImpl):
    """The sweep loop. ``sampler`` configures the sampler, which is built once the study's length is known."""

    def __init__(
        self,
        sampler: DictConfig,
        seed: int,
        direction: Any,
        storage: str | None,
        study_name: str,
        n_trials: int,
        n_jobs: int,
        params: DictConfig | None,
    ) -> None:
        super().__init__(sampler, direction, storage, study_name, n_trials, n_jobs, 1.0, None, None, params)
        self.seed = seed
        self.name = study_name

    def sweep(self, arguments: list[str]) -> None:
        """Run trials of the search space in ``arguments`` and the sweep's params until the total is reached."""
        self._check_settings()
        search = self._search(arguments)
        folder = Path(self.sweep_dir)
        place = Place.of(self.storage, folder)
        refuse_foreign_folder(folder, place, self.name)
        with taken(folder), opened(place) as storage:
            study = self._open_study(storage, place, search)
            with self._reported(study, place, folder):
                while (missing := self.n_trials - done(study)) > 0:
                    trials = [self._ask(study, folder) for _ in range(min(missing, self.n_jobs))]
                    self._run(study, trials, search)
                    write_record(folder, place, study)
            save_results(study, folder, search.same)
            if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
                raise RlxError(f"None of the {done(study)} trials of study '{self.name}' gave a usable objective.")

    def _check_settings(self) -> None:
        if self.sampler.get("_partial_"):
            raise ConfigError("hydra/sweeper/sampler=grid: for a grid, leave out hydra/sweeper=optuna and give a=1,2.")
        given = {"n_trials": self.n_trials, "n_jobs": self.n_jobs, "seed": self.seed, "study_name": self.name}
        for name, (allowed, optional) in declared(ResumableSweeperConfig).items():
            if name in given:
                check(f"hydra.sweeper.{name}", given[name], allowed, optional=optional)

    def _search(self, arguments: list[str]) -> Search:
        self._process_searchspace_config()
        space, fixed, deletions = create_params_from_overrides([*self._parse_sweeper_params_config(), *arguments])
        return Search({name: one for name, one in space.items() if name not in fixed}, fixed, deletions)

    def _open_study(self, storage: optuna.storages.RDBStorage, place: Place, search: Search) -> optuna.Study:
        """Return the study, ready to continue: trials of killed processes are marked as failed."""
        assert self.hydra_context is not None and self.config is not None  # set in setup()
        folder, direction = Path(self.sweep_dir), self._get_directions()[0]
        common = self.hydra_context.config_loader.load_sweep_config(self.config, search.same)
        study = optuna.create_study(study_name=self.name, storage=storage, direction=direction, load_if_exists=True)
        named = f"study '{self.name}' in {place.shown}"
        if not check_terms(study, direction, search.space, settings_of(common, search.space), named):
            log.warning("%s does not record its trials' settings; they are assumed to be those of this sweep.", named)
        fail_stopped(study, folder, own=self.storage is None)
        refuse_nothing_to_run(study, folder, self.n_trials, named)
        study.sampler = self._sampler(len(study.get_trials(deepcopy=False)))
        write_record(folder, place, study)
        log.info("Study '%s' in %s: %d of %d trials done", self.name, place.shown, done(study), self.n_trials)
        return study

    @contextmanager
    def _reported(self, study: optuna.Study, place: Place, folder: Path) -> Iterator[None]:
        """Print the table of trials and update the record, however the loop inside the block ends."""
        try:
            yield
        except KeyboardInterrupt as stop:
            stop.add_note(f"The same command with hydra.sweep.dir={self.sweep_dir} continues this sweep.")
            raise
        finally:
            write_record(folder, place, study)
            print_trials(study)

    def _ask(self, study: optuna.Study, folder: Path) -> Trial:
        trial = study.ask()
        note_folder(trial, folder)
        return trial

    def _run(self, study: optuna.Study, trials: list[Trial], search: Search) -> None:
        assert self.launcher is not None  # built in setup()
        waiting = list(trials)
        try:
            overrides = self._configure_trials(trials, search.space, search.fixed, search.deletions)
            jobs: Sequence[JobReturn] = self.launcher.launch(overrides, initial_job_idx=trials[0].number)
            for trial, job in zip(trials, jobs, strict=True):
                record(study, trial, job)
                waiting.remove(trial)
        finally:
            for trial in waiting:
                trial.set_user_attr(ABORTED, True)
                fail(study, trial, "aborted before it returned an objective")

    def _sampler(self, trials_so_far: int) -> optuna.samplers.BaseSampler:
        """Build the sampler; a continued study gets another seed, or it would draw its first trials again."""
        settings = {key: value for key, value in self.sampler.items() if value is not None}
        if "seed" in self.sampler:
            settings["seed"] = self.seed + trials_so_far
        sampler: optuna.samplers.BaseSampler = instantiate(settings)
        return sampler


def record(study: optuna.Study, trial: Trial, job: JobReturn) -> None:
    """Report a trial's objective to the study, or its failure and the reason."""
    try:
        value = float(job.return_value)  # the property raises what the trial raised
    except Exception as error:  # a trial may fail in any way; the reason is recorded
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
