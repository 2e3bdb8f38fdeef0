"""The Python interface of ``import rlx``: the commands as functions, and readers of their results."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from omegaconf import DictConfig

from rlx.app.arguments import given_for, in_quotes
from rlx.app.entry import evaluate_config, run_evaluate, run_train, train_config
from rlx.app.guest import RUN_DIR, compose_as_guest, run_as_guest
from rlx.config import EvaluateConfig, TrainConfig
from rlx.errors import ConfigError, FileError
from rlx.evaluate.scorecard import Scorecard
from rlx.run_folder import RunFolder, refuse_unusable, refuse_used
from rlx.untrusted.documents import read_yaml
from rlx.untrusted.plain_types import require
from rlx.untrusted.shown import reason

if TYPE_CHECKING:
    import pandas as pd

    from rlx.measures.evaluation import WindowLedger
    from rlx.policies.checkpoint import CheckpointPolicy
    from rlx.policies.refitted import RefittedPolicy

CHECKS: dict[str, Callable[[DictConfig], Any]] = {"train": train_config, "evaluate": evaluate_config}


@dataclass(frozen=True, repr=False)
class Run:
    """The contents of a run folder; a member is None where the run has not written, or does not write, that file.

    ``config``: the resolved configuration as recorded. ``metrics``: one row per logged step, NaN where a row lacks a
    number; None for an evaluation. ``ledger``: the books by set of windows (``holdout``, ...). ``scorecard`` and
    ``ledger`` are None until the run has been judged.
    """

    folder: Path
    config: dict[str, Any]
    metrics: pd.DataFrame | None
    ledger: dict[str, WindowLedger] | None
    scorecard: Scorecard | None

    def __repr__(self) -> str:
        said = "not judged" if self.scorecard is None else f"Sharpe ratio {self.scorecard.metrics['sharpe']}"
        return f"Run({str(self.folder)!r}, {said})"

    def policy(self) -> CheckpointPolicy | RefittedPolicy:
        """Return the trained policy; CheckpointError where there is none."""
        return load_policy(self.folder)


def train(*overrides: str, run_dir: str | os.PathLike[str] | None = None) -> Run:
    """Train and judge as ``rlx-train`` does with these arguments, and return the run.

    ``run_dir`` overrides the usual run folder. Ctrl-C ends the training, and the best policy so far is judged. Bad
    input raises an RlxError and leaves nothing behind.
    """
    done = run_as_guest("train", _arguments(overrides, run_dir), run_train)
    run = load_run(done.folder)
    if done.result.asked not in (None, signal.SIGINT):
        signal.raise_signal(done.result.asked)  # the run has ended normally; pass the signal on to the program
    return run


def evaluate(*overrides: str, run_dir: str | os.PathLike[str] | None = None) -> Run:
    """Judge as ``rlx-evaluate`` does with these arguments, and return the run; see ``train``."""
    return load_run(run_as_guest("evaluate", _arguments(overrides, run_dir), run_evaluate).folder)


@overload
def compose(*overrides: str, command: Literal["train"] = "train") -> TrainConfig: ...
@overload
def compose(*overrides: str, command: Literal["evaluate"]) -> EvaluateConfig: ...
def compose(*overrides: str, command: str = "train") -> TrainConfig | EvaluateConfig:
    """Return the typed configuration of a command; RlxError where the command would refuse it."""
    if command not in CHECKS:
        raise ConfigError(f"command={command}: must be one of {', '.join(CHECKS)}.")
    config: TrainConfig | EvaluateConfig = compose_as_guest(command, overrides, CHECKS[command])[1]
    return config


def load_policy(path: str | os.PathLike[str]) -> CheckpointPolicy | RefittedPolicy:
    """Return the policy of a run folder, or of its ``policy/``; CheckpointError describes any problem."""
    from rlx.policies.checkpoint import load_checkpoint
    from rlx.policies.refitted import load_refitted

    if RunFolder(Path(path)).refits_index.is_file():
        return load_refitted(Path(path), "path")
    return load_checkpoint(Path(path), "path")


def load_run(path: str | os.PathLike[str]) -> Run:
    """Read a run folder, however far the run came; RlxError where none began in it, and for a damaged file."""
    folder, run = Path(path), RunFolder(Path(path))
    if not run.config.is_file():
        what = f"has no {RunFolder.config}, so no run has begun in it" if folder.is_dir() else "no such folder"
        raise ConfigError(f"{folder}: {what}. Name a run folder.")
    try:
        config: dict[str, Any] = require(read_yaml(run.config), dict[str, Any], str(run.config))
        card = Scorecard.load(run.scorecard) if run.scorecard.exists() else None
        return Run(folder, config, _metrics(run.metrics), _ledger(run.ledger), card)
    except OSError as error:
        raise FileError(f"{folder}: cannot be read ({reason(error)}).") from error


def _metrics(path: Path) -> pd.DataFrame | None:
    """Return what was logged, as ``metrics.csv`` has it, of the file that no kill leaves without a row."""
    import pandas as pd

    from rlx.tracking.history import read_rows

    if not path.exists():
        return None
    return pd.DataFrame(list(read_rows(path)))


def _ledger(path: Path) -> dict[str, WindowLedger] | None:
    from rlx.evaluate.ledger_file import read_ledger

    return read_ledger(path) if path.exists() else None


def _arguments(overrides: Sequence[str], run_dir: str | os.PathLike[str] | None) -> list[str]:
    """Return the arguments with the run folder added; ConfigError where it cannot be used."""
    if run_dir is None:
        return list(overrides)
    if given_for(RUN_DIR, map(str, overrides)):
        raise ConfigError(f"run_dir: {RUN_DIR} is also among the arguments. Give one of them.")
    folder = os.path.expanduser(os.fspath(run_dir))
    refuse_unusable("run_dir", folder)
    refuse_used(Path(folder), "run_dir")
    return [*overrides, f"{RUN_DIR}={in_quotes(folder)}"]
