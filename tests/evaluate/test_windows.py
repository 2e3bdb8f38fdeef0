"""Window sets, and the span a protocol judges."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.data.splits import Span, Splits
from rlx.errors import ConfigError
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.protocols.span import fit_windows, protocol_span
from rlx.evaluate.windows import WindowSet, holdout_windows, start_index_windows
from tests.evaluate.players import random_market

SPLITS = Splits(Span(5, 20), Span(20, 30), Span(30, 59))


def test_holdout_is_one_window_over_the_whole_span() -> None:
    windows = holdout_windows(Span(10, 52))
    assert (windows.name, windows.starts.tolist(), windows.steps) == ("holdout", [10], 42)


def test_every_start_index_with_enough_bars_begins_a_window() -> None:
    windows = start_index_windows(Span(10, 15), steps=3)
    assert windows.starts.tolist() == [10, 11, 12]  # the last decides at bars 12, 13, 14
    assert windows.starts.dtype == np.int64
    assert start_index_windows(Span(10, 15), steps=5).starts.tolist() == [10]
    assert len(start_index_windows(Span(0, 100))) == 59


def test_a_window_longer_than_the_span_is_refused_with_what_fits() -> None:
    with pytest.raises(ConfigError, match=r"protocol\.window_steps=6: the evaluation span has 5 .* from 1 to 5"):
        start_index_windows(Span(10, 15), steps=6)


def test_the_default_length_is_shortened_with_a_warning_and_a_requested_length_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert fit_windows(Protocol(), Span(0, 42)) == Protocol()
    assert fit_windows(Protocol(window_steps=50), Span(0, 5)).window_steps == 50
    assert not caplog.messages
    assert fit_windows(Protocol(trials=3), Span(10, 15)) == Protocol(trials=3, window_steps=5)
    assert fit_windows(Protocol(window_steps=50), Span(10, 15), always=True).window_steps == 5
    assert caplog.messages[0] == "protocol.window_steps=42: 5 decision(s) are judged, so windows have 5 steps."


@pytest.mark.parametrize("make", [holdout_windows, start_index_windows])
def test_an_empty_span_is_refused(make: object) -> None:
    with pytest.raises(ConfigError, match="no decision"):
        make(Span(7, 7))  # type: ignore[operator]


def test_a_window_set_checks_itself() -> None:
    with pytest.raises(ConfigError, match="non-empty"):
        WindowSet("none", np.array([], dtype=np.int64), 3)
    with pytest.raises(ConfigError, match="steps=0"):
        WindowSet("short", np.array([1]), 0)


def test_protocol_span_takes_the_named_split() -> None:
    market = random_market(60)
    assert protocol_span(market, SPLITS, Protocol()) == Span(30, 59)
    assert protocol_span(market, SPLITS, Protocol(split="validation")) == Span(20, 30)
    assert protocol_span(market, None, Protocol(split="all"), first_bar=4) == Span(4, 59)
    assert protocol_span(market, SPLITS, Protocol(), within=Span(3, 9)) == Span(3, 9)
    with pytest.raises(ConfigError, match=r"no splits; use protocol\.split=all"):
        protocol_span(market, None, Protocol(split="test"))


def test_protocol_dates_are_inclusive_and_steps_close_by_the_end() -> None:
    market = random_market(60)  # bar 0 is Monday 2020-01-06, bar 30 Monday 2020-02-17, bar 34 its Friday
    week = protocol_span(market, SPLITS, Protocol(start="2020-02-17", end="2020-02-21"))
    assert week == Span(30, 34)  # decisions Monday to Thursday; Thursday's step closes on Friday
    month = protocol_span(market, SPLITS, Protocol(start="2020-02-22", end="2020-02"))
    assert month == Span(35, 39)  # Monday the 24th to Thursday the 27th; the 29th, a Saturday, ends the month
    assert protocol_span(market, SPLITS, Protocol(start="2019")) == Span(30, 59)


def test_dates_that_leave_nothing_are_refused_with_the_available_dates() -> None:
    with pytest.raises(ConfigError, match=r"protocol\.start=2021.* runs from 2020-02-17 to 2020-03-27"):
        protocol_span(random_market(60), SPLITS, Protocol(start="2021"))
