"""``protocol=walk_forward``: windows that move over a span, and which of them are a test of the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from rlx.data.panel import format_stamp
from rlx.evaluate.protocols.base import DECISIONS, Measured, Protocol
from rlx.evaluate.purging import FitSpans
from rlx.evaluate.seen import Seen
from rlx.evaluate.window_rows import SEEN_PREFIX, describe_status, window_rows
from rlx.evaluate.windows import HOLDOUT, WindowSet, spaced_windows
from rlx.measures.distribution import describe_windows
from rlx.measures.evaluation import Evaluation
from rlx.measures.performance import tagged
from rlx.ranges import Whole
from rlx.types import BoolArray, TimeArray

if TYPE_CHECKING:
    from rlx.data.splits import Span

Distance = Annotated[int | None, Whole(0, 1_000_000)]


@dataclass(frozen=True)
class WalkForward(Protocol):
    """The same judgement with windows that move over the span.

    A window of ``window`` decisions starts every ``stride`` decisions, each with a new account; decisions at the end
    that do not fill a window are left out. By default the span is everything the policy has features for. A window is a
    test of the policy only if it is at least ``purge_steps`` after, or ``embargo_steps`` before, every span the policy
    was fitted on; None requires no distance.
    """

    split: str = "all"
    window: Annotated[int, DECISIONS] = 256
    stride: Annotated[int, DECISIONS] = 64
    purge_steps: Distance = None
    embargo_steps: Distance = None
    name: ClassVar[str] = "walk_forward"
    traded_windows: ClassVar[str] = name

    def windows(self, span: Span, stamps: TimeArray) -> tuple[WindowSet, ...]:
        """Return the set ``walk_forward``."""
        return (spaced_windows(self.name, span, self.window, self.stride, "protocol.window"),)

    def measure(
        self, evaluation: Evaluation, baselines: Mapping[str, Evaluation], fit_spans: FitSpans | None
    ) -> Measured:
        """Return a row for each window, and a block with their number, distribution and the measures shown of each.

        ``left_out`` counts the decisions of the span that are in no window. ``status`` and ``unseen`` distinguish the
        windows that are a test, if it is known what the policy was fitted on.
        """
        if fit_spans is not None:
            fit_spans = fit_spans._replace(purge_steps=self.purge_steps or 0, embargo_steps=self.embargo_steps or 0)
        rows = window_rows(evaluation, baselines, self.name, fit_spans)
        marks = [name for name in rows[0] if name.startswith(SEEN_PREFIX)]
        returns = [f"{name}_cumulative_return" for name in baselines]
        shown = {"window", "first", "last", *marks, "status", *tagged("windows"), *returns}
        block = {
            **describe_windows(evaluation, baselines, self.name),
            "stride": self.stride,
            "left_out": _left_out(evaluation, self.stride),
            **describe_status(evaluation, baselines, self.name, rows, fit_spans),
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


def _longest_run(mask: BoolArray) -> range:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    runs = [range(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
    return max(runs, key=len, default=range(0))


def _left_out(evaluation: Evaluation, stride: int) -> int:
    windows = evaluation.sets[WalkForward.name]
    held = (len(windows) - 1) * min(stride, windows.steps) + windows.steps
    return evaluation.sets[HOLDOUT].steps - held
