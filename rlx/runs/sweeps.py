"""The sweep that a run is a trial of: its number of trials, and the hold-out results of the others."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from rlx.errors import RlxError
from rlx.evaluate.scorecard import Scorecard
from rlx.measures.trials import MAX_TRIALS, Sweep
from rlx.run_folder import RunFolder
from rlx.runs.study import study_of

log = logging.getLogger(__name__)


def own_sweep() -> Sweep | None:
    """Return the sweep that this process runs a trial of; None outside a sweep, and for a grid, which has no study.

    It counts all planned trials and leaves out their spread, which is unknown before the end.
    """
    if not HydraConfig.initialized() or HydraConfig.get().mode is not RunMode.MULTIRUN:
        return None
    planned = OmegaConf.select(cast(DictConfig, HydraConfig.get()), "sweeper.n_trials")
    return None if planned is None else Sweep(planned)


def sweep_of(run_dir: Path | None) -> Sweep | None:
    """Return the sweep whose folder contains a run, with the trials its study counts; None outside a sweep.

    Where no study can be found or read, for instance because the run was moved out of its sweep, the number of trials
    comes from the run's own scorecard, if it has one.
    """
    if run_dir is None:
        return None
    state = study_of(run_dir.resolve().parent)
    trials = _on_its_scorecard(run_dir) if state is None else state.trials
    if trials is None:
        return None
    return Sweep(trials, {} if state is None else _other_sharpes(run_dir))


def _on_its_scorecard(run_dir: Path) -> int | None:
    """Return the number of trials that a run's own scorecard has from its sweep."""
    path = RunFolder(run_dir).scorecard
    if not path.is_file() or (card := _load(path, "The number of trials on it is not counted")) is None:
        return None
    trials = card.significance.get("trials") if card.significance.get("trials_from") == "sweep" else None
    return trials if type(trials) is int and 1 <= trials <= MAX_TRIALS else None


def _other_sharpes(run_dir: Path) -> dict[str, list[float]]:
    """Return the Sharpe ratios on the scorecards of the sweep's other runs, by the hash of their key."""
    sharpes: dict[str, list[float]] = {}
    for path in sorted(run_dir.resolve().parent.glob(f"*/{RunFolder.scorecard}")):
        if path.parent == run_dir.resolve() or (card := _load(path, "Left out of the spread over trials")) is None:
            continue
        if (sharpe := card.metrics["sharpe"]) is not None:
            sharpes.setdefault(card.key["hash"], []).append(sharpe)
    return sharpes


def _load(path: Path, without: str) -> Scorecard | None:
    """Return a scorecard; None, with a warning that begins with ``without``, where it cannot be read."""
    try:
        return Scorecard.load(path)
    except (RlxError, OSError) as error:
        log.warning("%s: %s", without, error)
        return None
