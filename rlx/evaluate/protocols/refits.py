"""When a walk-forward fits again, and on what: the spans known before each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rlx.data.splits import Span, Splits
from rlx.errors import ConfigError

EXPANDING, ROLLING = "expanding", "rolling"


class RefitRule(NamedTuple):
    """How the spans of a fit follow from the first decision of its window.

    ``rolling`` is the length of every training span, None for all that is known. ``purge_steps`` is the least number
    of decisions between what a fit sees and its window.
    """

    rolling: int | None
    purge_steps: int


def plan_refits(splits: Splits, starts: Sequence[int], steps: int, rule: RefitRule) -> list[Splits]:
    """Return the spans of each fit, in time order; ``test`` is its window of ``steps`` decisions from ``starts``.

    ``splits`` are those of the first fit, which may be as early as their test span. Each fit has their share of
    validation decisions, the last ones known, and their distance between training and validation. Raises ConfigError
    where not enough is known before a window.
    """
    gap = splits.validation.start - splits.train.stop
    distance = max(splits.test.start - splits.validation.stop, rule.purge_steps)
    return [_known_before(splits, start, steps, gap, start - distance, rule.rolling) for start in starts]


def _known_before(splits: Splits, start: int, steps: int, gap: int, stop: int, rolling: int | None) -> Splits:
    """Return the spans of the fit before the window at ``start``; its last known close is at bar ``stop``."""
    first, trained, validated = splits.train.start, len(splits.train), len(splits.validation)
    known = stop - first - gap
    used = known if rolling is None else round(rolling * (trained + validated) / trained)
    held = max(round(used * validated / (trained + validated)), 1)
    if used - held < 1 or used > known:
        raise ConfigError(_too_little(known, used, rolling))
    validation = Span(stop - held, stop)
    train_stop = validation.start - gap
    return Splits(Span(train_stop - (used - held), train_stop), validation, Span(start, start + steps))


def _too_little(known: int, used: int, rolling: int | None) -> str:
    asked = "protocol.refit_span=expanding" if rolling is None else f"protocol.refit_steps={rolling}"
    needs = "two or more" if rolling is None else f"{used} with the validation after it"
    return (
        f"{asked}: {max(known, 0)} decisions are known before the first window, and a fit needs {needs}. Begin later "
        "(protocol.start), lower protocol.refit_steps or protocol.purge_steps, or raise data.split.train_fraction."
    )
