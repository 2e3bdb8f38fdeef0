"""The sweep a run was a trial of: how many trials it has, and how the others did on the hold-out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple, cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from rlx.errors import RlxError
from rlx.evaluate.scorecard import Scorecard
from rlx.evaluate.trials import Sweep

STUDY = "study.db"
log = logging.getLogger(__name__)


class Study(NamedTuple):
    """What the study of a sweep holds: how many trials ran to their end, failed ones included, and their objectives.

    ``objectives`` and ``best``, by the name of the trial's folder; none where one file holds several studies.
    """

    trials: int
    objectives: dict[str, float]
    best: str | None


def own_sweep() -> Sweep | None:
    """Return the sweep that this process runs a trial of; None outside of one, and of a grid, which has no study.

    It counts all trials that it shall have, and says nothing of their spread, which is not known before its end.
    """
    if not HydraConfig.initialized() or HydraConfig.get().mode is not RunMode.MULTIRUN:
        return None
    planned = OmegaConf.select(cast(DictConfig, HydraConfig.get()), "sweeper.n_trials")
    return None if planned is None else Sweep(planned)


def sweep_of(run_dir: Path | None) -> Sweep | None:
    """Return the sweep whose folder a run lies in, with the trials its study counts; None when it lies in none.

    A study that cannot be read is told in a warning, and counts as none.
    """
    study = None if run_dir is None else study_of(run_dir.resolve().parent)
    return None if study is None or run_dir is None else Sweep(study.trials, _other_sharpes(run_dir))


def study_of(folder: Path) -> Study | None:
    """Return the study of a sweep's folder; None without one, and with a warning where it cannot be read."""
    if not (path := folder / STUDY).is_file():
        return None
    try:
        return _read(path)
    except Exception as error:  # of Optuna, SQLAlchemy or SQLite; a judgement does not depend on it
        log.warning("%s cannot be read (%s): the trials of that sweep are not counted.", path, error)
        return None


def _read(path: Path) -> Study:
    import optuna

    from hydra_plugins.rlx_optuna._study import done

    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    try:
        names = optuna.get_all_study_names(storage)
        studies = [optuna.load_study(study_name=name, storage=storage) for name in names]
        count = sum(map(done, studies))
        if len(studies) != 1:
            return Study(count, {}, None)
        complete = studies[0].get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        objectives = {str(trial.number): float(trial.values[0]) for trial in complete}
        return Study(count, objectives, str(studies[0].best_trial.number) if complete else None)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _other_sharpes(run_dir: Path) -> dict[str, list[float]]:
    """Return the Sharpe ratios on the scorecards of the sweep's other runs, by the hash of their key."""
    sharpes: dict[str, list[float]] = {}
    for path in sorted(run_dir.resolve().parent.glob("*/scorecard.json")):
        if path.parent == run_dir.resolve():
            continue
        try:
            card = Scorecard.load(path)
        except RlxError as error:
            log.warning("Left out of the spread over trials: %s", error)
            continue
        sharpe = card.metrics["sharpe"]
        if sharpe is not None:
            sharpes.setdefault(card.key["hash"], []).append(sharpe)
    return sharpes
