"""When a walk-forward fits again, and on what: the spans known before each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rlx.data.splits import Span, Splits
from rlx.errors import ConfigError

EXPANDING, ROLLING = "expanding", "rolling"


class RefitRule(NamedTuple):
    """How the spans of a fit follow from the first decision of its window.

    ``rolling`` fits see equally many decisions, expanding ones all that are known. ``steps`` is the length of a rolling
    training span, None for that of the first fit. ``purge_steps`` is the least number of decisions between what a fit
    sees and its window.
    """

    rolling: bool = False
    steps: int | None = None
    purge_steps: int = 0


def plan_refits(splits: Splits, starts: Sequence[int], steps: int, rule: RefitRule) -> list[Splits]:
    """Return the spans of each fit, in time order; ``test`` is its window of ``steps`` decisions from ``starts``.

    ``splits`` are those of the first fit, which may be as early as their test span. Each fit has their share of
    validation decisions, the last ones known, and their distance between training and validation. Raises ConfigError
    where not enough is known before a window.
    """
    gap = splits.validation.start - splits.train.stop
    distance = max(splits.test.start - splits.validation.stop, rule.purge_steps)
    share = len(splits.validation) / (len(splits.train) + len(splits.validation))
    known = [start - distance - gap - splits.train.start for start in starts]
    lengths = [_lengths(known[0] if rule.rolling else count, share, rule.steps) for count in known]
    if lengths[0][0] < 1 or sum(lengths[0]) > known[0]:
        raise ConfigError(_too_little(known[0], sum(lengths[0]), rule.steps))
    return [
        _before(Span(start, start + steps), distance, gap, *trained_and_validated)
        for start, trained_and_validated in zip(starts, lengths, strict=True)
    ]


def _lengths(known: int, share: float, asked: int | None) -> tuple[int, int]:
    """Return on how many decisions a fit is trained, ``asked`` or the rest, and on how many it is validated."""
    validated = max(round(known * share if asked is None else asked * share / (1.0 - share)), 1)
    return (known - validated if asked is None else asked), validated


def _before(window: Span, distance: int, gap: int, trained: int, validated: int) -> Splits:
    """Return the spans of the fit before a window."""
    stop = window.start - distance
    train_stop = stop - validated - gap
    return Splits(Span(train_stop - trained, train_stop), Span(stop - validated, stop), window)


def _too_little(known: int, needed: int, asked: int | None) -> str:
    key = "protocol.refit=true" if asked is None else f"protocol.refit_steps={asked}"
    needs = "two or more" if asked is None else f"{needed}, the validation after the training included"
    return (
        f"{key}: {max(known, 0)} decisions are known before the first window, and a fit needs {needs}. Begin later "
        "(protocol.start), lower protocol.refit_steps or protocol.purge_steps, or raise data.split.train_fraction."
    )
