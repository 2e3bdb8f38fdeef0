"""``protocol=walk_forward``: windows that move over a span, and which of them are a test of the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from rlx.data.panel import format_stamp
from rlx.errors import ConfigError
from rlx.evaluate.protocols.base import DECISIONS, Measured, Protocol
from rlx.evaluate.protocols.refits import EXPANDING, ROLLING, RefitRule, plan_refits
from rlx.evaluate.purging import FitSpans, deciding_fits
from rlx.evaluate.seen import Seen
from rlx.evaluate.window_rows import EXCESS, SEEN_PREFIX, describe_status, window_rows
from rlx.evaluate.windows import HOLDOUT, WindowSet, spaced_windows
from rlx.measures.distribution import describe_windows, window_returns
from rlx.measures.evaluation import Evaluation
from rlx.measures.performance import tagged
from rlx.policies.baselines import EqualWeight
from rlx.ranges import OneOf, Whole
from rlx.types import BoolArray, TimeArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from rlx.data.splits import Span, Splits
    from rlx.sim.rules import Guard

Distance = Annotated[int | None, Whole(0, 1_000_000)]


@dataclass(frozen=True)
class WalkForward(Protocol):
    """The same judgement with windows that move over the span.

    A window of ``window`` decisions starts every ``stride`` decisions, each with a new account; decisions at the end
    that do not fill a window are left out. By default the span is everything the policy has features for. A window is a
    test of the policy only if it is at least ``purge_steps`` after, or ``embargo_steps`` before, every span the policy
    was fitted on; None requires no distance.

    With ``refit`` a training fits the module again before each window, on what is known ``purge_steps`` before it, and
    the span is that of the test split. ``refit_span`` is ``expanding`` (None) or ``rolling``, with training spans of
    ``refit_steps`` decisions, None for the length of the first one. ``warm_start`` starts each fit from the policy of
    the window before. ``jobs`` fits are made at a time, each in a process of its own; None makes them in this process.
    """

    split: str = "all"
    window: Annotated[int, DECISIONS] = 256
    stride: Annotated[int, DECISIONS] = 64
    purge_steps: Distance = None
    embargo_steps: Distance = None
    refit: bool = False
    refit_span: Annotated[str | None, OneOf((EXPANDING, ROLLING))] = None
    refit_steps: Annotated[int | None, DECISIONS] = None
    warm_start: bool = False
    jobs: Annotated[int | None, Whole(1, 1_024)] = None
    name: ClassVar[str] = "walk_forward"
    traded_windows: ClassVar[str] = name

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.refit:
            return
        if self.split in ("train", "validation"):
            raise ConfigError(
                f"protocol.split={self.split}: with protocol.refit=true it must be test: what is before the test split "
                "is what the first fit needs. data.split decides where it begins."
            )
        if self.warm_start and (self.jobs or 1) > 1:
            raise ConfigError(
                f"protocol.jobs={self.jobs}: with protocol.warm_start=true each fit needs the one before. Use "
                "protocol.jobs=1, or protocol.warm_start=false."
            )
        if self.refit_steps is not None and self.refit_span != ROLLING:
            raise ConfigError(
                f"protocol.refit_steps={self.refit_steps}: is the length of a rolling training span. Add "
                "protocol.refit_span=rolling, or leave it out."
            )
        object.__setattr__(self, "split", "test")  # 'all' of what a refitted policy can be judged on

    @property
    def retrains(self) -> bool:
        """Whether a training under it fits the module again before each window."""
        return self.refit

    def check(self, guard: Guard, load_guard: Callable[[str], Guard]) -> list[str]:
        """Return notes on options without effect."""
        given: dict[str, object]
        if self.refit:
            given = {"embargo_steps": self.embargo_steps}
            why = "no fit sees anything after its window"
        else:
            given = {"refit_span": self.refit_span, "refit_steps": self.refit_steps, "jobs": self.jobs}
            given["warm_start"] = self.warm_start or None
            why = "protocol.refit is false"
        return [f"protocol.{key}={value} has no effect: {why}." for key, value in given.items() if value is not None]

    def refits(self, splits: Splits, span: Span, stamps: TimeArray) -> list[Splits]:
        """Return the spans of the fit before each window over ``span``; ``test`` is the window."""
        (windows,) = self.windows(span, stamps)
        rule = RefitRule(self.refit_span == ROLLING, self.refit_steps, self.purge_steps or 0)
        return plan_refits(splits, windows.starts.tolist(), self.window, rule)

    def windows(self, span: Span, stamps: TimeArray) -> tuple[WindowSet, ...]:
        """Return the set ``walk_forward``."""
        return (spaced_windows(self.name, span, self.window, self.stride, "protocol.window"),)

    def measure(
        self, evaluation: Evaluation, baselines: Mapping[str, Evaluation], fit_spans: FitSpans | None
    ) -> Measured:
        """Return a row for each window, and a block with their number, distribution and the measures shown of each.

        ``left_out`` counts the decisions of the span that are in no window. ``status`` and ``unseen`` distinguish the
        windows that are a test, if it is known what the policy was fitted on. The rows of a refitted policy say until
        when the fit at the window's first decision was trained and selected, and its excess over equal weight.
        """
        if fit_spans is not None:
            fit_spans = fit_spans._replace(purge_steps=self.purge_steps or 0, embargo_steps=self.embargo_steps or 0)
        added = _of_refits(evaluation, baselines, fit_spans)
        rows = window_rows(evaluation, baselines, self.name, fit_spans, added)
        marks = [name for name in rows[0] if name.startswith(SEEN_PREFIX)]
        returns = [f"{name}_cumulative_return" for name in baselines]
        shown = {"window", "first", "last", *marks, "status", *tagged("windows"), *returns, *added}
        block = {
            **describe_windows(evaluation, baselines, self.name),
            "stride": self.stride,
            "left_out": _left_out(evaluation, self.stride),
            **describe_status(evaluation, baselines, self.name, rows, fit_spans),
            **({"refits": len(fit_spans.fits)} if fit_spans is not None and fit_spans.fits else {}),
            "rows": [{name: value for name, value in row.items() if name in shown} for row in rows],
        }
        return Measured(rows, block)

    def note(self, policy: str, span: Span, stamps: TimeArray, seen: Seen | None) -> str | None:
        """Say that no window can be a test of the policy, or that a distance has no effect."""
        return self._distance_without_effect(policy) if seen is None else self._no_test(span, stamps, seen)

    def _distance_without_effect(self, policy: str) -> str | None:
        for key in ("purge_steps", "embargo_steps"):
            if asked := getattr(self, key):
                return f"protocol.{key}={asked} has no effect: it is not known what {policy} was fitted on."
        return None

    def _no_test(self, span: Span, stamps: TimeArray, seen: Seen) -> str | None:
        """Say that no window can be a test of a policy fitted on the spans ``seen``, and which window would be."""
        free = self._away_from(stamps, seen)[span.start : span.stop]
        run = _longest_run(free)
        starts = range(0, len(free) - self.window + 1, self.stride)
        if any(free[start : start + self.window].all() for start in starts):
            return None
        said = f"protocol.window={self.window}, protocol.stride={self.stride}: none of the {len(starts)} windows is"
        said += " a test of this policy: each contains, or is too close to, decisions it was fitted on."
        if not len(run):
            return f"{said} No decision of the span is far enough away; choose later data or other data.split dates."
        first, left = format_stamp(stamps[span.start + run.start]).replace(" ", "T"), len(free) - run.start
        fits = f"a protocol.window of at most {len(run)} fits, with protocol.start={first}"
        if self.window_steps > left and self.window_steps != Protocol.window_steps:  # the default is shortened
            fits += f" and a protocol.window_steps of at most {left}"
        return f"{said} {len(run)} decisions from {first} on are far enough away: {fits}."

    def _away_from(self, stamps: TimeArray, seen: Seen) -> BoolArray:
        """Return a mask (N,) of the bars a window may decide at and be ``unseen``."""
        free = np.ones(len(stamps), dtype=np.bool_)
        for first, last in seen.values():
            opened, closed = np.searchsorted(stamps, first), np.searchsorted(stamps, last)
            free[max(int(opened) - (self.embargo_steps or 0), 0) : int(closed) + (self.purge_steps or 0)] = False
        return free


def _of_refits(
    evaluation: Evaluation, baselines: Mapping[str, Evaluation], fit_spans: FitSpans | None
) -> dict[str, Any]:
    """Return the columns (B,) that only the windows of a refitted policy have; none for another policy."""
    if fit_spans is None or not fit_spans.fits:
        return {}
    fits = deciding_fits(evaluation.sets[WalkForward.name], fit_spans)
    columns: dict[str, Any] = {f"{span}_until": [fit.seen[span][1] for fit in fits] for span in fits[0].seen}
    if EqualWeight.name in baselines:
        own, theirs = (window_returns(one, WalkForward.name) for one in (evaluation, baselines[EqualWeight.name]))
        columns[EXCESS] = own - theirs
    return columns


def _longest_run(mask: BoolArray) -> range:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    runs = [range(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
    return max(runs, key=len, default=range(0))


def _left_out(evaluation: Evaluation, stride: int) -> int:
    windows = evaluation.sets[WalkForward.name]
    held = (len(windows) - 1) * min(stride, windows.steps) + windows.steps
    return evaluation.sets[HOLDOUT].steps - held
