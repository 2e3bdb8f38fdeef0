"""An offline data set as two files: ``NAME.npz``, arrays without pickle, and ``NAME.json``, which describes them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from rlx.data.splits import Ends
from rlx.errors import FileError, RlxError
from rlx.files import atomic_path, to_json, why_not_writable, write_json
from rlx.offline.episodes import Steps
from rlx.policies.facts import PolicyFacts
from rlx.untrusted.documents import MAX_FACTS_BYTES, read_json
from rlx.untrusted.plain_types import Count, Finite, Measure, Rule, Words, require_fields
from rlx.untrusted.shown import reason

SCHEMA_VERSION = 1
MOST_BYTES = 2**32
"""Maximum size of the arrays' file that is read."""
Version = Annotated[int, Rule(f"schema {SCHEMA_VERSION}", lambda version: version == SCHEMA_VERSION)]
ARRAYS = tuple(field.name for field in fields(Steps))


@dataclass(frozen=True)
class Behaviour:
    """The summary of one behaviour: annual reward and its spread are those of its episodes."""

    name: Words
    episodes: Count
    steps: Count
    ruined: Count
    annual_reward: Measure
    annual_reward_std: Measure
    turnover: Measure


@dataclass(frozen=True)
class About:
    """What the JSON file records: arrays' hash and shapes, behaviours, and the facts that a policy needs.

    ``low`` and ``high`` limit a weight, ``max_gross`` their absolute sum. ``policy`` are ``PolicyFacts`` for a policy
    trained on the data set, and ``options`` how the episodes were drawn.
    """

    schema_version: Version
    npz_sha256: Words
    observations: tuple[int, int]
    assets: Count
    span: Ends
    low: Finite
    high: Finite
    max_gross: Finite
    behaviours: list[Behaviour]
    options: dict[str, Any]
    policy: dict[str, Any]


@dataclass(frozen=True)
class Dataset:
    """A data set from its files."""

    steps: Steps
    about: About
    facts: PolicyFacts


def check_free(path: Path) -> None:
    """Raise RlxError unless a data set can be written to ``path``, before any work."""
    if path.suffix != ".npz":
        raise RlxError(f"--out {path}: must be an .npz file; what describes it is written next to it.")
    for place in (path, path.with_suffix(".json")):
        if place.exists():
            raise RlxError(f"{place}: exists already. Move it away, or name another file with --out.")
    if (why := why_not_writable(path.absolute().parent)) is not None:
        raise RlxError(f"--out {path}: nothing can be written there ({why}). Choose another folder.")


def write_dataset(path: Path, steps: Steps, about: Mapping[str, Any]) -> None:
    """Write both files, each completely or not at all; ``about`` has the fields of ``About`` that are not of arrays."""
    with atomic_path(path) as temporary:
        with temporary.open("wb") as file:
            np.savez(file, **{name: getattr(steps, name) for name in ARRAYS})
        sha256 = _sha256(temporary)
    shapes = {"observations": list(steps.observations.shape), "assets": steps.actions.shape[1]}
    write_json(
        path.with_suffix(".json"),
        to_json({"schema_version": SCHEMA_VERSION, "npz_sha256": sha256, **shapes, **about}),
    )


def read_dataset(path: str | Path) -> Dataset:
    """Return a data set; RlxError, naming the file, when it is missing, damaged or of another kind."""
    path = Path(path)
    described = path.with_suffix(".json")
    try:
        value = read_json(described, limit=MAX_FACTS_BYTES)
        about = require_fields(About, value, str(described))
        about = replace(about, behaviours=_behaviours(value["behaviours"], str(described)))
        facts = require_fields(PolicyFacts, value["policy"], str(described), "policy")
        return Dataset(_arrays(path, about), about, facts)
    except (OSError, FileError, zipfile.BadZipFile, ValueError) as error:
        said = str(error) if isinstance(error, FileError) else f"{path}: cannot be read ({reason(error)})."
        raise RlxError(f"{said} Write the data set again with rlx dataset.") from error


def _behaviours(values: list[Any], name: str) -> list[Behaviour]:
    return [require_fields(Behaviour, one, name, f"behaviours[{place}]") for place, one in enumerate(values)]


def _arrays(path: Path, about: About) -> Steps:
    """Return the arrays, after the file's hash; no pickle is ever loaded."""
    if path.stat().st_size > MOST_BYTES:
        raise FileError(f"{path}: more than {MOST_BYTES >> 30} GiB, which are not read.")
    if _sha256(path) != about.npz_sha256:
        raise FileError(f"{path}: damaged or truncated, or not the file that belongs to its description.")
    with np.load(path, allow_pickle=False) as arrays:
        if set(arrays.files) != set(ARRAYS):
            raise FileError(f"{path}: has the arrays {', '.join(arrays.files)[:200]}, expected {', '.join(ARRAYS)}.")
        steps = Steps(**{name: arrays[name] for name in ARRAYS})
    n = about.observations[0]
    shapes = {"observations": tuple(about.observations), "actions": (n, about.assets)}
    for name in ARRAYS:
        array = getattr(steps, name)
        if array.shape != shapes.get(name, (n,)) or array.dtype.kind not in "fi" or not np.isfinite(array).all():
            raise FileError(f"{path}: {name} is not of the shape that is described, or not finite.")
    return steps


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def summaries(steps: Steps, names: tuple[str, ...], periods_per_year: float) -> list[Behaviour]:
    """Return the summary of every behaviour."""
    return [_summary(steps, number, name, periods_per_year) for number, name in enumerate(names)]


def _summary(steps: Steps, number: int, name: str, periods_per_year: float) -> Behaviour:
    mine = steps.behaviours == number
    ends = np.flatnonzero((steps.terminals + steps.timeouts)[mine] > 0)
    episodes = np.split(steps.rewards[mine].astype(np.float64), ends[:-1] + 1)
    annual = np.array([episode.mean() for episode in episodes]) * periods_per_year
    return Behaviour(
        name=name,
        episodes=len(ends),
        steps=int(mine.sum()),
        ruined=int(steps.terminals[mine].sum()),
        annual_reward=float(annual.mean()),
        annual_reward_std=float(annual.std(ddof=1)) if len(annual) > 1 else None,
        turnover=float(steps.turnover[mine].mean()),
    )
