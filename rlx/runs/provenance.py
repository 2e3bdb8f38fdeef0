"""How a run was made: its command, resolved configuration, versions, git state and machine, recorded in its folder."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from rlx.files import write_json, write_text
from rlx.run_folder import RunFolder

COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
PACKAGE = Path(__file__).parents[1]
CODE = ("rlx", "conf", "hydra_plugins")  # what numbers depend on: a changed note is not a change of the code


def record_run(
    run_dir: Path,
    resolved: Mapping[str, Any],
    argv: Sequence[str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write command, resolved configuration and provenance, with ``more``, into ``run_dir``; return the provenance."""
    command = command_line(sys.argv if argv is None else argv)
    facts = {"command": command, **provenance(), **(more or {})}
    run = RunFolder(run_dir)
    write_text(run.command, command + "\n")
    write_text(run.config, OmegaConf.to_yaml(OmegaConf.create(dict(resolved))))
    write_json(run.provenance, facts)
    return facts


def command_line(argv: Sequence[str]) -> str:
    """Return the command as typed in a shell; a script is relative to the working directory if it lies in it."""
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
        "git": git_state(PACKAGE),
    }


@cache
def package_versions() -> dict[str, str]:
    """Return the version of every installed distribution, by name."""
    read = (dist.metadata for dist in metadata.distributions())  # once: each access parses the whole file
    found = {facts["Name"]: facts["Version"] for facts in read}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return the commit and whether code differs from it; None when the code is not in a git checkout.

    The checkout must be of this code: an installed package inside another repository, for instance in a virtual
    environment there, is ignored by that repository and gives None.
    """
    if shutil.which("git") is None or _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _git(folder.parent, "status", "--porcelain", "--untracked-files=no", "--", *CODE)
    return {"commit": commit, "dirty": bool(changes)}


def same_code(before: Any, now: Any, folder: Path = PACKAGE) -> bool:
    """Return whether two states from ``git_state`` have the same code, regardless of other commits."""
    if before == now or not (_has_commit(before) and _has_commit(now)):
        return bool(before == now)
    trees = [
        [_git(folder.parent, "rev-parse", "--verify", "--quiet", f"{state['commit']}:./{name}") for name in CODE]
        for state in (before, now)
    ]
    return trees[0] == trees[1] and any(trees[0]) and before.get("dirty") == now.get("dirty")


def _has_commit(state: Any) -> bool:
    """Return whether a recorded state names a commit: nothing else from a file is passed to git."""
    return isinstance(state, dict) and COMMIT.fullmatch(str(state.get("commit"))) is not None


def _git(folder: Path, *arguments: str) -> str | None:
    answer = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None
