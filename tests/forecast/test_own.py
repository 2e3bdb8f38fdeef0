"""The forecaster of a run gives the forecasts that its portfolio saw, and refuses other markets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlx.compilation import Compiler
from rlx.errors import CheckpointError, ConfigError
from rlx.forecast.cache import forecast_key
from rlx.forecast.forecaster import make_forecaster
from rlx.forecast.latency import latency
from rlx.forecast.own import OwnForecaster
from rlx.learners.pufferlib.feed import make_feed
from tests.learners.forecasts import pipeline, regimes, small, splits_of

MARKET = regimes()


def test_it_forecasts_what_the_portfolio_saw(staged: Path, tmp_path: Path) -> None:
    train = splits_of(MARKET, small()).train
    made = pipeline(MARKET, small(stages=["portfolio"], resume=str(staged)), tmp_path)
    feed = make_feed(made["specialists"], MARKET, train)
    bars = np.arange(train.start, train.stop)
    own = OwnForecaster(str(staged))
    quantiles = own.forecast(MARKET, bars, seed=0).quantiles[:, :, 0, 0]
    np.testing.assert_allclose(np.maximum(0.0, -quantiles[..., 0]), feed.cvar[bars], atol=1e-7)
    np.testing.assert_allclose((quantiles[..., -1] - quantiles[..., 0]) / 2, feed.uncertainty[bars], atol=1e-7)
    assert own.last_seen == MARKET.timestamps[train.stop]


def test_forecasts_in_other_numbers_are_kept_apart(staged: Path) -> None:
    own, bars = OwnForecaster(str(staged)), np.array([100])
    before = forecast_key(own, MARKET, bars, 0)
    assert own.settings()["precision"] == "32"
    own.place("cpu", "bf16-mixed", Compiler("off", "cpu"))
    assert forecast_key(own, MARKET, bars, 0) != before
    settings = latency(lambda: own, MARKET, 20)
    assert (settings["device"], settings["dtype"], settings["compile"]) == ("cpu", "bf16-mixed", "off")


def test_a_failed_compilation_is_known_after_the_forecast(staged: Path) -> None:
    own, compiler = OwnForecaster(str(staged)), Compiler("default", "cpu")
    own.place("cpu", "32", compiler)
    before = forecast_key(own, MARKET, np.array([100]), 0)
    compiler.give_up(RuntimeError("none"))
    assert own.settings()["compile_used"] == "off" and own.settings()["compile_asked"] == "default"
    assert forecast_key(own, MARKET, np.array([100]), 0) != before


def test_a_stage_folder_is_accepted_too(staged: Path) -> None:
    generic = OwnForecaster(str(staged / "stages" / "forecaster"))
    assert generic.facts.stage == "forecaster" and OwnForecaster(str(staged)).facts.stage == "specialists"


def test_other_symbols_are_refused(staged: Path) -> None:
    with pytest.raises(CheckpointError, match="it forecasts S0, S1, S2, in this order; the data have S1, S0"):
        make_forecaster("own", path=str(staged)).first_bar(MARKET.select(["S1", "S0"]))


def test_a_folder_without_forecasts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"forecaster.path=.*has no stages"):
        make_forecaster("own", path=str(tmp_path))


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"forecaster='owl': installed are .*own.*\. Did you mean 'own'"):
        make_forecaster("owl")
    with pytest.raises(ConfigError, match=r"has no option horizon; it has path"):
        make_forecaster("own", horizon=3)
