"""Cross-fitting: every decision is held out once, and no fit touches what is held out from it."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlx.data.splits import Span, Splits
from rlx.errors import ConfigError
from rlx.learners.cross_fit import CrossFit

SPLITS = Splits(Span(10, 70), Span(75, 100), Span(100, 130))  # with a purge of 5 before the validation


def test_one_fold_is_fitted_to_training_and_validated_on_validation() -> None:
    plan = CrossFit.of(SPLITS, 1, 21)
    (member,) = plan.members
    assert plan.span == SPLITS.train and member.held_out == plan.validation == SPLITS.validation
    assert member.fitted.shape == (60,) and member.fitted.all()
    assert plan.seen(SPLITS) == {"trained": SPLITS.train, "selected": SPLITS.validation}


def test_folds_by_hand() -> None:
    plan = CrossFit.of(SPLITS, 3, 4)
    assert plan.span == plan.validation == Span(10, 100)
    assert [member.held_out for member in plan.members] == [Span(10, 40), Span(40, 70), Span(70, 100)]
    fitted = [(10 + np.flatnonzero(member.fitted)).tolist() for member in plan.members]
    assert fitted == [[*range(44, 100)], [*range(10, 36), *range(74, 100)], [*range(10, 66)]]
    assert plan.seen(SPLITS) == {"trained": plan.span, "selected": plan.span}


@given(st.integers(2, 30), st.integers(0, 40), st.integers(30, 200))
def test_every_decision_is_held_out_once_and_the_purge_is_respected(n_folds: int, purge: int, length: int) -> None:
    splits = Splits(Span(7, 7 + length), Span(7 + length, 17 + length), Span(17 + length, 27 + length))
    plan = CrossFit.of(splits, n_folds, purge)
    bars = range(plan.span.start, plan.span.stop)
    assert [bar for member in plan.members for bar in range(*astuple(member.held_out))] == list(bars)
    for member in plan.members:
        left_out = range(member.held_out.start - purge, member.held_out.stop + purge)
        assert member.fitted.tolist() == [bar not in left_out for bar in bars]


@given(st.integers(1, 6), st.integers(0, 8), st.integers(1, 25))
def test_segments_are_everywhere_they_fit_and_nowhere_else(n_folds: int, purge: int, steps: int) -> None:
    plan = CrossFit.of(SPLITS, n_folds, purge)
    try:
        starts = plan.starts(steps)
    except ConfigError:
        assert any(not any(member.fitted[s : s + steps].sum() == steps for s in range(90)) for member in plan.members)
        return
    for member, mine in zip(plan.members, starts, strict=True):
        whole = [s for s in range(len(plan.span) - steps + 1) if member.fitted[s : s + steps].all()]
        assert mine.tolist() == whole


def test_a_rollout_that_fits_nowhere_is_refused_with_the_longest_that_does() -> None:
    assert CrossFit.of(SPLITS, 3, 4).starts(26)[1].tolist() == [0, 64]
    with pytest.raises(ConfigError, match=r"module\.rollout_steps=27: must be at most 26, the longest part of 90 deci"):
        CrossFit.of(SPLITS, 3, 4).starts(27)
    with pytest.raises(ConfigError, match=r"Lower it, module\.n_folds or module\.purge_steps"):
        CrossFit.of(SPLITS, 2, 50).starts(1)
    with pytest.raises(ConfigError, match=r"module\.rollout_steps=61: must be at most 60"):
        CrossFit.of(SPLITS, 1, 0).starts(61)


def test_more_folds_than_decisions_are_refused() -> None:
    assert len(CrossFit.of(SPLITS, 90, 0).members) == 90
    with pytest.raises(ConfigError, match=r"module\.n_folds=91: must be at most 90, the decisions of tr"):
        CrossFit.of(SPLITS, 91, 0)
