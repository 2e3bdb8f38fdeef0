"""The sweep a run was a trial of: how many trials it has, and how the others did on the hold-out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from rlx.errors import RlxError
from rlx.evaluate.scorecard import Scorecard
from rlx.measures.trials import MAX_TRIALS, Sweep
from rlx.run_folder import SCORECARD

if TYPE_CHECKING:
    from hydra_plugins.rlx_optuna._record import StudyState

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

    Where no study can be found or read, as of a run that was moved out of its sweep, it is what the run's own
    scorecard says, if that says anything.
    """
    if run_dir is None:
        return None
    held = study_of(run_dir.resolve().parent)
    trials = _on_its_scorecard(run_dir) if held is None else held.trials
    if trials is None:
        return None
    return Sweep(trials, {} if held is None else _other_sharpes(run_dir))


def study_of(folder: Path) -> StudyState | None:
    """Return what the study of a sweep's folder holds; None without one, and with a warning where it cannot be read.

    Where it cannot be read but the folder has a record of it, that counts.
    """
    from hydra_plugins.rlx_optuna._record import has_study, read_record, recorded_state

    if not has_study(folder):
        return None
    from hydra_plugins.rlx_optuna._state import read_state  # Optuna takes a second to import

    try:
        return read_state(folder)
    except (RlxError, OSError) as error:  # a judgement does not depend on it
        reason = str(error)
    try:
        record = read_record(folder)
    except (RlxError, OSError):  # said in ``reason``
        record = None
    instead = "are not counted" if record is None else f"count as {record['trials']}, as recorded there"
    log.warning("%s The trials of the sweep %s %s.", reason, folder, instead)
    return None if record is None else recorded_state(record)


def _on_its_scorecard(run_dir: Path) -> int | None:
    """Return the number of trials that a run's own scorecard has from its sweep."""
    path = run_dir / SCORECARD
    if not path.is_file() or (card := _load(path, "The number of trials on it is not counted")) is None:
        return None
    trials = card.significance.get("trials") if card.significance.get("trials_from") == "sweep" else None
    return trials if type(trials) is int and 1 <= trials <= MAX_TRIALS else None


def _other_sharpes(run_dir: Path) -> dict[str, list[float]]:
    """Return the Sharpe ratios on the scorecards of the sweep's other runs, by the hash of their key."""
    sharpes: dict[str, list[float]] = {}
    for path in sorted(run_dir.resolve().parent.glob("*/scorecard.json")):
        if path.parent == run_dir.resolve() or (card := _load(path, "Left out of the spread over trials")) is None:
            continue
        if (sharpe := card.metrics["sharpe"]) is not None:
            sharpes.setdefault(card.key["hash"], []).append(sharpe)
    return sharpes


def _load(path: Path, without: str) -> Scorecard | None:
    """Return a scorecard; a warning, led by what is done ``without`` it, where it cannot be read."""
    try:
        return Scorecard.load(path)
    except (RlxError, OSError) as error:
        log.warning("%s: %s", without, error)
        return None
