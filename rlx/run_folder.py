"""What a run folder says about its own making: command, resolved configuration, versions, git state, machine."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from rlx.errors import ConfigError
from rlx.files import why_not_writable, write_json, write_text
from rlx.policies.facts import FOLDER as POLICY
from rlx.untrusted.shown import as_typed

COMMAND = "command.txt"
CONFIG = "config.yaml"
PROVENANCE = "provenance.json"
COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
CODE = ("rlx", "conf", "hydra_plugins")  # what numbers depend on: a note or a scoreboard beside it is no other code

# What a run folder holds before the run itself writes anything: Hydra's records, its log, and the three files above.
STARTING_FILES = frozenset({".hydra", "train.log", "evaluate.log", COMMAND, CONFIG, PROVENANCE})
SCORECARD = "scorecard.json"
LEDGER = "ledger.parquet"
CHECKPOINTS = "checkpoints"
LAST = "last.ckpt"  # moved to its place as a whole
RESULTS = (CHECKPOINTS, POLICY, SCORECARD)  # what only a run that got going has


def record_run(
    run_dir: Path,
    resolved: Mapping[str, Any],
    argv: Sequence[str] | None = None,
    resumed_from: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write command, resolved configuration and provenance, with ``more``, into ``run_dir``; return the provenance."""
    command = command_line(sys.argv if argv is None else argv)
    facts = {"command": command, **provenance()} | ({} if resumed_from is None else {"resumed_from": resumed_from})
    facts |= more or {}
    write_text(run_dir / COMMAND, command + "\n")
    write_text(run_dir / CONFIG, OmegaConf.to_yaml(OmegaConf.create(dict(resolved))))
    write_json(run_dir / PROVENANCE, facts)
    return facts


def run_of(policy: Path) -> Path | None:
    """Return the run folder that a policy's folder lies in, None when it was copied or made elsewhere."""
    run_dir = policy.resolve().parent
    return run_dir if policy.resolve().name == POLICY and (run_dir / COMMAND).is_file() else None


def command_line(argv: Sequence[str]) -> str:
    """Return the command to type in a shell; a script is named relative to the working directory where it can be."""
    program, *arguments = argv
    path = Path(program)
    if path.suffix != ".py":
        return shlex.join([path.name, *arguments])
    script = path.resolve()
    here = Path.cwd()
    shown = script.relative_to(here) if script.is_relative_to(here) else script
    return shlex.join(["python", str(shown), *arguments])


def provenance() -> dict[str, Any]:
    """Return versions, git state and platform as JSON-able values."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "versions": package_versions(),
        "git": git_state(Path(__file__).parent),
    }


@cache
def package_versions() -> dict[str, str]:
    """Return the version of every installed distribution, by name."""
    read = (dist.metadata for dist in metadata.distributions())  # once: each look parses the whole file
    found = {facts["Name"]: facts["Version"] for facts in read}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return the commit and whether code differs from it; None when the code is not in a git checkout.

    The checkout must be of this code: an installed package that happens to lie inside somebody's repository, in a
    virtual environment for one, is ignored by that repository and gives None.
    """
    if shutil.which("git") is None or _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _git(folder.parent, "status", "--porcelain", "--untracked-files=no", "--", *CODE)
    return {"commit": commit, "dirty": bool(changes)}


def same_code(before: Any, now: Any, folder: Path = Path(__file__).parent) -> bool:
    """Return whether two states that ``git_state`` recorded are of the same code, whatever else was committed."""
    if before == now or not (_has_commit(before) and _has_commit(now)):
        return bool(before == now)
    trees = [
        [_git(folder.parent, "rev-parse", "--verify", "--quiet", f"{state['commit']}:./{name}") for name in CODE]
        for state in (before, now)
    ]
    return trees[0] == trees[1] and any(trees[0]) and before.get("dirty") == now.get("dirty")


def _has_commit(state: Any) -> bool:
    """Return whether a recorded state names a commit: anything else, which a file may hold, is not for git."""
    return isinstance(state, dict) and COMMIT.fullmatch(str(state.get("commit"))) is not None


def _git(folder: Path, *arguments: str) -> str | None:
    answer = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None


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
