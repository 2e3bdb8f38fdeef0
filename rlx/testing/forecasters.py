"""Does a forecaster know only the past, repeat itself, and forecast possible values?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rlx.audit.perturbations import KINDS, perturbed
from rlx.data.market import Market
from rlx.data.sources import synthetic
from rlx.forecast.forecaster import PRICES, Forecast, Forecaster
from rlx.types import FloatArray, IntArray

SEED = 7


def check_forecaster(forecaster: Forecaster, market: Market | None = None) -> None:
    """Assert that a forecaster gives possible quantiles, repeats itself, and knows no future.

    ``market`` is one that it can forecast, by default a random walk of three assets over 400 days. AssertionError names
    the violation; errors that the forecaster raises are not caught.
    """
    market = Market(synthetic("random_walk", 3, 400)) if market is None else market
    assert isinstance(forecaster, Forecaster), "it lacks a member of rlx.forecast.forecaster.Forecaster"
    assert forecaster.name and forecaster.horizon_steps >= 1, "name and horizon_steps (1 at least) must be given"
    assert forecaster.last_seen is None or isinstance(forecaster.last_seen, np.datetime64), "last_seen must be a date"
    bars = np.linspace(forecaster.first_bar(market), market.n_bars - 1, 5).astype(np.int64)
    given = forecaster.forecast(market, bars, SEED)
    _check_shapes(given, (len(bars), market.n_assets, forecaster.horizon_steps))
    _check_values(given)
    assert _same(given, forecaster.forecast(market, bars, SEED)), "two forecasts of one seed differ"
    for number, bar in enumerate(bars):
        alone = forecaster.forecast(market, bars[number : number + 1], SEED)
        assert _same(alone, _rows(given, [number]), 1e-4), f"the forecast from bar {bar} depends on the others"
    _check_causality(forecaster, market, bars, given)


def _check_shapes(given: Forecast, shape: tuple[int, ...]) -> None:
    prices, paths = given.prices, given.paths
    known = prices[:1] == PRICES[:1] and set(prices) <= set(PRICES) and len(set(prices)) == len(prices)
    assert known, f"prices={prices} must be close, and where they are forecast high and low"
    levels = np.array(given.levels)
    assert levels.size and (np.diff(levels, prepend=0.0, append=1.0) > 0.0).all(), "levels must ascend within (0, 1)"
    expected = (*shape, len(prices), levels.size)
    assert given.quantiles.shape == expected, f"quantiles are {given.quantiles.shape}, (B, A, H, P, K) is {expected}"
    if paths is not None:
        found = paths.shape[:1] + paths.shape[2:]
        assert found == expected[:-1], f"paths are {paths.shape}, (B, S, A, H, P) is {(shape[0], 'S', *expected[1:-1])}"


def _check_values(given: Forecast) -> None:
    for name, moves in (("quantiles", given.quantiles), ("paths", given.paths)):
        assert moves is None or np.isfinite(moves).all(), f"{name} must be finite"
        assert moves is None or (moves > -1.0).all(), f"{name}: a move of -1 and below is a price of 0 and below"
    assert (np.diff(given.quantiles, axis=-1) >= 0.0).all(), "quantiles must not cross"
    if given.paths is not None and given.joint:
        close = given.paths[..., 0]
        sides = {name: given.paths[..., number] for number, name in enumerate(given.prices)}
        assert (sides.get("low", close) <= close).all(), "a path closes below its low"
        assert (sides.get("high", close) >= close).all(), "a path closes above its high"


def _check_causality(forecaster: Forecaster, market: Market, bars: IntArray, given: Forecast) -> None:
    """Assert that no forecast changes with the future, or without one."""
    for last in (1, 3):
        past, rows, last_bar = bars[: last + 1], list(range(last + 1)), int(bars[last])
        futures = {name: perturbed(market.panel, last_bar, name, np.random.default_rng(0)) for name in KINDS}
        futures["not there"] = market.panel.select(end=str(market.timestamps[last_bar]))
        for name, panel in futures.items():
            again = forecaster.forecast(Market(panel), past, SEED)
            assert _same(again, _rows(given, rows), 1e-4), f"it looks ahead: a future that is {name} changed forecasts"


def _rows(given: Forecast, rows: list[int]) -> Forecast:
    paths = None if given.paths is None else given.paths[rows]
    return replace(given, quantiles=given.quantiles[rows], paths=paths, samples_used=None)


def _same(one: Forecast, other: Forecast, tolerance: float = 0.0) -> bool:
    """Return whether two forecasts agree, to a relative ``tolerance``: a network's sums may round differently."""

    def close(a: FloatArray | None, b: FloatArray | None) -> bool:
        if a is None or b is None:
            return a is b
        return a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance * 1e-3, equal_nan=True)

    alike = (one.levels, one.prices) == (other.levels, other.prices)
    return alike and close(one.quantiles, other.quantiles) and close(one.paths, other.paths)
