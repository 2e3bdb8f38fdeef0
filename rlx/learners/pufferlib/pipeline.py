"""Run the stages or take them from an earlier run or the cache, and check that each fits the next."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from rlx.errors import ConfigError, RlxError
from rlx.files import copy_file, write_folder
from rlx.forecast.config import FORECASTER, SPECIALISTS
from rlx.forecast.fit import ForecastFit
from rlx.forecast.hand_over import FACTS_FILE, STAGES_FOLDER, Demand, Forecasts, read_forecasts, write_forecasts
from rlx.forecast.stages import Forecasting
from rlx.learners.base import Preparation
from rlx.learners.pufferlib.config import PORTFOLIO, PufferlibConfig
from rlx.states import preserved_random_states

log = logging.getLogger(__name__)


class Pipeline:
    """Provides the portfolio's forecasts and writes them to the run folder's ``stages/``.

    A stage is taken from the run that is resumed. Otherwise a listed stage is run, or taken from the cache if it has
    been run before, and a stage that is not listed is taken from ``module.resume``. Every stage is checked against what
    this run needs. ``unseen_from`` is the first decision on which the portfolio is validated.
    """

    def __init__(
        self,
        config: PufferlibConfig,
        forecasting: Forecasting,
        preparation: Preparation,
        unseen_from: np.datetime64,
    ) -> None:
        self.config, self.forecasting, self.preparation = config, forecasting, preparation
        self.unseen_from = unseen_from
        self.folder = preparation.run_dir / STAGES_FOLDER

    def run(self) -> dict[str, Forecasts]:
        """Return the forecasts by stage; RlxError if one is missing, does not fit, or has no skill."""
        self._check_resume()
        with preserved_random_states():  # later random numbers do not depend on whether a stage was run or taken
            return self._run()

    def _run(self) -> dict[str, Forecasts]:
        forecasting = self.forecasting
        validated_from = forecasting.market.timestamps[forecasting.spans.specialists.start]
        demand = self._demand(SPECIALISTS, validated_from)
        make = partial(forecasting.make_forecaster, self._fit)
        generic = self._provide(FORECASTER, forecasting.key(FORECASTER), make, demand)
        if generic is None:
            raise ConfigError(
                f"module.stages={self.config.stages}: {FORECASTER} is left out, and every other stage needs it. List "
                "it, or give module.resume=RUN, a run that has one."
            )
        self._refuse_worse(generic)
        made = {FORECASTER: generic}
        if not (set(self.config.stages) - {FORECASTER}):
            return made
        demand = self._demand(PORTFOLIO, self.unseen_from, generic)
        make = partial(forecasting.make_specialists, generic, self._fit)
        specialists = self._provide(SPECIALISTS, forecasting.key(SPECIALISTS, generic.facts.key), make, demand)
        if specialists is None:
            log.info(f"{SPECIALISTS}: left out, and no run has any: the forecaster is used for every symbol.")
            return made
        _report_choices(specialists)
        return {**made, SPECIALISTS: specialists}

    def _check_resume(self) -> None:
        if self.config.resume is None or self.preparation.earlier is not None:
            return
        if not (Path(self.config.resume) / STAGES_FOLDER).is_dir():
            raise ConfigError(
                f"module.resume={self.config.resume}: has no {STAGES_FOLDER}/. Give the folder of a "
                "module=pufferlib run."
            )
        if {FORECASTER, SPECIALISTS} <= set(self.config.stages):
            log.warning(
                f"module.resume={self.config.resume} has no effect: module.stages lists every stage that could be "
                "taken from it."
            )

    def _demand(self, taker: str, unseen_from: np.datetime64, generic: Forecasts | None = None) -> Demand:
        market = self.forecasting.market
        return Demand(
            taker=taker,
            symbols=tuple(market.symbols),
            feature_names=self.forecasting.feature_names,
            window_steps=self.config.window_steps,
            data_fingerprint=market.fingerprint,
            network=self.config.network_arguments(),
            unseen_from=unseen_from,
            normalizer=None if generic is None else generic.facts.normalizer,
            upstream=None if generic is None else generic.facts.key,
        )

    def _provide(self, stage: str, key: str, make: Callable[[], Forecasts], demand: Demand) -> Forecasts | None:
        """Return the forecasts of a stage, checked and written to the run folder; None if there are none."""
        forecasts = self._of_run(self.preparation.earlier, stage)
        if forecasts is None and stage in self.config.stages:
            forecasts = self._cached(stage, key) or make()
        elif forecasts is None and self.config.resume is not None:
            forecasts = self._of_run(Path(self.config.resume), stage)
        if forecasts is None:
            return None
        demand.check(forecasts.facts, forecasts.source)
        self._keep(stage, key, forecasts)
        return forecasts

    def _of_run(self, run: Path | None, stage: str) -> Forecasts | None:
        folder = None if run is None else run / STAGES_FOLDER / stage
        return None if folder is None or not folder.is_dir() else read_forecasts(folder, str(folder))

    def _cached(self, stage: str, key: str) -> Forecasts | None:
        if self.config.cache_dir is None:
            return None
        folder = Path(self.config.cache_dir) / f"{stage}_{key}"
        return read_forecasts(folder, "cache") if (folder / FACTS_FILE).is_file() else None

    def _keep(self, stage: str, key: str, forecasts: Forecasts) -> None:
        write = partial(write_forecasts, forecasts=forecasts)
        write_folder(self.folder, stage, write)
        if forecasts.source == "trained" and self.config.cache_dir is not None:
            wanted = Path(self.config.cache_dir) / f"{stage}_{key}"
            written = write_folder(wanted.parent, wanted.name, write)
            if written != wanted:  # another run has just written the same
                shutil.rmtree(written)
        _unfinished(self.folder, stage, key).unlink(missing_ok=True)
        log.info(f"{stage}: {_result(forecasts)}")

    def _fit(self, job: ForecastFit, stage: str, key: str) -> None:
        """Run a fit from its last checkpoint: that of the resumed run, if it has one."""
        checkpoint = _unfinished(self.folder, stage, key)
        earlier = self.preparation.earlier
        if earlier is not None and _unfinished(earlier / STAGES_FOLDER, stage, key).is_file():
            copy_file(_unfinished(earlier / STAGES_FOLDER, stage, key), checkpoint)
        log.info(f"{stage}: at most {job.config.updates} updates on {len(self.forecasting.market.symbols)} symbols.")
        self.preparation.fit(job, checkpoint, job.config.updates, job.config.validate_every_updates)

    def _refuse_worse(self, generic: Forecasts) -> None:
        metrics = generic.facts.metrics
        if metrics["skill"] > 0.0:
            return
        text = (
            f"stage {FORECASTER} ({generic.source}): its validation pinball loss {metrics['pinball_loss']:.5f} "
            f"is no better than the climatology's {metrics['climatology_pinball_loss']:.5f}"
        )
        if not self.config.forecaster.accept_worse:
            raise RlxError(
                f"{text}, so it is not handed over. Train longer (module.forecaster.updates), try other features "
                "(data.features), or hand it over anyway (module.forecaster.accept_worse=true)."
            )
        log.warning(f"{text}; handed over anyway (module.forecaster.accept_worse=true).")


def _unfinished(folder: Path, stage: str, key: str) -> Path:
    return folder / f"{stage}_{key}.ckpt"


def _result(forecasts: Forecasts) -> str:
    facts, metrics = forecasts.facts, forecasts.facts.metrics
    made = f"{facts.wall_seconds:.1f} s" if forecasts.source == "trained" else f"taken from {forecasts.source}"
    baseline, skill = metrics["climatology_pinball_loss"], metrics["skill"]
    return (
        f"pinball loss {metrics['pinball_loss']:.4f} against the climatology's {baseline:.4f}, skill {skill:+.1%} "
        f"({made}, {metrics['updates']} updates)"
    )


def _report_choices(specialists: Forecasts) -> None:
    kept = [name for name, row in specialists.facts.metrics["symbols"].items() if row["kept"] == "specialist"]
    log.info(f"specialists kept for {', '.join(kept) or 'no symbol'}; the others keep the generic forecaster.")
