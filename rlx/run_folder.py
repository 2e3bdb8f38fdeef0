"""The folder of a run: the names of its files, the checks before a run uses it, and the removal of an unused one."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from rlx.errors import ConfigError
from rlx.files import why_not_writable
from rlx.untrusted.shown import as_typed

LAST = "last.ckpt"  # of the checkpoints, the most recent one


class Entry:
    """A file or folder of every run: ``RunFolder.scorecard`` is its name, and that of one run its path."""

    def __init__(self, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, run: None, owner: type) -> str: ...
    @overload
    def __get__(self, run: RunFolder, owner: type) -> Path: ...
    def __get__(self, run: RunFolder | None, owner: type) -> str | Path:
        """Return the name, or the path within a run."""
        return self.name if run is None else run.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """The files of a run, whether or not they are there; those of a part, refit or ``evals/NAME`` are named alike."""

    path: Path

    # Before the run itself writes anything: Hydra's records and log, and how it was made.
    hydra = Entry(".hydra")
    hydra_choices = Entry(f"{hydra.name}/hydra.yaml")
    hydra_config = Entry(f"{hydra.name}/config.yaml")
    hydra_overrides = Entry(f"{hydra.name}/overrides.yaml")
    train_log = Entry("train.log")
    evaluate_log = Entry("evaluate.log")
    backtest_log = Entry("backtest.log")
    forecast_check_log = Entry("forecast_check.log")
    command = Entry("command.txt")
    config = Entry("config.yaml")
    provenance = Entry("provenance.json")

    # Of a training.
    metrics = Entry("metrics.jsonl")
    metrics_csv = Entry("metrics.csv")
    checkpoints = Entry("checkpoints")
    last_checkpoint = Entry(f"{checkpoints.name}/{LAST}")
    policy = Entry("policy")
    parts = Entry("parts")
    refits = Entry("refits")
    refits_index = Entry("refits.json")

    # Of a judgement.
    ledger = Entry("ledger.parquet")
    picture = Entry("report.png")
    scorecard = Entry("scorecard.json")
    scorecard_markdown = Entry("scorecard.md")
    evals = Entry("evals")
    audit = Entry("audit.json")

    # Of strategies on forecasts.
    backtests = Entry("backtests")
    backtest_summary = Entry("backtest.json")
    backtest_markdown = Entry("backtest.md")
    backtest_page = Entry("backtest.html")

    # Of a check of forecasts.
    forecast_check = Entry("forecast_check.json")
    forecast_markdown = Entry("forecast_check.md")
    forecast_latency = Entry("forecast_latency.json")

    def part(self, name: str) -> RunFolder:
        """Return the folder of a part."""
        return RunFolder(self.parts / name)

    def refit(self, name: str) -> RunFolder:
        """Return the folder of one fit of a walk-forward."""
        return RunFolder(self.refits / name)

    def all_checkpoints(self) -> list[Path]:
        """Return the checkpoints of the training, the last one at the end; not those of a learner's preparation."""
        return sorted(self.checkpoints.glob("*.ckpt"), key=lambda path: (path == self.last_checkpoint, path))


STARTING_FILES = frozenset(
    {RunFolder.hydra, RunFolder.train_log, RunFolder.evaluate_log, RunFolder.backtest_log, RunFolder.forecast_check_log}
    | {RunFolder.command, RunFolder.config, RunFolder.provenance}
)
RESULTS = (
    RunFolder.checkpoints,
    RunFolder.policy,
    RunFolder.refits,
    RunFolder.scorecard,
    RunFolder.backtests,
    RunFolder.forecast_check,
)  # only where a run began its work


def run_of(policy: Path) -> Path | None:
    """Return the run folder that contains a policy's folder, None if the policy was copied or made elsewhere."""
    run_dir = policy.resolve().parent
    return run_dir if policy.resolve().name == RunFolder.policy and RunFolder(run_dir).command.is_file() else None


def claim(run_dir: Path) -> None:
    """Reserve ``run_dir`` for this run; ConfigError if it holds an earlier run, or one that has just begun."""
    refuse_used(run_dir)
    try:
        RunFolder(run_dir).command.touch(exist_ok=False)
    except FileExistsError:
        raise ConfigError(f"hydra.run.dir={run_dir}: another run began in it. Start again, or name a folder.") from None


def refuse_unusable(key: str, value: str) -> None:
    """Raise ConfigError, naming the ``key``, for a path where no folder can be created."""
    if not value.strip():
        raise ConfigError(f"{key}={as_typed(value)}: must be the path of a folder.")
    if (reason := why_not_writable(Path(value))) is not None:
        raise ConfigError(f"{key}={as_typed(value)}: no folder can be made there ({reason}). Choose another.")


def refuse_used(run_dir: Path, key: str = "hydra.run.dir") -> None:
    """Raise ConfigError if ``run_dir`` holds an earlier run: two runs in one folder would mix their files."""
    for name in RESULTS:
        if (run_dir / name).exists():
            raise ConfigError(
                f"{key}={run_dir}: holds an earlier run ({name}). Choose another folder, or move that run away."
            )


def run_to_resume(run_dir: Path, earlier: Path | None = None) -> Path | None:
    """Return the run to resume after a training in ``run_dir`` broke off; None if there is none, or it was judged.

    The run that it resumed itself, ``earlier``, is returned until its last checkpoint has been copied: until then
    ``run_dir`` holds less of the training, even if it has finished the preparation.
    """
    run = RunFolder(run_dir)
    if run.scorecard.exists():
        return None
    if run.last_checkpoint.is_file():
        return run_dir
    if earlier is not None and RunFolder(earlier).all_checkpoints():
        return earlier
    return run_dir if any(run_dir.rglob("*.ckpt")) else earlier


def folder_shown(folder: Path) -> Path:
    """Return a folder as a user would type it: relative to the working directory if it lies in it."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def there_before(folder: Path) -> frozenset[Path]:
    """Return what exists of a folder before a command creates it: itself, the folders above, and its content."""
    folder = folder.resolve()
    inside = folder.iterdir() if folder.is_dir() else ()
    return frozenset(path for path in (folder, *folder.parents, *inside) if path.exists())


def discard_if_unused(run_dir: Path, before: Collection[Path] = ()) -> bool:
    """Remove a run folder whose run stopped before it did anything, and return whether it was removed.

    It may contain only Hydra's records, its log and how the run was made; with anything else it is left untouched.
    Inside the working directory the two folders above it (``outputs/MODULE``) are removed too if they become empty.
    What existed ``before`` the command (resolved paths) is kept.
    """
    run_dir = run_dir.resolve()
    if not run_dir.is_dir() or any(entry.name not in STARTING_FILES for entry in run_dir.iterdir()):
        return False
    if run_dir in before:
        for entry in set(run_dir.iterdir()) - set(before):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        return True
    shutil.rmtree(run_dir)
    here = Path.cwd()
    for folder in list(run_dir.parents)[:2]:
        if folder in before or folder == here or not folder.is_relative_to(here) or any(folder.iterdir()):
            break
        folder.rmdir()
    return True
