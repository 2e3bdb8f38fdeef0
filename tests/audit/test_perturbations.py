"""Other futures: everything after the bar is another, nothing before it is, and all of it is a market."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.audit.perturbations import KINDS, choose_bars, perturbed
from rlx.data.panel import BAR_FIELDS, MarketPanel
from rlx.data.sources import sample
from tests.evaluate.players import random_market

BAR = 2000


@pytest.fixture(scope="module")
def panel() -> MarketPanel:
    return sample("daily9")


@pytest.mark.parametrize("kind", KINDS)
def test_every_later_value_changes_and_no_earlier_one(panel: MarketPanel, kind: str) -> None:
    other = perturbed(panel, BAR, kind, np.random.default_rng(0))
    for name in BAR_FIELDS:
        before, after = getattr(panel, name), getattr(other, name)
        np.testing.assert_array_equal(before[: BAR + 1], after[: BAR + 1])
        changed = before[BAR + 1 :] != after[BAR + 1 :]
        assert changed.mean() > (0.999 if name != "volume" else 0.99), name  # a volume may happen to be its own mirror
    assert other.fingerprint != panel.fingerprint


@pytest.mark.parametrize("kind", KINDS)
def test_bars_stay_bars(panel: MarketPanel, kind: str) -> None:
    other = perturbed(panel, BAR, kind, np.random.default_rng(1))
    assert other.open is not None
    assert other.high is not None
    assert other.low is not None
    assert (other.low <= np.minimum(other.open, other.close)).all()
    assert (other.high >= np.maximum(other.open, other.close)).all()
    assert (other.low > 0.0).all()


def test_the_mirror_reverses_returns_and_the_scale_is_ten_up_or_down() -> None:
    panel = random_market(30, 4).panel
    mirrored = perturbed(panel, 10, "mirrored", np.random.default_rng(0)).close
    np.testing.assert_allclose(np.diff(np.log(mirrored[10:]), axis=0), -np.diff(np.log(panel.close[10:]), axis=0))
    scaled = perturbed(panel, 10, "scaled", np.random.default_rng(0)).close
    ratio = scaled[11:] / panel.close[11:]
    assert sorted(ratio[0].round(12)) == [0.1, 0.1, 10.0, 10.0]
    assert (np.ptp(ratio, axis=0) < 1e-12).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_market_of_closes_alone_stays_one_and_the_last_bar_is_enough(kind: str) -> None:
    panel = random_market(30, 2).panel
    other = perturbed(panel, 28, kind, np.random.default_rng(0))
    assert other.close_only
    assert (other.close[29] != panel.close[29]).all()


def test_dates_are_the_ends_and_one_of_each_stretch_between() -> None:
    bars = choose_bars(100, 199, 12, np.random.default_rng(3))
    assert len(bars) == 12
    assert (bars[0], bars[-1]) == (100, 199)
    assert (np.diff(bars) > 0).all()
    for part, bar in enumerate(bars[1:-1]):
        assert 101 + 9.8 * part - 1 <= bar <= 101 + 9.8 * (part + 1) + 1
    assert choose_bars(5, 7, 25, np.random.default_rng(0)) == [5, 6, 7]
    assert choose_bars(5, 9, 2, np.random.default_rng(0)) == [5, 9]
    assert choose_bars(5, 5, 2, np.random.default_rng(0)) == [5]
