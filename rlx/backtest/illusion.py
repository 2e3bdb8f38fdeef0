"""The original's way to judge MaxDiff next to an honest one, on the same forecasts and bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from rlx.backtest.original import WINDOW, payoffs, tuned, window_sharpes, windows_of
from rlx.backtest.outcome import Trading, play
from rlx.backtest.plan import BothTouch
from rlx.backtest.settings import NO_TUNING
from rlx.backtest.strategies import MAXDIFF, STRATEGIES
from rlx.errors import DataError
from rlx.measures.metrics import sharpe
from rlx.types import FloatArray

FEWEST_WINDOWS = 3


@dataclass(frozen=True)
class Judged:
    """What a procedure reports of the same windows: means over windows and symbols, with the error of the first.

    ``window_return`` sums six bars, ``window_sharpe`` averages the Sharpe ratios of windows as the original did.
    ``sharpe`` is that of all bars of a symbol as one series, averaged over symbols.
    """

    window_return: float
    standard_error: float
    window_sharpe: float
    sharpe: float
    windows: int


def illusion(trading: Trading) -> dict[str, Judged]:
    """Return what every procedure reports, by name: the original's, step by step towards the honest one.

    Raises DataError for fewer than ``FEWEST_WINDOWS`` windows.
    """
    honest = replace(trading.settings, tune=NO_TUNING, both_touch=BothTouch.pessimistic.value)
    trading = replace(trading, settings=honest, finer=None)
    by_symbol = [_procedures(trading, column) for column in range(len(trading.joined.symbols))]
    windows = [len(next(iter(one.values()))) for one in by_symbol]
    if (fewest := min(windows)) < FEWEST_WINDOWS:
        shortest = trading.joined.symbols[windows.index(fewest)]
        raise DataError(
            f"{shortest}: {fewest} windows of {WINDOW} bars with forecasts of high and low; at least {FEWEST_WINDOWS} "
            "are needed. Use a longer history, or a forecaster of highs and lows."
        )
    year = trading.periods_per_year
    return {name: _judged(np.stack([one[name][-fewest:] for one in by_symbol]), year) for name in by_symbol[0]}


def _procedures(trading: Trading, column: int) -> Mapping[str, FloatArray]:
    """Return one symbol's returns (W, ``WINDOW``) by procedure; the first window has no window before it."""
    joined = trading.joined.symbol(column)
    windows = windows_of(joined, 0)
    if len(windows.close) < 2:
        return {"": np.empty((0, WINDOW))}
    absolute, signed = tuned(windows), tuned(windows, signed=True)
    before = [np.concatenate([np.zeros((1, 1)), one[:-1]]) for one in signed]
    found = {
        "original, not tuned": payoffs(windows),
        "original, tuned on the window judged": payoffs(windows, *absolute),
        "signed, tuned on the window judged": payoffs(windows, *signed, signed=True),
        "signed, tuned on the window before": payoffs(windows, *before, signed=True),
        "signed, not tuned": payoffs(windows, signed=True),
    }
    honest = play(STRATEGIES[MAXDIFF], trading.symbol(column))
    known = ~joined.lacks(("high", "low"))[:, 0]
    for name in (BothTouch.optimistic, BothTouch.pessimistic):
        net = honest.bounds[name.value][0][known]
        found[f"honest, {name.value}"] = net[: windows.close.size].reshape(-1, WINDOW)
    return found


def _judged(returns: FloatArray, periods_per_year: float) -> Judged:
    """Summarise returns (A, W, ``WINDOW``) of A symbols over the same W windows."""
    sums = returns.sum(axis=-1)
    by_window = sums.mean(axis=0)  # symbols move together: only windows are counted as independent
    each = sharpe(returns.reshape(len(returns), -1), periods_per_year)
    return Judged(
        window_return=float(sums.mean()),
        standard_error=float(by_window.std(ddof=1) / np.sqrt(len(by_window))),
        window_sharpe=float(np.mean([window_sharpes(one, periods_per_year).mean() for one in returns])),
        sharpe=float(np.nanmean(each)) if np.isfinite(each).any() else float("nan"),
        windows=sums.shape[1],
    )
