"""Pretrained models, tiny and with random weights: forecasts, hand-worked conversions, and what is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from rlx.errors import CheckpointError, ConfigError, DataError
from rlx.forecast.features import ForecastOutlook
from rlx.forecast.forecaster import PRICES, make_forecaster
from rlx.forecast.pretrained import Pretrained
from rlx.forecast.pretrained_config import PretrainedConfig
from rlx.forecast.series import as_moves, bars_before, contexts
from rlx.forecast.tokens import drawn_tokens
from rlx.testing import check_forecaster
from rlx.types import FloatArray
from tests.forecast.markets import closes, daily
from tests.forecast.tiny_models import QUANTILES, save_bolt, save_chronos_2, save_t5

pytest.importorskip("chronos", reason="the extra chronos is not installed")

MARKET = daily(2, 120)
BARS = np.array([60, 90, 110])
QUANTILE_MODELS = {"chronos_2": save_chronos_2, "bolt": save_bolt}
SAVED: dict[str, Callable[[Path], Path]] = {**QUANTILE_MODELS, "t5": save_t5}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {name: str(save(tmp_path_factory.mktemp(name))) for name, save in SAVED.items()}


def chronos(path: str, **options: object):  # type: ignore[no-untyped-def]
    return make_forecaster("chronos", **{"path": path, "context_bars": 32, "n_samples": 6, "batch": 500, **options})


@pytest.mark.parametrize("name", SAVED)
def test_every_model_passes_the_check(models: dict[str, str], name: str) -> None:
    check_forecaster(chronos(models[name]), MARKET)
    series = "moves" if name == "t5" else "prices"  # its random tokens would be prices below 0
    check_forecaster(chronos(models[name], series=series, horizon_steps=3), closes(MARKET))


@pytest.mark.parametrize("name", QUANTILE_MODELS)
def test_quantiles_are_those_of_the_library_as_moves_of_the_close(models: dict[str, str], name: str) -> None:
    from chronos import BaseChronosPipeline

    made = chronos(models[name], series="prices", horizon_steps=2)
    forecast = made.forecast(MARKET, BARS, 0)
    assert forecast.levels == tuple(QUANTILES) and forecast.prices == PRICES and not forecast.joint
    pipeline = BaseChronosPipeline.from_pretrained(models[name])
    for price, series in enumerate((MARKET.panel.close, MARKET.panel.high, MARKET.panel.low)):
        assert series is not None
        for row, bar in enumerate(BARS):
            context = torch.tensor(series[bar - 31 : bar + 1, 1], dtype=torch.float32)
            theirs = np.asarray(pipeline.predict([context], prediction_length=2)[0]).reshape(9, 2)
            expected = np.sort(theirs / MARKET.panel.close[bar, 1] - 1.0, axis=0).T
            np.testing.assert_allclose(forecast.quantiles[row, 1, :, price], expected, rtol=1e-4, atol=1e-6)


def test_own_moves_are_converted_by_multiplication() -> None:
    panel = MARKET.panel
    assert panel.high is not None
    own = np.full((1, 2, 3, 1, 2), 0.1)  # 10% a step, two steps
    moves = as_moves(own, panel, np.array([50]), "moves")
    np.testing.assert_allclose(moves[0, :, 0, 0], np.broadcast_to([0.1, 0.21], (2, 2)))
    np.testing.assert_allclose(1 + moves[0, :, 1, 0, 0], 1.1 * panel.high[50] / panel.close[50])
    seen = contexts(panel, 2, "moves")[50 - bars_before("moves", 2)]
    np.testing.assert_allclose(seen[:, 1, 1], panel.high[50] / panel.high[49] - 1)


def test_paths_do_not_depend_on_the_batch_or_on_the_number_of_samples(models: dict[str, str]) -> None:
    large, small = (chronos(models["t5"], batch=batch, n_samples=n) for batch, n in ((500, 6), (7, 4)))
    whole, part = large.forecast(MARKET, BARS, 3), small.forecast(MARKET, BARS, 3)
    assert whole.paths is not None and whole.paths.shape == (3, 6, 2, 1, 3) and not whole.degraded.any()
    np.testing.assert_allclose(whole.paths[:, :4], part.paths, rtol=1e-6)
    assert not np.allclose(whole.paths, large.forecast(MARKET, BARS, 4).paths)
    assert len(np.unique(whole.paths[0, :, 0, 0, 0])) > 2, "samples differ"


def test_paths_that_are_not_joint_over_symbols_give_no_covariance(models: dict[str, str]) -> None:
    outlook = ForecastOutlook(chronos(models["t5"]), {}, cached=False)
    with pytest.raises(ConfigError, match="forecasts each symbol on its own, and this policy needs paths"):
        outlook.paths(MARKET, BARS)


def test_fewer_samples_leave_no_paths_and_mark_the_symbol(
    models: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = chronos(models["t5"], allow_fewer_samples=True, min_samples=2, batch=6)
    plain, forecast = made.forecast(MARKET, BARS, 3), made.model.forecast
    scarce = {"calls": 0}

    def tight(series: FloatArray, horizon: int, uniform: FloatArray) -> FloatArray:
        scarce["calls"] += 1
        if scarce["calls"] <= 3:
            raise MemoryError
        return np.asarray(forecast(series, horizon, uniform))

    monkeypatch.setattr(made.model, "forecast", tight)
    fewer = made.forecast(MARKET, BARS, 3)
    assert fewer.paths is None and fewer.degraded.tolist() == [[True, False]] * 3
    assert fewer.samples_used is not None and fewer.samples_used[0].tolist() == [3, 6]
    np.testing.assert_allclose(fewer.quantiles[:, 1], plain.quantiles[:, 1], rtol=1e-6)
    assert np.isfinite(fewer.quantiles).all()


def test_crossed_and_impossible_forecasts_are_counted(
    models: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = chronos(models["bolt"])
    given = np.tile(np.linspace(-0.1, 0.1, 9), (6 * 3, 1, 1))
    given[0, 0, :2] = [0.0, -0.1]  # crossed: the first bar's close of the first symbol
    given[4, 0, 0] = -1.5  # impossible: the second bar's high
    monkeypatch.setattr(made.model, "forecast", lambda series, horizon, uniform: given[: len(series)])
    forecast = made.forecast(MARKET, BARS, 0)
    assert made.settings()["counted"] == {"crossed": 1, "impossible": 1}
    assert (np.diff(forecast.quantiles[0, 0, 0, 0]) >= 0).all()
    assert np.isnan(forecast.quantiles[1, 0, 0, 1]).all() and np.isfinite(forecast.quantiles[1, 0, 0, 0]).all()
    assert len([record for record in caplog.records if "are counted" in record.getMessage()]) == 2


def test_tokens_are_drawn_by_the_inverse_of_their_distribution() -> None:
    logits = torch.log(torch.tensor([[0.1, 0.2, 0.3, 0.4]])).repeat(5, 1)
    uniform = torch.tensor([0.05, 0.15, 0.35, 0.7, 0.999999])
    assert drawn_tokens(logits, uniform, 1.0, 0, 1.0).tolist() == [0, 1, 2, 3, 3]
    assert drawn_tokens(logits, uniform, 1.0, 2, 1.0).tolist() == [2, 2, 2, 3, 3], "0.3 and 0.4 are left"
    assert drawn_tokens(logits, uniform, 1.0, 0, 0.35).tolist() == [3] * 5, "0.4 alone has 0.35"
    assert drawn_tokens(logits, uniform, 1.0, 0, 0.45).tolist() == [2, 2, 2, 3, 3]
    assert drawn_tokens(logits, uniform, 1e-3, 0, 1.0).tolist() == [3] * 5, "cold: the most probable"


def test_the_licence_and_the_digest_of_the_weights_are_known(
    models: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        made = chronos(models["bolt"])
    assert isinstance(made, Pretrained) and made.weights["licence"] == "apache-2.0"
    assert "licence apache-2.0" in caplog.text
    other = save_bolt(tmp_path)
    assert chronos(str(other)).weights["digest"] == made.weights["digest"]
    (other / "README.md").write_text("# no facts")
    facts = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**facts, "note": 1}))
    changed = chronos(str(other)).weights
    assert changed["licence"] is None and changed["digest"] != made.weights["digest"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"context_bars": 65}, "context_bars=65: this model allows at most 64"),
        ({"horizon_steps": 9, "series": "prices"}, "horizon_steps=9: this model allows at most 8"),
        ({"horizon_steps": 2}, "quantiles of single moves do not compound"),
        ({"last_seen": "soon"}, "last_seen=soon: must be a date"),
        ({"path": ""}, "forecaster.path: must be given for forecaster=chronos"),
        ({"n_samples": 0}, "forecaster.n_samples=0: must be a whole number between 1 and 65536"),
        ({"batch": 0}, "forecaster.batch=0: must be a whole number between 1 and 65536"),
    ],
)
def test_settings_that_the_model_cannot_meet_are_refused(
    models: dict[str, str], options: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        chronos(**{"path": models["bolt"], **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "last"),
    [
        ("2024-06-30", "2024-06-30T23:59:59.999999"),
        ("2024-06-30T14:30", "2024-06-30T14:30"),
        ("2024-06-30 14:30:01", "2024-06-30T14:30:01"),
    ],
)
def test_a_date_in_the_weights_is_seen_to_its_end(given: str, last: str) -> None:
    assert PretrainedConfig(last_seen=given).last_seen_date() == np.datetime64(last, "ns")


@pytest.mark.parametrize("given", ["", "NaT", "now", "today", "2024", "2024-02-30", "9999-01-01", "0001-01-01", "1e9"])
def test_what_is_no_date_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=r"forecaster\.last_seen=.*"):
        PretrainedConfig(last_seen=given)


@pytest.mark.parametrize("given", ["2024-06-30T14:30Z", "2024-06-30T14:30+02:00"])
def test_a_time_zone_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="must have no time zone"):
        PretrainedConfig(last_seen=given)


def test_a_folder_that_is_no_model_is_one_clear_error(models: dict[str, str], tmp_path: Path) -> None:
    def refused(path: Path, words: str) -> None:
        with pytest.raises(CheckpointError, match=words) as error:
            chronos(str(path))
        assert "\n" not in str(error.value)

    refused(tmp_path, r"no model, it has no config\.json")
    refused(tmp_path / "missing", "no such folder, and no name such as OWNER/MODEL")
    (tmp_path / "config.json").write_text("{}")
    refused(tmp_path, r"has no \*\.safetensors; weights in other files are not read")
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    refused(tmp_path, "no Chronos model, its config.json has no chronos_config")
    facts = json.loads((Path(models["bolt"]) / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(facts))
    refused(tmp_path, "forecaster=chronos cannot use it")


def test_code_in_the_folder_of_a_model_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, ran = save_bolt(tmp_path / "model"), tmp_path / "ran"
    facts = json.loads((folder / "config.json").read_text())
    own = {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}
    (folder / "config.json").write_text(json.dumps({**facts, "model_type": "evil", "auto_map": own}))
    (folder / "evil.py").write_text(f"open({str(ran)!r}, 'w').close()\nclass Config: pass\nclass Model: pass\n")
    with pytest.raises(CheckpointError, match="forecaster=chronos cannot use it"):
        chronos(str(folder))
    assert not ran.exists()


def test_a_name_of_the_hub_is_not_downloaded_by_default() -> None:
    with pytest.raises(
        CheckpointError, match=r"nor a model downloaded before .*forecaster\.download=true downloads it"
    ):
        chronos("nobody/no-such-model")


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name, module, words in (
        ("chronos", "chronos", r"cannot import chronos .*pip install 'rlx\[chronos\]'"),
        ("toto", "toto2", r"cannot import toto2 .*Python 3\.12"),
        ("kronos", "kronos_finance", r"an unrelated scheduler"),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ConfigError, match=words):
            make_forecaster(name, path="anywhere")


def test_a_market_that_is_too_short_is_refused(models: dict[str, str]) -> None:
    with pytest.raises(DataError, match=r"needs 33 bars before its first forecast, and .* has 20"):
        chronos(models["bolt"]).first_bar(daily(2, 20))
