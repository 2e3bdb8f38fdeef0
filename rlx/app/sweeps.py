"""The sweep a run was a trial of: how many trials it has, and how the others did on the hold-out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from rlx.errors import RlxError
from rlx.evaluate.scorecard import Scorecard
from rlx.evaluate.trials import Sweep

STUDY = "study.db"
log = logging.getLogger(__name__)


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
    if run_dir is None or not (study := run_dir.resolve().parent / STUDY).is_file():
        return None
    try:
        trials = _count(study)
    except Exception as error:  # of Optuna, SQLAlchemy or SQLite; a judgement does not depend on it
        log.warning("%s cannot be read (%s): the trials of that sweep are not counted.", study, error)
        return None
    return Sweep(trials, _other_sharpes(run_dir))


def _count(study: Path) -> int:
    """Count the trials that ran to their end, failed ones included, in all studies of the file."""
    import optuna

    from hydra_plugins.rlx_optuna._study import done

    storage = optuna.storages.RDBStorage(f"sqlite:///{study}")
    try:
        names = optuna.get_all_study_names(storage)
        return sum(done(optuna.load_study(study_name=name, storage=storage)) for name in names)
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
