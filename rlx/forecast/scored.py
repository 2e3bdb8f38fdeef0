"""Forecasts compared with what happened: losses of every bar, symbol, horizon and price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rlx.data.panel import MarketPanel
from rlx.forecast.aggregate import quantile_at
from rlx.forecast.forecaster import Forecast
from rlx.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Scored:
    """What a forecaster's forecasts at T bars cost, NaN where a forecast or the outcome is missing.

    ``by_level`` (T, A, H, P, K) is the pinball loss at each level, ``below`` (T, A, H, P, K) whether the outcome was at
    or below the quantile (1 or 0), and ``error`` (T, A, H, P) the absolute error of the median. All are moves against
    the close of the bar. ``invalid`` (T, A) marks medians of the high below those of the low, at any horizon.
    """

    levels: tuple[float, ...]
    prices: tuple[str, ...]
    by_level: FloatArray
    below: FloatArray
    error: FloatArray
    invalid: BoolArray
    degraded: BoolArray

    @property
    def pinball(self) -> FloatArray:
        """The pinball loss averaged over levels, (T, A, H, P)."""
        return np.asarray(self.by_level.mean(axis=-1))


def outcomes(panel: MarketPanel, bars: IntArray, horizon: int, prices: tuple[str, ...]) -> FloatArray:
    """Return the moves (T, A, H, P) of the next bars against the close of each of ``bars``, NaN after the last bar."""
    later = bars[:, None] + np.arange(1, horizon + 1)
    known = later < len(panel)
    values = np.stack([getattr(panel, name) for name in prices], axis=-1)[np.minimum(later, len(panel) - 1)]
    moves = values / panel.close[bars][:, None, :, None] - 1.0  # (T, H, A, P)
    return np.swapaxes(np.where(known[:, :, None, None], moves, np.nan), 1, 2)


def last_moves(panel: MarketPanel, bars: IntArray, horizon: int, prices: tuple[str, ...]) -> FloatArray:
    """Return "no move" (T, A, H, P): every price stays where it was, as a move against the close."""
    values = np.stack([getattr(panel, name)[bars] for name in prices], axis=-1)  # (T, A, P)
    moves = values / panel.close[bars][:, :, None] - 1.0
    return np.repeat(moves[:, :, None], horizon, axis=2)


def scored(forecasts: Iterable[tuple[slice, Forecast]], actual: FloatArray, levels: tuple[float, ...]) -> Scored:
    """Return the losses of forecasts at ``levels``, given part by part with their place in ``actual`` (T, A, H, P)."""
    parts = [_scored(made, actual[part], levels) for part, made in forecasts]
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS}
    return Scored(levels, parts[0].prices, **joined)


def pinball_losses(error: FloatArray, levels: FloatArray) -> FloatArray:
    """Return the pinball losses (..., K) of outcomes less quantiles (..., K) at ``levels`` (K,), as in ``pinball``."""
    return np.asarray(np.maximum(levels * error, (levels - 1.0) * error))


ARRAYS = ("by_level", "below", "error", "invalid", "degraded")


def _scored(made: Forecast, actual: FloatArray, levels: tuple[float, ...]) -> Scored:
    actual = actual[..., : len(made.prices)]
    quantiles = _quantiles(made, levels)  # (B, A, H, P, K)
    median = quantile_at(made, 0.5)
    error = actual[..., None] - quantiles
    at = np.array(levels)
    below = np.where(np.isfinite(error), error <= 0.0, np.nan)
    by_name = {name: median[..., number] for number, name in enumerate(made.prices)}
    none = np.zeros(median.shape[:2], dtype=bool)
    invalid = np.asarray((by_name["high"] < by_name["low"]).any(axis=2)) if {"high", "low"} <= set(by_name) else none
    losses = pinball_losses(error, at)
    return Scored(levels, made.prices, losses, below, np.abs(actual - median), invalid, made.degraded)


def _quantiles(made: Forecast, levels: tuple[float, ...]) -> FloatArray:
    if made.levels == levels:
        return made.quantiles
    if made.paths is not None:
        return np.asarray(np.moveaxis(np.quantile(made.paths, levels, axis=1), 0, -1))
    return np.stack([quantile_at(made, level) for level in levels], axis=-1)


def of_points(points: FloatArray, actual: FloatArray, levels: tuple[float, ...], prices: tuple[str, ...]) -> Scored:
    """Return the losses of one number (T, A, H, P) as the quantile at every level."""
    made = Forecast(levels, np.repeat(points[..., None], len(levels), axis=-1), None, prices)
    return _scored(made, actual, levels)
