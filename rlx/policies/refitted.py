"""The policy of a walk-forward with refits: one checkpoint per fit, and at each bar the latest of them decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

import numpy as np

from rlx.data.market import Market
from rlx.decisions.observation import Observation
from rlx.errors import CheckpointError, FileError
from rlx.files import write_json
from rlx.policies.base import Fit
from rlx.policies.checkpoint import CheckpointPolicy, load_checkpoint
from rlx.run_folder import RunFolder
from rlx.types import FloatArray, IntArray
from rlx.untrusted.documents import read_json
from rlx.untrusted.plain_types import Stamp, items, matching, require
from rlx.untrusted.shown import shown

FORMAT_VERSION = 1
MOST = 10_000
KIND = "refitted"


class Listed(TypedDict):
    """One fit in the index: the name of its folder below ``refits/``, and the bar of its first decision."""

    folder: Annotated[str, matching(r"\d{2,6}", "2 to 6 digits")]
    first: Stamp


class Index(TypedDict):
    """The content of ``refits.json``."""

    format_version: NotRequired[int]
    refits: Annotated[list[Listed], items(1, MOST)]


class RefittedPolicy:
    """Checkpoints of one module, fitted one after the other; each decides from its first bar on, until the next one.

    Before the first bar of all the first one decides. ``seen`` has, for each span by name, the part in which the
    checkpoint that decides was itself fitted: what a fit saw of the windows before it is no advantage in them.
    """

    def __init__(self, policies: Sequence[CheckpointPolicy], firsts: Sequence[np.datetime64], path: Path) -> None:
        self.policies, self.path = tuple(policies), path
        self.fits = tuple(Fit(first, policy.seen) for first, policy in zip(firsts, policies, strict=True))
        one = self.policies[0]
        for policy in self.policies:
            policy.announced = one.announced
        self.name, self.facts = one.name, one.facts
        self.feature_names, self.window_steps = one.feature_names, one.window_steps
        self.reads_account = any(policy.reads_account for policy in self.policies)
        self.seen = _seen_where_deciding(self.fits)
        self._firsts = np.array(firsts, dtype="datetime64[ns]")

    @property
    def acts(self) -> bool:
        """Whether no gate is shut."""
        return all(policy.acts for policy in self.policies)

    def ungated(self) -> RefittedPolicy:
        """Return the policy without the gates, under a name of its own."""
        return RefittedPolicy([one.ungated() for one in self.policies], [fit.first for fit in self.fits], self.path)

    def bind(self, market: Market) -> None:
        """Refuse any universe other than the one the policies were trained on."""
        for policy in self.policies:
            policy.bind(market)

    def reset(self, batch: int) -> None:
        """There is no state between steps."""

    def act(self, observation: Observation) -> FloatArray:
        """Return target weights (B, A) float64."""
        targets = self._of_each(observation, lambda policy, part: policy.act(part))
        assert targets is not None
        return targets

    def forecast(self, observation: Observation) -> FloatArray | None:
        """Return the networks' forecasts before they decide, (B, ...); None when they make none."""
        return self._of_each(observation, lambda policy, part: policy.forecast(part))

    def _of_each(
        self, observation: Observation, ask: Callable[[CheckpointPolicy, Observation], FloatArray | None]
    ) -> FloatArray | None:
        """Return the answers (B, ...) of the checkpoint that decides for each account."""
        deciding = np.maximum(np.searchsorted(self._firsts, observation.timestamp, side="right") - 1, 0)
        answers: FloatArray | None = None
        for number in np.unique(deciding).tolist():
            rows: IntArray = np.flatnonzero(deciding == number)
            answer = ask(self.policies[number], observation.select(rows))
            if answer is None:
                return None
            if answers is None:
                answers = np.empty((len(deciding), *answer.shape[1:]), dtype=answer.dtype)
            answers[rows] = answer
        return answers

    def describe(self) -> dict[str, Any]:
        """Return the policy's origin: that of its first checkpoint, and what each was fitted on."""
        described = self.policies[0].describe()
        refits = [
            {"first": _text(fit.first), **{name: [*map(_text, span)] for name, span in fit.seen.items()}}
            for fit in self.fits
        ]
        return {**described, "kind": KIND, "seen": _as_text(self.seen), "refits": refits}


def write_index(run_dir: Path, firsts: Mapping[str, np.datetime64]) -> None:
    """Write ``refits.json``, which makes a run folder a policy: folder of each fit -> bar of its first decision."""
    refits = [{"folder": folder, "first": _text(first)} for folder, first in firsts.items()]
    write_json(RunFolder(run_dir).refits_index, {"format_version": FORMAT_VERSION, "refits": refits})


def load_refitted(path: str | Path, key: str = "policy.path") -> RefittedPolicy:
    """Read the policy of a run folder with refits; CheckpointError describes any problem.

    ``key`` is the configuration key of the path.
    """
    run = RunFolder(Path(path))
    listed = _read_index(run.refits_index, f"{key}={path}")
    policies = [load_checkpoint(run.refit(one["folder"]).path, key) for one in listed]
    firsts = [np.datetime64(one["first"], "ns") for one in listed]
    if any(later <= earlier for earlier, later in pairwise(firsts)):
        raise CheckpointError(f"{run.refits_index}: refits: each must begin after the one before. Copy it again.")
    for one, policy in zip(listed, policies, strict=True):
        _refuse_another_kind(policies[0], policy, run.refit(one["folder"]).path)
    return RefittedPolicy(policies, firsts, Path(path))


def _read_index(path: Path, given: str) -> list[Listed]:
    if not path.is_file():
        raise CheckpointError(
            f"{given}: has no {path.name}. Give the folder of a finished run with protocol.refit=true; "
            "policy=checkpoint is for other training runs."
        )
    try:
        document: Index = require(read_json(path), Index, str(path))
    except FileError as error:
        raise CheckpointError(f"{error} Copy it again, or train again.") from error
    if (found := document.get("format_version")) != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format_version is {shown(found)}, this version of rlx reads {FORMAT_VERSION}. Use the version of "
            "rlx that wrote it, or train again."
        )
    return document["refits"]


def _refuse_another_kind(first: CheckpointPolicy, policy: CheckpointPolicy, where: Path) -> None:
    for name in ("module", "symbols", "feature_names", "window_steps"):
        if getattr(policy.facts, name) != getattr(first.facts, name):
            raise CheckpointError(f"{where}: its {name} is not that of the first refit. Copy the run again.")


def _seen_where_deciding(fits: Sequence[Fit]) -> dict[str, tuple[np.datetime64, np.datetime64]]:
    """Return for each span, by name, the shortest one with all its decisions that are taken by a fit that saw them."""
    seen: dict[str, tuple[np.datetime64, np.datetime64]] = {}
    for number, fit in enumerate(fits):
        until = fits[number + 1].first if number + 1 < len(fits) else None
        for name, (first, last) in fit.seen.items():
            first = first if number == 0 else max(first, fit.first)
            last = last if until is None else min(last, until)
            if first < last:
                before = seen.get(name, (first, last))
                seen[name] = (min(before[0], first), max(before[1], last))
    return seen


def _text(stamp: np.datetime64) -> str:
    return str(stamp.astype("datetime64[ns]"))


def _as_text(seen: Mapping[str, tuple[np.datetime64, np.datetime64]]) -> dict[str, list[str]]:
    return {name: [*map(_text, span)] for name, span in seen.items()}
