"""The features of forecasts: worked numbers, causal, the same from a cache, and refused where there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rlx.audit.perturbations import KINDS, perturbed
from rlx.data.config import SyntheticData
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.outlook import OUTLOOK_FEATURES
from rlx.data.splits import Span
from rlx.data.traded import cut
from rlx.decisions.risk import priced_risk
from rlx.decisions.segments import Segments
from rlx.errors import DataError
from rlx.evaluate.purging import lookback_steps
from rlx.forecast.block_bootstrap import BlockBootstrapConfig
from rlx.forecast.features import ForecastOutlook, moments, summary
from rlx.forecast.filtered_bootstrap import FilteredBootstrapConfig
from rlx.forecast.forecaster import Forecast
from rlx.forecast.noise import NoiseConfig
from rlx.sim.rules import Reward, Rules
from tests.forecast.markets import daily

PANEL = daily().panel
OUTLOOK = ForecastOutlook.of(BlockBootstrapConfig(n_samples=32, lookback_bars=60))
NAMES = ("return_1", "forecast_mean", "forecast_volatility")


def test_the_worked_numbers() -> None:
    terminal = np.arange(98.0, 108.0) / 100.0 - 1.0
    forecast = Forecast.of_paths(terminal[None, :, None, None, None], (0.5,))
    found = {name: float(values.item()) for name, values in summary(forecast).items()}
    assert found["mean"] == pytest.approx(0.025)
    assert found["volatility"] == pytest.approx(0.02803743, abs=1e-8)
    assert found["p_up"] == pytest.approx(0.7)
    assert [found[name] for name in ("q10", "q50", "q90")] == pytest.approx([-0.011, 0.025, 0.061])
    assert found["cvar"] == pytest.approx(-0.02)
    assert found["uncertainty"] == pytest.approx(0.072)
    assert {f"forecast_{name}" for name in found} == set(OUTLOOK_FEATURES)


def test_skew_by_hand() -> None:
    logs = np.array([-0.02, -0.02, 0.04])  # deviation sqrt(0.0008); third moment (-8 - 8 + 64) / 3 x 1e-6
    found = moments(np.expm1(logs)[None, :, None])
    assert found["skew"].item() == pytest.approx(16e-6 / 0.0008**1.5)
    assert moments(np.zeros((1, 4, 1)))["skew"].item() == 0.0


def test_the_last_step_counts() -> None:
    paths = np.zeros((1, 4, 1, 3, 1))
    paths[:, :, :, 2] = 0.05
    assert summary(Forecast.of_paths(paths, (0.5,)))["q50"].item() == pytest.approx(0.05)


def test_a_missing_sample_makes_every_number_missing() -> None:
    paths = np.array([0.01, np.nan, 0.02])[None, :, None, None, None]
    assert all(np.isnan(values).all() for values in summary(Forecast.of_paths(paths, (0.5,))).values())


def test_without_samples_there_are_quantiles_within_the_levels() -> None:
    quantiles = np.array([-0.02, 0.0, 0.03])[None, None, None, None]
    assert set(summary(Forecast((0.25, 0.5, 0.75), quantiles))) == {"q50"}
    found = summary(Forecast((0.1, 0.5, 0.9), quantiles))
    assert set(found) == {"q10", "q50", "q90", "uncertainty"} and found["uncertainty"].item() == pytest.approx(0.05)


def test_they_are_read_next_to_other_features_in_any_order() -> None:
    market = Market(PANEL, OUTLOOK)
    features = market.features(NAMES)
    assert features.dtype == np.float32 and np.isnan(features[:60, :, 1:]).all() and np.isfinite(features[60:]).all()
    np.testing.assert_array_equal(features[..., 0], Market(PANEL).features(("return_1",))[..., 0])
    np.testing.assert_array_equal(market.features(NAMES[::-1]), features[..., ::-1])
    assert market.first_bar(NAMES, 3) == 62
    np.testing.assert_array_equal(market.select(["S1"]).features(NAMES), features[:, 1:2])


@pytest.mark.parametrize(
    "config", [BlockBootstrapConfig(n_samples=9), FilteredBootstrapConfig(n_samples=9), NoiseConfig()]
)
@pytest.mark.parametrize("kind", KINDS)
def test_no_feature_changes_with_the_future(config: object, kind: str) -> None:
    market = Market(PANEL, ForecastOutlook.of(config))
    other = market.with_panel(perturbed(PANEL, 300, kind, np.random.default_rng(0)))
    before, after = (one.features(OUTLOOK_FEATURES)[:301] for one in (market, other))
    np.testing.assert_array_equal(before, after)
    assert np.isfinite(before[300]).all()


def test_the_future_of_other_bars_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLX_CACHE", str(tmp_path))
    market = Market(PANEL, OUTLOOK)
    market.with_panel(PANEL).features(NAMES)
    assert list(tmp_path.iterdir()) == []
    first = market.features(NAMES)
    assert len(list(tmp_path.rglob("*.forecast"))) == 2
    np.testing.assert_array_equal(Market(PANEL, OUTLOOK).features(NAMES), first)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("forecast_mean",), "'forecast_mean' needs a forecaster. Choose one, for example forecaster="),
        (("forecast_men",), "unknown feature 'forecast_men'. Did you mean 'forecast_mean'"),
        (("forecast_mean", "forecast_mean"), "a name is listed twice"),
        (("forecast_mean_z21",), "unknown feature 'forecast_mean_z21'"),
    ],
)
def test_features_without_a_forecast_are_refused(names: tuple[str, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Market(PANEL).features(names)


def test_a_forecaster_of_quantiles_has_no_mean() -> None:
    class Quantiles:
        facts, test_only = {}, None

        def first_bar(self, market: Market) -> int:
            return 0

        def features(self, market: Market) -> dict[str, np.ndarray]:
            return {"forecast_q50": np.zeros((market.n_bars, market.n_assets))}

        def unsaved(self) -> Quantiles:
            return self

    market = Market(PANEL, Quantiles())
    assert market.features(("forecast_q50",)).shape == (400, 3, 1)
    with pytest.raises(DataError, match=r"'forecast_mean' needs sample paths, .* only quantiles: forecast_q50"):
        market.features(("forecast_mean",))


def test_rewards_are_penalised_for_losses_and_spread() -> None:
    market = Market(PANEL, OUTLOOK)
    assert priced_risk(market, Reward()) == (None, None) == priced_risk(Market(PANEL), Reward(cvar_penalty=1.0))
    cvar, spread = priced_risk(market, Reward(uncertainty_penalty=0.1))
    assert cvar is not None and spread is not None and cvar.shape == spread.shape == market.returns.shape
    np.testing.assert_array_equal(cvar[60:], np.maximum(0.0, -market.features(("forecast_cvar",))[60:-1, :, 0]))
    assert (cvar[:60] == 0.0).all() and (cvar[60:] > 0.0).all() and (spread[60:] > 0.0).all()


def with_gap() -> Market:
    """Return a market with one missing forecast in the middle."""
    known = {name: values.copy() for name, values in OUTLOOK.features(Market(PANEL)).items()}
    for values in known.values():
        values[200, 1] = np.nan

    class Gapped:
        facts, test_only = {}, None

        def first_bar(self, market: Market) -> int:
            return OUTLOOK.first_bar(market)

        def features(self, market: Market) -> dict[str, np.ndarray]:
            return known

    return Market(PANEL, Gapped())  # type: ignore[arg-type]


def test_a_missing_forecast_neither_shortens_the_history_nor_means_no_risk() -> None:
    words = "forecasts are missing at 1 bars after the first forecast. Use another forecaster"
    with pytest.raises(DataError, match=words):
        with_gap().first_bar(NAMES, 1)
    with pytest.raises(DataError, match=words):
        priced_risk(with_gap(), Reward(cvar_penalty=1.0))
    assert with_gap().first_bar(("return_1",), 1) == 1


def test_segments_of_the_training_span_carry_the_risk() -> None:
    market, span = Market(PANEL, OUTLOOK), Span(100, 200)
    normalizer = Normalizer.fit(("return_1",), market.features(("return_1",)), slice(100, 200))
    rules = Rules(reward=Reward(cvar_penalty=1.0))
    segments = Segments(market, rules, span, ("return_1",), normalizer, 1, 10)
    tape = segments.at(torch.tensor([5])).tape
    cvar, _ = priced_risk(market, rules.reward)
    assert cvar is not None and tape.cvar is not None and tape.uncertainty is not None
    np.testing.assert_allclose(tape.cvar[0].numpy(), cvar[105:115], rtol=1e-6)
    assert Segments(market, Rules(), span, ("return_1",), normalizer, 1, 10).at(torch.tensor([5])).tape.cvar is None


def test_a_forecast_looks_back_as_far_as_its_forecaster_needs() -> None:
    class Reader:
        feature_names, window_steps = NAMES, 3

    reader = Reader()
    assert lookback_steps(reader, Market(PANEL, OUTLOOK)) == 62  # type: ignore[arg-type]


def test_the_splits_begin_where_forecasts_are_known() -> None:
    assert cut(Market(PANEL, OUTLOOK), SyntheticData(), NAMES, 2).train.start == 61
