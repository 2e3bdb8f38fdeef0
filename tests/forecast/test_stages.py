"""Forecaster and specialists: what they learn, on which dates, and that they continue after a stop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule
from scipy.stats import norm

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.errors import ConfigError
from rlx.forecast.config import ForecasterConfig, SpecialistsConfig
from rlx.forecast.fit import ForecastFit
from rlx.forecast.network import QuantileForecaster, one_for_each, some_series
from rlx.forecast.pinball import climatology, coverage, pinball, scales
from rlx.forecast.spans import stage_spans
from rlx.forecast.stages import mixed
from rlx.learners.pufferlib.feed import make_feed
from tests.learners.forecasts import FIT, TINY_FIT, forecasting, pipeline, regimes, small, splits_of, volatility_at


def test_pinball_loss_by_hand() -> None:
    quantiles, levels = torch.tensor([[-1.0, 0.5]]), torch.tensor([0.1, 0.5])
    # outcome 0.25: above -1 by 1.25 at level 0.1, below 0.5 by 0.25 at level 0.5
    assert float(pinball(quantiles, torch.tensor([0.25]), levels)) == pytest.approx((0.1 * 1.25 + 0.5 * 0.25) / 2)
    # outcome -2: below both, by 1 and 2.5
    assert float(pinball(quantiles, torch.tensor([-2.0]), levels)) == pytest.approx((0.9 * 1.0 + 0.5 * 2.5) / 2)


def test_the_median_minimises_the_pinball_loss_at_one_half() -> None:
    outcome, level = torch.tensor([1.0, 2.0, 10.0]), torch.tensor([0.5])
    losses = {x: float(pinball(torch.full((3, 1), x), outcome, level).mean()) for x in (1.0, 2.0, 4.3, 10.0)}
    assert min(losses, key=lambda x: losses[x]) == 2.0


def test_coverage_and_climatology_by_hand() -> None:
    returns = np.array([[0.01, 0.0], [0.02, 0.0], [0.03, 0.0], [0.04, 0.0], [0.05, 0.0]])
    np.testing.assert_allclose(climatology(returns, [0.25, 0.5]), [[0.02, 0.03], [0.0, 0.0]])
    assert scales(returns).tolist() == [pytest.approx(np.sqrt(2) / 100), 1.0]
    outcome, quantiles = torch.tensor([0.0, 1.0, 2.0, 3.0]), torch.tensor([[0.5, 2.0]]).expand(4, 2)
    assert coverage(quantiles, outcome) == [0.25, 0.75]


def test_each_stage_is_validated_on_dates_that_no_earlier_stage_has_seen() -> None:
    config = small()
    spans = stage_spans(Span(100, 300), config)
    assert [(span.start, span.stop) for span in spans] == [(100, 240), (240, 270), (270, 285), (285, 300)]
    assert spans.fine_tuning == Span(100, 270)


@pytest.mark.parametrize(
    ("length", "options", "message"),
    [
        (8, {}, "too few"),
        (40, {}, "module.forecaster.stretch_steps=32: must be at most 28"),
        (50, {"forecaster": ForecasterConfig(stretch_steps=8)}, "module.specialists.stretch_steps=50"),
    ],
)
def test_a_training_span_that_is_too_short_is_refused(length: int, options: dict[str, object], message: str) -> None:
    stages = {"forecaster": ForecasterConfig(), "specialists": SpecialistsConfig(stretch_steps=50), **options}
    with pytest.raises(ConfigError, match=message):
        stage_spans(Span(0, length), small(**stages))


def test_predictable_volatility_is_predicted(tmp_path: Path) -> None:
    market = regimes(n_bars=900)
    config = small(forecaster=ForecasterConfig(updates=300, learning_rate=1e-2, hidden_size=8, **TINY_FIT))
    work = forecasting(market, config)
    metrics = work.make_forecaster(lambda job, *_: FIT(job, tmp_path / "x.ckpt", 300, 20)).facts.metrics
    bars = np.arange(work.spans.forecaster.start, work.spans.forecaster.stop)
    known = volatility_at(bars + 1)[:, None] / work.scale  # of a forecaster that knows the regime
    levels = torch.tensor(metrics["levels"])
    quantiles = torch.as_tensor(known[..., None] * norm.ppf(levels), dtype=torch.float32)
    outcome = torch.as_tensor(market.returns[bars] / work.scale, dtype=torch.float32)
    best = 1.0 - float(pinball(quantiles, outcome, levels).mean()) / metrics["climatology_pinball_loss"]
    assert best > 0.05
    assert 0.4 * best < metrics["skill"] < best + 0.01
    assert metrics["pinball_loss"] == pytest.approx((1 - metrics["skill"]) * metrics["climatology_pinball_loss"])
    for covered, level in zip(metrics["coverage"], metrics["levels"], strict=True):
        assert covered == pytest.approx(level, abs=0.1)


def job_of(market: Market) -> ForecastFit:
    config = small()
    spans = stage_spans(splits_of(market, config).train, config)
    torch.manual_seed(5)
    network = QuantileForecaster(1, 2, **config.network_arguments())
    return forecasting(market, config)._fit("forecaster", network, spans.train, spans.forecaster)


def test_a_killed_fit_continues_as_if_uninterrupted(tmp_path: Path) -> None:
    market = regimes()
    whole, killed, resumed = job_of(market), job_of(market), job_of(market)
    step, path = killed.training_step, tmp_path / "killed.ckpt"

    def dies(batch: int, batch_idx: int) -> torch.Tensor:
        if batch_idx == 23:
            raise RuntimeError("killed")
        return step(batch, batch_idx)

    killed.training_step = dies  # type: ignore[method-assign]
    torch.manual_seed(7)
    with pytest.raises(RuntimeError, match="killed"):
        FIT(killed, path, 40, 5)
    torch.manual_seed(8)  # a new process starts with other random numbers
    FIT(resumed, path, 40, 5)
    assert resumed.updates_done == 40
    torch.manual_seed(7)
    FIT(whole, tmp_path / "whole.ckpt", 40, 5)
    assert resumed.history == whole.history and len(whole.history) == 9
    weights = resumed.best_network().state_dict()
    assert all(torch.equal(x, weights[name]) for name, x in whole.best_network().state_dict().items())


def test_a_fit_without_improvement_ends_and_keeps_its_first_weights(tmp_path: Path) -> None:
    job = job_of(regimes())
    job.config = replace(job.config, learning_rate=10.0, patience=2)  # every step leads away
    before = {name: x.clone() for name, x in job.network.state_dict().items()}
    FIT(job, tmp_path / "x.ckpt", 60, 5)
    assert job.updates_done == 10  # two validations
    assert all(torch.equal(x, before[name]) for name, x in job.best_network().state_dict().items())


def test_forecasts_depend_on_the_seed_alone(tmp_path: Path) -> None:
    market = regimes()
    first, again, other = (pipeline(market, small(), tmp_path / str(n), seed=n // 2) for n in range(3))
    for stage, forecasts in first.items():
        assert forecasts.facts.metrics == again[stage].facts.metrics
        assert all(torch.equal(x, again[stage].weights[name]) for name, x in forecasts.weights.items())
        assert forecasts.facts.metrics != other[stage].facts.metrics


def test_a_specialist_is_kept_only_where_it_is_better(tmp_path: Path) -> None:
    market = regimes(n_assets=4)
    config = small(specialists=SpecialistsConfig(updates=40, learning_rate=1e-2, **TINY_FIT))
    made = pipeline(market, config, tmp_path)
    generic, specialists = made["forecaster"], made["specialists"]
    rows = specialists.facts.metrics["symbols"]
    again = replace(forecasting(market, config), given=generic)
    final = again.losses(specialists.network(), again.spans.choice)
    assert {row["kept"] for row in rows.values()} == {"specialist", "generic"}
    copies = one_for_each(generic.network(), 4, 2).state_dict()
    for asset, row in enumerate(rows.values()):
        losses = row["specialist_pinball_loss"], row["generic_pinball_loss"]
        assert (row["kept"] == "specialist") == (losses[0] < losses[1])
        assert final[asset] == pytest.approx(min(losses), rel=1e-6)
        own, common = (some_series(weights, 4, [asset]) for weights in (specialists.weights, copies))
        assert all(torch.equal(own[name], common[name]) for name in own) == (row["kept"] == "generic")


def test_kept_series_have_their_own_weights_and_the_others_shared_ones() -> None:
    own, shared = (QuantileForecaster(3, 2, 4, 5, (0.1, 0.9)) for _ in range(2))
    before = [{name: x.clone() for name, x in one.state_dict().items()} for one in (own, shared)]
    after = mixed(own, shared, np.array([True, False, True])).state_dict()
    for asset, source in enumerate((0, 1, 0)):
        expected = some_series(before[source], 3, [asset])
        assert all(torch.equal(x, expected[name]) for name, x in some_series(after, 3, [asset]).items())


def perturbed(market: Market, first_bar: int) -> Market:
    """Return the market with other prices from ``first_bar`` on."""
    close = market.panel.close.copy()
    close[first_bar:] *= np.exp(np.random.default_rng(9).normal(0.0, 0.05, close[first_bar:].shape))
    return Market(replace(market.panel, close=close))


def test_no_stage_has_seen_the_validation_of_the_next(tmp_path: Path) -> None:
    market, config = regimes(), small()
    splits, stages = splits_of(market, config), forecasting(market, config).spans
    made = pipeline(market, config, tmp_path / "a")
    feed = make_feed(made["specialists"], market, splits.train)
    other = perturbed(market, splits.validation.start + 1)
    others = pipeline(other, config, tmp_path / "b")
    for stage, forecasts in made.items():
        assert all(torch.equal(x, others[stage].weights[name]) for name, x in forecasts.weights.items())
        assert forecasts.facts.last_seen <= market.timestamps[splits.validation.start]
    for own, same in zip(feed, make_feed(others["specialists"], other, splits.train), strict=True):
        if isinstance(own, np.ndarray):
            np.testing.assert_array_equal(own, same)
    later = pipeline(perturbed(market, stages.specialists.start + 1), config, tmp_path / "c")
    weights = later["forecaster"].weights
    assert all(torch.equal(x, weights[name]) for name, x in made["forecaster"].weights.items())
    weights = later["specialists"].weights
    assert not all(torch.equal(x, weights[name]) for name, x in made["specialists"].weights.items())
    assert made["forecaster"].facts.last_seen <= market.timestamps[stages.specialists.start]


def test_no_specialist_is_stopped_on_the_dates_it_is_chosen_on(tmp_path: Path) -> None:
    market, config = regimes(), small()
    later = perturbed(market, forecasting(market, config).spans.choice.start + 1)
    tuned: list[dict[str, torch.Tensor]] = []

    def fit(module: LightningModule, *rest: Any) -> None:
        assert isinstance(module, ForecastFit)
        FIT(module, *rest)
        tuned.append(module.best)

    for number, prices in enumerate((market, later)):
        pipeline(prices, config, tmp_path / str(number), fit=fit)
    assert all(torch.equal(x, tuned[3][name]) for name, x in tuned[1].items())  # the second fit of each pipeline


def test_the_feed_equals_the_forecasts_of_each_bar(tmp_path: Path) -> None:
    market, config = regimes(), small()
    train = splits_of(market, config).train
    forecasts = pipeline(market, config, tmp_path)["specialists"]
    feed, network = make_feed(forecasts, market, train), forecasts.network()
    work = replace(forecasting(market, config), given=forecasts)
    features = work.normalizer.apply(market.features(("return_1", "volatility_5")))
    for bar in (train.start, train.start + 50, train.stop):
        with torch.inference_mode():
            quantiles, embedding = network(torch.from_numpy(features[None, bar - 3 : bar + 1]))
        raw = np.concatenate([quantiles[0, 0].numpy(), embedding[0, 0].numpy()], axis=1)
        np.testing.assert_allclose(feed.signals[bar], feed.scaling.apply(raw), atol=1e-5)
        if bar < train.stop:
            in_returns = quantiles[0, 0].numpy() * np.array(forecasts.facts.scale)[:, None]
            np.testing.assert_allclose(feed.cvar[bar], np.maximum(0, -in_returns[:, 0]), rtol=1e-5)
            np.testing.assert_allclose(feed.uncertainty[bar], (in_returns[:, -1] - in_returns[:, 0]) / 2, rtol=1e-5)
    with torch.inference_mode():
        decided = torch.cat(network(torch.from_numpy(features[None, train.start - 3 : train.stop])), dim=-1)
    np.testing.assert_allclose(feed.scaling.mean, decided.mean((0, 1, 2)), rtol=1e-5, atol=1e-6)
    assert not feed.signals[: train.start].any() and not feed.signals[train.stop + 1 :].any()
