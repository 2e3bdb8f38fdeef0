"""What the original system reports, reproduced: on five bars by hand, and on a random walk with noise as forecast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import rlx.backtest.original as original
from rlx.backtest.illusion import illusion
from rlx.backtest.joined import join
from rlx.backtest.original import payoffs, tuned, window_sharpes, windows_of
from rlx.backtest.outcome import Trading
from rlx.backtest.random_walk import noise_rows, random_walk
from rlx.backtest.settings import StrategySettings
from rlx.errors import DataError
from rlx.sim.rules import Costs
from tests.backtest.worked_example import trading

TABLE = {
    "original, not tuned": (0.0096, 0.0016, 3.5),
    "original, tuned on the window judged": (0.0485, 0.0012, 16.2),
    "signed, not tuned": (-0.0050, 0.0014, -0.9),
    "signed, tuned on the window judged": (0.0480, 0.0010, 13.6),
    "signed, tuned on the window before": (-0.0019, 0.0015, 0.6),
    "honest, pessimistic": (-0.0096, 0.0014, -2.2),
    "honest, optimistic": (-0.0064, 0.0014, -1.2),
}
"""Mean return of six bars on a random walk with its standard error, and mean Sharpe ratio of the windows."""


@pytest.fixture
def five_bars(monkeypatch: pytest.MonkeyPatch) -> original.Windows:
    monkeypatch.setattr(original, "WINDOW", 5)
    return windows_of(trading().joined, 0)


def test_the_payoffs_of_five_bars(five_bars: original.Windows) -> None:
    expected = [0.029401, 0.030612, 0.026907, 0, 0]  # bar 2 lost 3%, and counts as a gain of 3%
    np.testing.assert_allclose(payoffs(five_bars)[0], expected, atol=5e-7)
    assert payoffs(five_bars).sum() == pytest.approx(0.0869, abs=5e-5)
    assert payoffs(five_bars, signed=True).sum() == pytest.approx(0.0252, abs=5e-5)


def test_tuned_on_the_five_bars_themselves(five_bars: original.Windows) -> None:
    high, low = tuned(five_bars)
    assert (high.item(), low.item()) == (pytest.approx(0.00487, abs=5e-6), pytest.approx(-0.01004, abs=5e-6))
    found = payoffs(five_bars, high, low)
    assert found.sum() == pytest.approx(0.1067, abs=5e-5)
    assert window_sharpes(found, 252)[0] == pytest.approx(17.6, abs=0.05)
    signed = payoffs(five_bars, *tuned(five_bars, signed=True), signed=True)
    assert signed.sum() == pytest.approx(0.0779, abs=5e-5)
    assert window_sharpes(signed, 252)[0] == pytest.approx(19.1, abs=0.05)


def walk(seed: int, bars: int = 2402) -> Trading:
    panel = random_walk(bars, seed)
    return Trading(join(noise_rows(panel, seed + 1000), panel), StrategySettings(), Costs(slippage_bps=5), 252)


def test_a_random_walk_and_noise_give_the_numbers_of_the_original() -> None:
    found = illusion(walk(0))
    assert found.keys() == TABLE.keys()
    for name, (mean, error, ratio) in TABLE.items():
        one = found[name]
        assert one.windows == 400
        assert abs(one.window_return - mean) < 4.0 * np.hypot(error, one.standard_error), name
        assert one.standard_error == pytest.approx(error, rel=0.25), name
        assert one.window_sharpe == pytest.approx(ratio, abs=1.5), name
    assert found["original, tuned on the window judged"].window_return > 20 * error
    assert found["honest, pessimistic"].sharpe < -1.0


@pytest.mark.parametrize(("volatility", "mean"), [(0.010, 0.031), (0.016, 0.051), (0.035, 0.109)])
def test_the_illusion_grows_with_volatility_and_not_with_skill(volatility: float, mean: float) -> None:
    panel = random_walk(1202, 5, volatility)
    windows = windows_of(join(noise_rows(panel, 6), panel), 0)
    returns = payoffs(windows, *tuned(windows))
    assert returns.sum(axis=1).mean() == pytest.approx(mean, abs=0.006 * volatility / 0.016)
    assert 14.0 < window_sharpes(returns, 252).mean() < 19.0


def test_nothing_honest_is_tuned() -> None:
    plain = walk(2, 122)
    assert illusion(replace(plain, settings=StrategySettings(tune="past"))) == illusion(plain)


def test_too_few_windows_are_refused() -> None:
    with pytest.raises(DataError, match=r"WALK: 2 windows of 6 bars .* at least 3 are needed"):
        illusion(walk(1, 14))
