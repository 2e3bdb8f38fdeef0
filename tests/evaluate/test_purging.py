"""Which windows are a test of a policy, on spans chosen by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.data.splits import Span
from rlx.errors import ConfigError
from rlx.evaluate.judge import Judgement, judge
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.protocols.span import fit_windows, protocol_span
from rlx.evaluate.protocols.walk_forward import WalkForward
from rlx.evaluate.purging import FitSpans, lookback_steps, window_status
from rlx.evaluate.seen import Seen
from rlx.measures.evaluation import WindowLedger
from rlx.policies.baselines import EqualWeight
from rlx.report.windows_table import shares_in_words, window_lines
from tests.evaluate.players import FREE, Player, random_market

STAMPS = random_market(60).timestamps
SPAN = {"trained": (STAMPS[20], STAMPS[30])}
"""Decisions at bars 20 to 29, the last of which closes on bar 30."""


def windows(starts: list[int], steps: int) -> WindowLedger:
    bars = np.array(starts)[:, None] + np.arange(steps)
    book: Any = None
    return WindowLedger("walk_forward", np.array(starts), STAMPS[bars], STAMPS[bars + 1], book)


def status(starts: list[int], purge: int = 0, embargo: int = 0, spans: Seen = SPAN, steps: int = 5) -> list[str]:
    return window_status(windows(starts, steps), FitSpans(spans, STAMPS, 0, purge, embargo))


def test_a_window_is_seen_when_it_holds_a_decision_of_the_span() -> None:
    # Windows of 5 steps. From 15 the last decides at 19 and closes on 20, where the span's first is decided.
    assert status([15, 16, 24, 29, 30]) == ["unseen", "seen", "seen", "seen", "unseen"]


def test_after_a_span_windows_are_purged_until_so_many_steps_from_its_last_close() -> None:
    assert status([30, 31, 32, 33, 34], purge=3) == ["purged", "purged", "purged", "unseen", "unseen"]
    assert status([30, 31], purge=1) == ["purged", "unseen"]
    assert status([15, 29, 30], purge=0) == ["unseen", "seen", "unseen"]
    assert status([10, 15], purge=40) == ["unseen", "unseen"]  # nothing before them


def test_before_a_span_windows_are_embargoed_from_so_many_steps_to_its_first_decision() -> None:
    # From 12 the last close is at 17, three bars before the span's first decision.
    assert status([11, 12, 13, 14, 15], embargo=3) == ["unseen", "unseen", "embargoed", "embargoed", "embargoed"]
    assert status([30, 50], embargo=40) == ["unseen", "unseen"]


def test_between_two_spans_a_window_keeps_its_distance_from_both() -> None:
    spans = {"trained": (STAMPS[0], STAMPS[10]), "selected": (STAMPS[30], STAMPS[40])}
    starts = [10, 12, 14, 20, 22, 25, 26, 40]
    assert status(starts, 4, 6, spans) == [
        "purged", "purged", "unseen", "embargoed", "embargoed", "embargoed", "seen", "purged",
    ]  # fmt: skip
    assert status([12], 4, 20, spans) == ["purged"]  # both apply: the first is reported
    assert status([19, 20], 0, 6, spans) == ["unseen", "embargoed"]  # closes on 24 and 25


def test_spans_that_follow_each_other_purge_after_each() -> None:
    spans = {"trained": (STAMPS[0], STAMPS[20]), "selected": (STAMPS[20], STAMPS[30])}
    assert status([18, 30, 31, 32], purge=2, spans=spans) == ["seen", "purged", "purged", "unseen"]


def test_spans_of_other_dates_and_stamps_between_bars() -> None:
    day = np.timedelta64(1, "D")
    before = {"trained": (STAMPS[0] - 900 * day, STAMPS[0] - 800 * day)}
    after = {"trained": (STAMPS[-1] + 800 * day, STAMPS[-1] + 900 * day)}
    assert status([0, 1, 54], purge=1, embargo=1, spans=before) == ["purged", "unseen", "unseen"]
    assert status([0, 53, 54], purge=1, embargo=1, spans=after) == ["unseen", "unseen", "embargoed"]
    hour = np.timedelta64(1, "h")
    between = {"trained": (STAMPS[20] + hour, STAMPS[29] + hour)}  # no whole step from bar 29's noon to bar 30
    assert status([30, 31], purge=1, spans=between) == ["purged", "unseen"]
    assert status([14, 15], embargo=1, spans=between) == ["unseen", "embargoed"]


def test_without_fitted_spans_every_window_is_a_test() -> None:
    assert status([0, 30], 9, 9, {}) == ["unseen", "unseen"]


def test_how_far_features_look_back() -> None:
    """return_5 at a bar needs the close 5 bars before; a window of 3 bars begins two earlier."""
    market = random_market()
    assert lookback_steps(Player(None, ("return_1", "return_5"), window_steps=3), market) == 7
    assert lookback_steps(Player(None, ("return_5",), window_steps=1), market) == 5
    assert lookback_steps(EqualWeight(), market) == 0
    assert market.first_bar(("return_1", "return_5"), 3) == 7


def walked(**settings: Any) -> Judgement:
    """Judge windows that start at bars 10, 18, 26, 34, 42 and 50 of a policy trained on bars 22 to 27."""
    protocol = WalkForward(window=8, stride=8, window_steps=8, bootstrap_replications=100)
    policy = Player(lambda o: np.full((len(o.bar), 3), 1 / 3), ("return_5",), window_steps=3)
    return judge(
        policy,
        random_market(),
        Span(10, 59),
        FREE,
        replace(protocol, **settings),
        baselines=[EqualWeight()],
        module="test",
        seen={"trained": (STAMPS[22], STAMPS[28])},
    )


def test_purge_and_embargo_are_on_the_rows_and_the_scorecard_and_not_in_the_key() -> None:
    plain, cut = walked(), walked(purge_steps=7, embargo_steps=5)
    assert [row["status"] for row in plain.rows] == ["unseen", "seen", "seen", "unseen", "unseen", "unseen"]
    assert [row["status"] for row in cut.rows] == ["embargoed", "seen", "seen", "purged", "unseen", "unseen"]
    block = cut.scorecard.blocks["walk_forward"]
    assert block["status"] == {"unseen": 2, "seen": 2, "purged": 1, "embargoed": 1}
    assert (block["purge_steps"], block["embargo_steps"], block["lookback_steps"]) == (7, 5, 7)
    assert block["unseen"]["n"] == 2 and block["n"] == 6
    assert plain.scorecard.blocks["walk_forward"]["purge_steps"] == 0
    assert cut.scorecard.key == plain.scorecard.key
    returns = [row["cumulative_return"] for row in cut.rows[4:]]
    assert block["unseen"]["share_positive"] == np.mean([value > 0 for value in returns])


def test_they_are_in_the_text_and_in_the_table() -> None:
    block = walked(purge_steps=7, embargo_steps=5).scorecard.blocks["walk_forward"]
    assert [line[-1] for line in window_lines(block)] == ["embargoed", "4", "2", "purged", "0", "0"]
    assert (
        "Of the 2 without steps that the policy was fitted on and away from them "
        "(1 purged, less than 7 after, 1 embargoed, less than 5 before): positive"
    ) in shares_in_words(block)
    none = walked(purge_steps=40, embargo_steps=5).scorecard.blocks["walk_forward"]
    assert shares_in_words(none).endswith(
        "None is a test: all contain steps that the policy was fitted on, or are too close to them "
        "(3 purged, less than 40 after, 1 embargoed, less than 5 before)."
    )


@pytest.mark.parametrize("name", ["purge_steps", "embargo_steps"])
@pytest.mark.parametrize("value", [-1, 2.5, True, "all"])
def test_nonsense_is_refused(name: str, value: Any) -> None:
    with pytest.raises(
        ConfigError, match=rf"protocol\.{name}=.*: must be a whole number between 0 and 1000000, or null"
    ):
        WalkForward(**{name: value})


def test_none_and_zero_require_no_distance() -> None:
    assert walked(purge_steps=0).rows == walked(purge_steps=None).rows


@pytest.mark.parametrize(
    ("window", "options", "longest"),
    [
        (29, {}, None),
        (30, {}, 29),  # bars 30 to 58 are left, the last of which closes on bar 59
        (25, {"purge_steps": 5}, 24),
        (24, {"purge_steps": 5}, None),
        (20, {"embargo_steps": 1}, None),
    ],
)
def test_a_note_says_that_no_window_can_be_a_test(window: int, options: dict[str, Any], longest: Any) -> None:
    said = WalkForward(window=window, stride=1, **options).note("p", Span(0, 59), STAMPS, SPAN)
    assert (said is None) == (longest is None)
    if said is not None:
        first = str(STAMPS[30 + options.get("purge_steps", 0)])[:10]
        assert f"protocol.window={window}" in said and "none of the" in said
        assert f"a protocol.window of at most {longest} fits, with protocol.start={first}" in said


@pytest.mark.parametrize("step", ["1D", "30min", "90s"])
@pytest.mark.parametrize("options", [{}, {"window_steps": 55}, {"purge_steps": 6, "stride": 50}])
def test_following_the_advice_leaves_a_test(step: str, options: dict[str, Any]) -> None:
    """The last decision a policy was fitted on and the first that is a test can be on the same day."""
    stamps = np.asarray(pd.date_range("2020-01-06 14:30" if step != "1D" else "2020-01-06", periods=60, freq=step))
    market = Market(MarketPanel(("AAA",), stamps, np.full((60, 1), 50.0)))
    spans = {"trained": (stamps[20], stamps[30])}
    protocol = WalkForward(**{"window": 40, "stride": 1, **options})
    said = protocol.note("p", Span(0, 59), stamps, spans)
    assert said is not None
    given = dict(re.findall(r"protocol\.(window|window_steps) of at most (\d+)", said))
    followed = replace(protocol, **{name: int(value) for name, value in given.items()},
                       start=re.findall(r"protocol\.start=(\S+?)[ .]", said + " ")[-1])  # fmt: skip
    span = protocol_span(market, None, followed)
    assert fit_windows(followed, span).window_sets(span, stamps)
    assert followed.note("p", span, stamps, spans) is None


def test_the_note_agrees_with_the_status_of_each_window() -> None:
    for window in range(1, 60, 3):
        for purge, embargo in ((0, 0), (7, 0), (0, 7), (9, 9)):
            protocol = WalkForward(window=window, stride=4, purge_steps=purge, embargo_steps=embargo)
            starts = list(range(0, 59 - window + 1, 4))
            found = status(starts, purge, embargo, steps=window) if starts else []
            assert (protocol.note("p", Span(0, 59), STAMPS, SPAN) is None) == ("unseen" in found), protocol


def test_other_protocols_and_spans_without_a_free_decision() -> None:
    assert Protocol().note("p", Span(0, 59), STAMPS, SPAN) is None
    said = WalkForward(window=5, stride=1).note("p", Span(21, 29), STAMPS, SPAN)
    assert said is not None and "No decision of the span is far enough away" in said
