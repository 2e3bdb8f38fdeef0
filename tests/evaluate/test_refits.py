"""What each fit of a walk-forward may see, and how its windows are reported, on spans chosen by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlx.data.splits import Span, Splits
from rlx.errors import ConfigError
from rlx.evaluate.judge import judge
from rlx.evaluate.protocols.refits import RefitRule, plan_refits
from rlx.evaluate.protocols.walk_forward import WalkForward
from rlx.evaluate.purging import FitSpans, deciding_fits, window_status
from rlx.evaluate.scorecard import Scorecard
from rlx.measures.evaluation import WindowLedger
from rlx.policies.base import Fit
from rlx.policies.baselines import EqualWeight
from rlx.report.windows_table import describe_in_words, window_header, window_lines
from rlx.sim.rules import Guard
from tests.evaluate.players import FREE, Player, random_market

FIRST = Splits(Span(10, 40), Span(42, 52), Span(54, 99))  # 30 and 10 decisions, 2 dropped before each next span
WALK = WalkForward(refit=True, window=20, stride=20, window_steps=10, bootstrap_replications=100)


FIRST_LENGTH = 0  # of a rolling training span: the first one's


def planned(*starts: int, rolling: int | None = None, purge: int = 0, splits: Splits = FIRST) -> list[Splits]:
    return plan_refits(splits, starts, 20, RefitRule(rolling is not None, rolling or None, purge))


def test_the_first_fit_is_that_of_the_splits() -> None:
    for rolling in (None, FIRST_LENGTH, 30):
        (only,) = planned(54, rolling=rolling)
        assert only == Splits(FIRST.train, FIRST.validation, Span(54, 74))


def test_an_expanding_fit_sees_everything_known_before_its_window() -> None:
    # Before 74: closes up to bar 72, 62 bars from bar 10 on, 2 of them dropped: 60 decisions, a quarter for validation.
    assert planned(54, 74)[1] == Splits(Span(10, 55), Span(57, 72), Span(74, 94))


def test_a_rolling_fit_forgets() -> None:
    assert planned(54, 74, rolling=30)[1] == Splits(Span(30, 60), Span(62, 72), Span(74, 94))
    assert planned(54, 74, rolling=1)[0] == Splits(Span(48, 49), Span(51, 52), Span(54, 74))
    assert planned(54, 74, rolling=12)[0] == Splits(Span(34, 46), Span(48, 52), Span(54, 74))


def test_a_purge_moves_what_is_known_away_from_the_window() -> None:
    (far,) = planned(74, purge=14)
    assert far == Splits(Span(10, 46), Span(48, 60), Span(74, 94))  # 48 decisions before the close of bar 60
    rolling = planned(74, 94, rolling=FIRST_LENGTH, purge=14)
    assert rolling == [far, Splits(Span(30, 66), Span(68, 80), Span(94, 114))]  # the first one's length, which is known
    assert planned(74, purge=2) == planned(74, purge=0) == planned(74)


@pytest.mark.parametrize("purge", [0, 1, 7, 20])
@pytest.mark.parametrize("rolling", [None, 9])
def test_no_fit_sees_its_window_or_anything_later(purge: int, rolling: int | None) -> None:
    for splits in planned(54, 60, 74, 79, rolling=rolling, purge=purge):
        assert FIRST.train.start <= splits.train.start < splits.train.stop
        assert splits.train.stop + 2 == splits.validation.start < splits.validation.stop
        assert splits.validation.stop + max(purge, 2) == splits.test.start  # the last close is not after the decision


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rolling": 31}, "protocol.refit_steps=31: 40 decisions are known"),
        ({"purge": 44}, "protocol.refit=true: 0 decisions"),
    ],
)
def test_too_little_to_fit_on_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        planned(54, **given)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "train"}, "protocol.split=train: with protocol.refit=true it must be test"),
        ({"warm_start": True, "jobs": 2}, "protocol.jobs=2: with protocol.warm_start=true"),
        ({"refit_steps": 9}, "protocol.refit_steps=9: .* Add protocol.refit_span=rolling"),
        ({"refit_span": "roling"}, "protocol.refit_span=roling: .* Did you mean 'rolling'"),
        ({"refit_span": "rolling", "refit_steps": 0}, "protocol.refit_steps=0: must be"),
        ({"jobs": 0}, "protocol.jobs=0: must be"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        replace(WALK, **options)


def test_options_without_effect_are_reported() -> None:
    def notes(walk: WalkForward) -> list[str]:
        return walk.check(Guard(), lambda name: Guard())

    assert notes(WALK) == notes(WalkForward()) == []
    assert notes(replace(WALK, embargo_steps=3)) == [
        "protocol.embargo_steps=3 has no effect: no fit sees anything after its window."
    ]
    assert notes(WalkForward(jobs=2, warm_start=True)) == [
        "protocol.jobs=2 has no effect: protocol.refit is false.",
        "protocol.warm_start=True has no effect: protocol.refit is false.",
    ]


def test_the_span_is_that_of_the_test_split_and_a_later_start_is_kept() -> None:
    assert (WALK.split, WalkForward().split) == ("test", "all")
    stamps = random_market(100).timestamps
    starts = [splits.test.start for splits in WALK.refits(FIRST, Span(54, 99), stamps)]
    assert starts == [54, 74]
    assert [splits.test.start for splits in WALK.refits(FIRST, Span(60, 99), stamps)] == [60]


STAMPS = random_market(60).timestamps
FITS = (
    Fit(STAMPS[20], {"trained": (STAMPS[0], STAMPS[12]), "selected": (STAMPS[12], STAMPS[18])}),
    Fit(STAMPS[40], {"trained": (STAMPS[0], STAMPS[29]), "selected": (STAMPS[29], STAMPS[39])}),
)
SEEN = FITS[0].seen


def windows(starts: list[int], steps: int = 5) -> WindowLedger:
    bars = np.array(starts)[:, None] + np.arange(steps)
    book: Any = None
    return WindowLedger("walk_forward", np.array(starts), STAMPS[bars], STAMPS[bars + 1], book)


def test_each_window_keeps_its_distance_from_the_fits_that_decide_in_it() -> None:
    def status(starts: list[int], purge: int) -> list[str]:
        return window_status(windows(starts), FitSpans(SEEN, STAMPS, 0, purge, fits=FITS))

    assert status([10, 20, 30, 40], 0) == ["seen", "unseen", "unseen", "unseen"]
    # The first fit ends 2 bars before its first decision, the second 1 bar: windows from 36 on contain that decision.
    assert status([20, 21, 35, 36, 40, 41], 2) == ["unseen", "unseen", "unseen", "purged", "purged", "unseen"]
    assert status([20, 21, 36, 40], 3) == ["purged", "unseen", "purged", "purged"]


def test_the_first_decision_of_a_window_says_whose_it_is() -> None:
    assert deciding_fits(windows([5, 20, 39, 40, 50]), FitSpans(SEEN, STAMPS, fits=FITS)) == [
        FITS[0], FITS[0], FITS[0], FITS[1], FITS[1],
    ]  # fmt: skip


class Changing(Player):
    """Holds the first asset, and from the second fit on the second."""

    fits = FITS

    def __init__(self) -> None:
        super().__init__(lambda o: np.where(o.bar[:, None] < 40, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]))


def test_every_window_says_what_was_known_and_its_excess() -> None:
    protocol = replace(WALK, refit=False, split="all")
    market = random_market(60)
    result = judge(
        Changing(), market, Span(20, 59), FREE, protocol, baselines=[EqualWeight()], module="test", seen=SEEN
    )
    first, _ = market.returns[20:40, 0], None
    assert result.rows[0]["cumulative_return"] == pytest.approx(np.prod(1 + first) - 1)
    block = result.scorecard.blocks["walk_forward"]
    (row,) = block["rows"]  # a second window would need bar 60
    assert (row["trained_until"], row["selected_until"]) == (str(STAMPS[12])[:19], str(STAMPS[18])[:19])
    excess = row["cumulative_return"] - row["equal_weight_cumulative_return"]
    assert row["excess_over_equal_weight"] == pytest.approx(excess)
    assert block["refits"] == 2 and "the latest of 2 fits decides" in describe_in_words(block)
    assert window_header(block)[:4] == ["from", "to", "trained until", "validated until"]
    assert window_header(block)[4:7] == ["return", "equal weight", "excess"]
    assert window_lines(block)[0][2:4] == [str(STAMPS[12])[:10], str(STAMPS[18])[:10]]
    assert result.scorecard.data["seen_steps"] == {"trained": 0, "selected": 0}
    assert "Not a test" not in result.scorecard.verdict


def test_a_policy_fitted_once_has_none_of_it() -> None:
    protocol = replace(WALK, refit=False, split="all")
    result = judge(
        EqualWeight(), random_market(60), Span(20, 59), FREE, protocol, baselines=[EqualWeight()], module="test"
    )
    row = result.rows[0]
    assert not {"trained_until", "selected_until", "excess_over_equal_weight"} & {*row}
    assert "refits" not in result.scorecard.blocks["walk_forward"]
    assert isinstance(result.scorecard, Scorecard)
