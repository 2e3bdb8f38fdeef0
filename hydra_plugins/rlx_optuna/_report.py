"""The results of a sweep: a table of its trials, and the best one in ``optimization_results.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState
from rich.table import Table

from hydra_plugins.rlx_optuna._folder import folder_of
from rlx.console import open_console
from rlx.errors import RlxError
from rlx.files import write_text
from rlx.runs.study_state import REASON
from rlx.untrusted.escape import one_line

RESULTS = "optimization_results.yaml"


def print_trials(study: optuna.Study) -> None:
    """Print one row per trial: number, parameters, objective and state, and why a trial failed."""
    trials = study.get_trials(deepcopy=False)
    names = sorted({name for trial in trials for name in trial.params})
    why = ["why"] if any(REASON in trial.user_attrs for trial in trials) else []
    table = Table(title=one_line(f"Study '{study.study_name}'"))
    for header in ("trial", *_short(names), "objective", "state", *why):
        table.add_column(one_line(header), overflow="fold")
    for trial in trials:
        cells = (
            trial.number,
            *(_text(trial.params.get(name, "")) for name in names),
            _text(trial.value) if trial.state == TrialState.COMPLETE else "",
            _state(study, trial),
            *(trial.user_attrs.get(REASON, "") for _ in why),
        )
        table.add_row(*map(one_line, cells))
    open_console().print(table)


def _short(names: Sequence[str]) -> list[str]:
    """Return the last part of each key, or the keys themselves where that would be ambiguous."""
    tails = [name.rpartition(".")[2] for name in names]
    return tails if len(set(tails)) == len(tails) else list(names)


def _state(study: optuna.Study, trial: FrozenTrial) -> str:
    if trial.state != TrialState.COMPLETE:
        return trial.state.name
    return "BEST" if trial.number == study.best_trial.number else trial.state.name


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def save_results(study: optuna.Study, folder: Path, same: Sequence[str]) -> None:
    """Write the study's counts and its best trial: parameters, objective, run folder and the overrides to run it.

    ``same`` are the overrides common to all trials. RlxError when the file cannot be written.
    """
    trials = study.get_trials(deepcopy=False)
    results: dict[str, Any] = {
        "name": "optuna",
        "study_name": study.study_name,
        "trials": {state.name: sum(trial.state == state for trial in trials) for state in TrialState},
    }
    if results["trials"]["COMPLETE"]:
        best = study.best_trial
        run = folder_of(best, folder)
        results |= {
            "best_value": best.value,
            "best_params": best.params,
            "best_trial": best.number,
            "best_run": None if run is None else str(run),
            "best_overrides": [f"{name}={value}" for name, value in best.params.items()] + list(same),
        }
    try:
        write_text(folder / RESULTS, OmegaConf.to_yaml(OmegaConf.create(results)))
    except OSError as error:
        raise RlxError(
            f"{folder / RESULTS}: cannot be written ({error}). The study is kept: the same command with "
            f"hydra.sweep.dir={folder} writes it."
        ) from error
