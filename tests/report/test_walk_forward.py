"""The figure of windows: written completely, at its size, for few windows and many."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from rlx.data.splits import Span
from rlx.evaluate.judge import Judgement, judge
from rlx.evaluate.protocols.walk_forward import WalkForward
from rlx.policies.base import Policy
from rlx.policies.baselines import Cash, EqualWeight
from rlx.report.walk_forward import MOST_BARS, draw_walk_forward
from rlx.report.windows_figure import write_png
from tests.evaluate.players import FREE, GUARDED, random_market, state_dependent


def walked(policy: Policy, window: int = 16, stride: int = 8, n_bars: int = 60, trained_to: int = 0) -> Judgement:
    market = random_market(n_bars)
    protocol = WalkForward(window=window, stride=stride, window_steps=10, bootstrap_replications=100)
    return judge(
        policy,
        market,
        Span(10, n_bars - 1),
        FREE if policy.name == "cash" else GUARDED,
        protocol,
        baselines=[EqualWeight()],
        module="test",
        seen={"trained": (market.timestamps[0], market.timestamps[trained_to])},
    )


@pytest.mark.parametrize(
    ("policy", "settings"),
    [
        (state_dependent(), {"trained_to": 30}),
        (Cash(), {}),  # no Sharpe ratio in any window
        (EqualWeight(), {"window": 1, "stride": 1, "n_bars": 90}),  # too many for bars; a step has no deviation
        (state_dependent(), {"window": 49, "stride": 64}),  # one window
    ],
)
def test_it_is_a_png_of_1400_by_900_pixels(tmp_path: Path, policy: Policy, settings: dict[str, int]) -> None:
    path, result = tmp_path / "walk_forward.png", walked(policy, **settings)
    write_png(path, draw_walk_forward(result))
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (1400, 900)
    assert list(tmp_path.iterdir()) == [path]


def test_bars_are_the_windows_numbers() -> None:
    result = walked(state_dependent())
    returns = [bar.get_height() for bar in draw_walk_forward(result).axes[0].patches]
    own = [row["cumulative_return"] for row in result.rows]
    theirs = [row["equal_weight_cumulative_return"] for row in result.rows]
    assert returns == pytest.approx(own + theirs)


def test_windows_that_are_no_test_are_grey_and_this_is_explained() -> None:
    plain, seen = (
        draw_walk_forward(walked(state_dependent())),
        draw_walk_forward(walked(state_dependent(), trained_to=20)),
    )
    (grey,) = seen.axes[0].patches[len(plain.axes[0].patches) :]
    assert (grey.get_x(), grey.get_width()) == (-0.5, 2.0)  # windows at bars 10 and 18 of 10, 18, 26, ...
    said = [text.get_text() for text in seen.axes[0].texts]
    assert any(text.startswith("grey: no test") for text in said)
    assert not any(text.get_text().startswith("grey") for text in plain.axes[0].texts)


def test_many_windows_are_lines() -> None:
    figure = draw_walk_forward(walked(EqualWeight(), window=4, stride=1, n_bars=10 + 4 + MOST_BARS + 2))
    assert not figure.axes[0].patches
    assert len(figure.axes[0].lines[0].get_ydata()) > MOST_BARS
