"""Every forecaster of ours meets the requirements; those for tests are marked, and are what they claim to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx import registry
from rlx.errors import ConfigError
from rlx.forecast.forecaster import ForTests, make_forecaster
from rlx.forecast.paths import bar_moves, compounded
from rlx.testing import check_forecaster
from tests.forecast.markets import closes, daily, later
from tests.learners.forecasts import regimes

MARKET = daily()
OURS = [name for name, kind in registry.loaded("forecaster").items() if name != "oracle" and not hasattr(kind, "path")]


@pytest.mark.parametrize("name", OURS)
def test_it_passes_the_check(name: str) -> None:
    check_forecaster(make_forecaster(name), MARKET)
    check_forecaster(make_forecaster(name), closes(MARKET))
    if name != "ridge":
        check_forecaster(make_forecaster(name, horizon_steps=3, n_samples=9), MARKET)


def test_the_network_of_a_run_passes_the_check(staged: Path) -> None:
    check_forecaster(make_forecaster("own", path=str(staged)), regimes())


def test_the_oracle_is_caught() -> None:
    with pytest.raises(AssertionError, match="must be finite"):
        check_forecaster(make_forecaster("oracle"), MARKET)


@pytest.mark.parametrize("name", OURS)
def test_the_forecast_of_a_symbol_depends_on_neither_the_others_nor_the_number_of_samples(name: str) -> None:
    bars = np.array([300, 320])
    if name == "ridge":
        pytest.skip("its regression is pooled over the symbols")
    few, many = (make_forecaster(name, n_samples=n, horizon_steps=2) for n in (4, 16))
    paths = few.forecast(MARKET, bars, 1).paths
    alone = few.forecast(MARKET.select([MARKET.symbols[1]]), bars, 1).paths
    more = many.forecast(MARKET, bars, 1).paths
    assert paths is not None and alone is not None and more is not None
    np.testing.assert_array_equal(paths[:, :, 1:2], alone)
    np.testing.assert_array_equal(paths, more[:, :4])
    assert not np.array_equal(paths, few.forecast(MARKET, bars, 2).paths)


def test_those_for_tests_say_so() -> None:
    marked = {name for name in ("noise", "oracle", "block_bootstrap") if isinstance(make_forecaster(name), ForTests)}
    assert marked == {"noise", "oracle"}


def test_the_null_model_draws_whole_bars_of_the_past() -> None:
    forecaster = make_forecaster("block_bootstrap", n_samples=64, lookback_bars=50)
    paths = forecaster.forecast(MARKET, np.array([200]), 0).paths
    assert paths is not None
    past = bar_moves(MARKET.panel)[150:200].astype(np.float32)  # (50, A, P)
    drawn = {row.tobytes() for row in paths[0, :, :, 0]}
    assert drawn <= {row.tobytes() for row in past} and len(drawn) > 30


def test_blocks_of_the_null_model_are_consecutive() -> None:
    forecaster = make_forecaster("block_bootstrap", n_samples=20, horizon_steps=5, block_bars=3)
    picks: Any = forecaster
    drawn = picks._drawn(MARKET, 300, 0)
    assert drawn.shape == (20, 5) and drawn.min() >= 48 and drawn.max() <= 299
    assert (np.diff(drawn)[:, [0, 1, 3]] == 1).all() and not (np.diff(drawn)[:, 2] == 1).all()


def test_draws_depend_on_the_date_and_not_on_the_first_bar_of_the_data() -> None:
    forecaster = make_forecaster("block_bootstrap", lookback_bars=60)
    whole = forecaster.forecast(MARKET, np.array([350]), 0)
    np.testing.assert_array_equal(whole.paths, forecaster.forecast(later(MARKET, 100), np.array([250]), 0).paths)


def test_noise_has_the_size_asked_for_and_no_relation_to_prices() -> None:
    bars = np.arange(0, 399)
    paths = make_forecaster("noise", size=0.01).forecast(MARKET, bars, 0).paths
    assert paths is not None
    centre = np.median(paths[..., 0, 0], axis=1)  # (B, A)
    spread = (paths[..., 0, 1] - paths[..., 0, 2]).std(axis=1).mean()
    assert abs(centre.mean()) < 4 * 0.01 / np.sqrt(centre.size) and 0.004 < centre.std() < 0.011 and spread > 0.005
    correlation = np.corrcoef(centre.ravel(), MARKET.returns.ravel())[0, 1]
    assert abs(correlation) < 4 / np.sqrt(centre.size)


def test_paths_compound() -> None:
    steps = np.array([[0.10, 0.20, -0.05], [-0.10, 0.05, -0.20]])[None, None, None]  # (1, 1, 1, 2, 3)
    expected = [[0.10, 0.20, -0.05], [1.1 * 0.9 - 1, 1.1 * 1.05 - 1, 1.1 * 0.8 - 1]]
    np.testing.assert_allclose(compounded(steps)[0, 0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "option", "words"),
    [
        ("block_bootstrap", {"n_samples": 0}, "forecaster.n_samples=0: must be a whole number between 1 and"),
        ("block_bootstrap", {"lookback_bars": 1}, "forecaster.lookback_bars=1: must be"),
        ("block_bootstrap", {"n_sample": 1}, "has no option n_sample; it has horizon_steps"),
        ("ridge", {"features": ["forecast_mean"]}, "forecaster.features: forecast_mean is a result of forecasts"),
        ("noise", {"size": 1.0}, "forecaster.size=1.0: must be between"),
        ("oracle", {"horizon_steps": True}, "forecaster.horizon_steps=true: must be a whole number"),
    ],
)
def test_bad_options_are_refused(name: str, option: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_forecaster(name, **option)
