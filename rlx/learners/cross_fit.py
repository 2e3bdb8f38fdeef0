"""Cross-fitting: each member of a policy is fitted to a part of the data, and judged on the part it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rlx.data.folds import folds
from rlx.data.splits import Span, Splits
from rlx.errors import ConfigError
from rlx.types import BoolArray, IntArray


class MemberSpan(NamedTuple):
    """The decisions a member is fitted to, as a mask over those of the whole span, and the span it has not seen."""

    fitted: BoolArray  # (T,)
    held_out: Span


@dataclass(frozen=True)
class CrossFit:
    """The span of all fits, and what each member sees of it.

    With several members the span is training and validation together, each member leaves out one fold of it, and the
    held-out folds together are the validation. A single member is fitted to the training span and validated on the
    validation span.
    """

    span: Span
    members: tuple[MemberSpan, ...]

    @classmethod
    def of(cls, splits: Splits, n_folds: int, purge_steps: int) -> CrossFit:
        """Return the plan for ``n_folds`` members, with ``purge_steps`` left out on both sides of a held-out fold.

        ConfigError if there are more folds than decisions.
        """
        if n_folds == 1:
            span = splits.train
            return cls(span, (MemberSpan(np.ones(len(span), dtype=np.bool_), splits.validation),))
        span = Span(splits.train.start, splits.validation.stop)
        if n_folds > len(span):
            raise ConfigError(
                f"module.n_folds={n_folds}: must be at most {len(span)}, the decisions of training and validation span."
            )
        parts = folds(len(span), n_folds, purge_steps)
        return cls(
            span,
            tuple(
                MemberSpan(part.fitted, Span(span.start + part.held_out.start, span.start + part.held_out.stop))
                for part in parts
            ),
        )

    @property
    def validation(self) -> Span:
        """The span that the held-out parts cover together."""
        return Span(self.members[0].held_out.start, self.members[-1].held_out.stop)

    def seen(self, splits: Splits) -> dict[str, Span]:
        """Return the spans that the policy has seen, by what they were used for."""
        if len(self.members) == 1:
            return {"trained": splits.train, "selected": splits.validation}
        return {"trained": self.span, "selected": self.span}

    def starts(self, steps: int, key: str = "module.rollout_steps") -> list[IntArray]:
        """Return for each member where ``steps`` decisions in a row are fitted, as indices into the span.

        ConfigError, about the ``key`` of ``steps``, if there is no such place.
        """
        found = []
        for member in self.members:
            before = np.concatenate(([0], np.cumsum(member.fitted)))
            found.append(np.flatnonzero(before[steps:] - before[:-steps] == steps))
            if not found[-1].size:
                raise ConfigError(
                    f"{key}={steps}: must be at most {_longest(member.fitted)}, the longest part of "
                    f"{len(self.span)} decisions that a fit sees. Lower it, module.n_folds or module.purge_steps, or "
                    "give the training split more bars."
                )
        return found


def _longest(fitted: BoolArray) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], fitted.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))
