"""The folder of a run: what its files are called, which run may have it, and what goes away with an unused one."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from rlx.errors import ConfigError
from rlx.files import why_not_writable
from rlx.untrusted.shown import as_typed

COMMAND = "command.txt"
CONFIG = "config.yaml"
PROVENANCE = "provenance.json"
POLICY = "policy"

# What a run folder holds before the run itself writes anything: Hydra's records, its log, and the three files above.
STARTING_FILES = frozenset({".hydra", "train.log", "evaluate.log", COMMAND, CONFIG, PROVENANCE})
SCORECARD = "scorecard.json"
LEDGER = "ledger.parquet"
CHECKPOINTS = "checkpoints"
LAST = "last.ckpt"  # moved to its place as a whole
RESULTS = (CHECKPOINTS, POLICY, SCORECARD)  # what only a run that got going has


def run_of(policy: Path) -> Path | None:
    """Return the run folder that a policy's folder lies in, None when it was copied or made elsewhere."""
    run_dir = policy.resolve().parent
    return run_dir if policy.resolve().name == POLICY and (run_dir / COMMAND).is_file() else None


def claim(run_dir: Path) -> None:
    """Take ``run_dir`` for this run alone; ConfigError when it holds an earlier run, or one that began just now."""
    refuse_used(run_dir)
    try:
        (run_dir / COMMAND).touch(exist_ok=False)
    except FileExistsError:
        raise ConfigError(f"hydra.run.dir={run_dir}: another run began in it. Start again, or name a folder.") from None


def refuse_unusable(key: str, value: str) -> None:
    """Raise ConfigError, naming the ``key`` it is the value of, for a path that no folder can be made at."""
    if not value.strip():
        raise ConfigError(f"{key}={as_typed(value)}: must be the path of a folder.")
    if (reason := why_not_writable(Path(value))) is not None:
        raise ConfigError(f"{key}={as_typed(value)}: no folder can be made there ({reason}). Choose another.")


def refuse_used(run_dir: Path, key: str = "hydra.run.dir") -> None:
    """Raise ConfigError when ``run_dir`` holds an earlier run: two runs in one folder would mix their files."""
    for name in RESULTS:
        if (run_dir / name).exists():
            raise ConfigError(
                f"{key}={run_dir}: holds an earlier run ({name}). Choose another folder, or move that run away."
            )


def run_to_resume(run_dir: Path, earlier: Path | None = None) -> Path | None:
    """Return the run to resume after a training in ``run_dir`` broke off, None when it left none, or has its result.

    The run that it resumed itself, ``earlier``, stays the one until its last checkpoint has been copied: without it
    ``run_dir`` holds less of the training, however much of a preparation.
    """
    if (run_dir / SCORECARD).exists():
        return None
    if (run_dir / CHECKPOINTS / LAST).is_file():
        return run_dir
    if earlier is not None and any((earlier / CHECKPOINTS).glob("*.ckpt")):
        return earlier
    return run_dir if any(run_dir.rglob("*.ckpt")) else earlier


def folder_shown(folder: Path) -> Path:
    """Return a folder as one would type it: relative to the working directory where it lies in there."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def there_before(folder: Path) -> frozenset[Path]:
    """Return what there is of a folder before a command makes it: itself, those above it, and what lies in it."""
    folder = folder.resolve()
    inside = folder.iterdir() if folder.is_dir() else ()
    return frozenset(path for path in (folder, *folder.parents, *inside) if path.exists())


def discard_if_unused(run_dir: Path, before: Collection[Path] = ()) -> bool:
    """Remove a run folder in which a run stopped before it did anything, and return whether it did.

    Only what a run starts with may lie in it: Hydra's records, its log, and ``record_run``'s files. Anything else
    keeps the folder untouched. Inside the working directory the two folders above it (``outputs/MODULE``) go too
    when that leaves them empty. What was there ``before`` the command (resolved paths) stays, empty or not.
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
