"""One number per forecast: the worked numbers of every kind, and the refusal of what has no meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlx.errors import ConfigError
from rlx.forecast.aggregate import Aggregate, aggregated, quantile_at
from rlx.forecast.forecaster import Forecast

SAMPLES = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 100])
BAND = np.array([0.010, 0.004, -0.002, 0.006, 0.001, 0.003, 0.008, -0.001, 0.002, 0.005])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"kind": "mean"}, 14.5),
        ({}, 5.5),
        ({"kind": "trimmed_mean", "fraction": 0.1}, 5.5),
        ({"kind": "trimmed_mean", "fraction": 0.0}, 14.5),
        ({"kind": "lower_trimmed_mean", "fraction": 0.2}, 4.5),
        ({"kind": "lower_trimmed_mean", "fraction": 1}, 1.0),
        ({"kind": "lower_trimmed_mean", "fraction": 0.8}, 1.5),  # 10 x (1 - 0.8) is just below 2 in binary
        ({"kind": "upper_trimmed_mean", "fraction": 0.8}, 54.5),
        ({"kind": "upper_trimmed_mean", "fraction": 1}, 100.0),
        ({"kind": "quantile", "fraction": 0.35}, 4.15),
        ({"kind": "quantile", "fraction": 0.1}, 1.9),
        ({"kind": "quantile", "fraction": 0.9}, 18.1),
        ({"kind": "mean_plus_std", "k": -1}, -14.105069),
        ({"kind": "mean_quantile_mix", "fraction": 0.5, "weight": 0.3}, 8.2),
        ({"kind": "quantile_plus_std", "fraction": 0.5, "k": 0.2}, 11.221014),
    ],
)
def test_every_kind_gives_the_worked_number(settings: dict[str, Any], expected: float) -> None:
    shuffled = np.random.default_rng(0).permutation(SAMPLES)
    assert float(Aggregate.of(settings).of_samples(shuffled)) == pytest.approx(expected, abs=1e-6)


def test_the_worked_band() -> None:
    forecast = Forecast.of_paths(BAND[None, :, None, None, None], (0.5,))
    lower, upper = (float(quantile_at(forecast, level).item()) for level in (0.4, 0.6))
    assert (lower, upper) == (pytest.approx(0.0026), pytest.approx(0.0044))


@pytest.mark.parametrize("kind", ["median", "mean", "trimmed_mean", "upper_trimmed_mean"])
def test_a_missing_sample_makes_the_number_missing(kind: str) -> None:
    settings = {"kind": kind} | ({"fraction": 0.2} if "trimmed" in kind else {})
    assert np.isnan(Aggregate.of(settings).of_samples(np.array([[1.0, np.nan, 2.0]]))).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "trimed_mean"}, "aggregate.kind=trimed_mean: must be one of .* Did you mean 'trimmed_mean'"),
        ({"kind": "trimmed_mean"}, "aggregate.fraction: must be given. kind=trimmed_mean uses fraction"),
        ({"kind": "trimmed_mean", "fraction": 10}, "aggregate.fraction=10: must be between 0 and 1, or null"),
        ({"kind": "trimmed_mean", "fraction": 0.5}, "aggregate.fraction=0.5: must be below 0.5"),
        ({"kind": "quantile", "fraction": float("nan")}, "aggregate.fraction=nan: must be between"),
        ({"kind": "mean", "fraction": 0.1}, "aggregate.fraction: has no effect.*uses no other setting"),
        ({"kind": "mean_plus_std", "k": "1"}, "aggregate.k=1: must be between -100 and 100"),
        ({"kind": "mean", "fracton": 0.1}, "aggregate.fracton: no such key.*Did you mean 'fraction'"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Aggregate.of(settings)


def test_quantiles_without_samples_are_interpolated_within_their_levels() -> None:
    forecast = Forecast((0.25, 0.75), np.array([-0.01, 0.03])[None, None, None, None])
    assert aggregated(forecast, Aggregate()).item() == pytest.approx(0.01)
    assert aggregated(forecast, Aggregate("quantile", 0.25)).item() == pytest.approx(-0.01)
    assert aggregated(forecast, Aggregate("quantile", 0.65)).item() == pytest.approx(0.022)
    with pytest.raises(ConfigError, match=r"the quantile at 0.9: .* from 0.25 to 0.75 only"):
        aggregated(forecast, Aggregate("quantile", 0.9))
    with pytest.raises(ConfigError, match=r"aggregate.kind=mean: needs samples"):
        aggregated(forecast, Aggregate("mean"))


def test_a_level_that_the_forecast_has_is_not_computed_again() -> None:
    paths = np.random.default_rng(0).normal(0.0, 0.01, (2, 9, 1, 1, 1)).astype(np.float32)
    made = Forecast.of_paths(paths, (0.1, 0.5))
    np.testing.assert_array_equal(quantile_at(made, 0.1), made.quantiles[..., 0])
    np.testing.assert_allclose(quantile_at(made, 0.2), np.quantile(paths, 0.2, axis=1), rtol=1e-6)
    assert quantile_at(made, 0.1).dtype == np.float64
