"""``rlx forecast check``: what it writes and says about forecasts with and without skill, and bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.app import forecast_check
from rlx.cli import main
from rlx.config import ForecastCheckConfig
from rlx.config.options import file_options
from rlx.data.market import Market
from rlx.forecast.block_bootstrap import BlockBootstrap, BlockBootstrapConfig
from rlx.forecast.forecaster import Forecast
from rlx.keys import find_key
from rlx.run_folder import RunFolder
from rlx.types import IntArray
from tests.config.test_option_tables import listed_in_help
from tests.forecast.markets import daily
from tests.forecast.tiny_models import save_bolt

SMALL = (
    "data=synthetic",
    "data.kind=random_walk",
    "data.n_bars=500",
    "data.n_assets=3",
    "resamples=40",
    "latency_calls=null",
)
Checked = Callable[..., dict[str, Any]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checked:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, status: int = 0) -> dict[str, Any]:
        with pytest.raises(SystemExit) as ended:
            main(["forecast", "check", *SMALL, "hydra.run.dir=run", *arguments])
        assert (ended.value.code or 0) == status
        file = RunFolder(tmp_path / "run").forecast_check
        return dict(json.loads(file.read_text())) if file.is_file() else {}

    return run


def test_a_check_writes_its_folder_and_finds_no_skill_in_a_random_walk(
    check: Checked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = check("forecaster=ridge", "latency_calls=20", "levels=[0.1,0.5,0.9]")
    assert " has no skill: it saves " in document["verdict"] or " is worse than " in document["verdict"]
    assert "40 resamples are too few to find skill of one of 3 symbols (resamples=60 at least)" in document["verdict"]
    assert "does not know the direction" in document["verdict"] and document["levels"] == [0.1, 0.5, 0.9]
    assert document["split"] == {**document["split"], "name": "test", "bars": 75, "bars_seen": 0}
    assert [row["price"] for row in document["pooled"]] == ["close", "high", "low"]
    assert list(document["symbols"]) == ["S0", "S1", "S2"] and len(document["pooled"][0]["coverage"]) == 3
    shown = capsys.readouterr().out
    assert " ".join(document["verdict"].split()) in " ".join(shown.split())
    names = ("fan.png", "coverage.png", "skill.png", "forecast_check.md", "provenance.json", "config.yaml")
    assert all((tmp_path / "run" / name).stat().st_size > 100 for name in names)
    assert document["verdict"][:40] in (tmp_path / "run" / "forecast_check.md").read_text().replace("\\", "")
    times = json.loads((tmp_path / "run" / "forecast_latency.json").read_text())
    assert [profile["backend"] for profile in times["profiles"]] == ["ridge", "block_bootstrap"]
    for profile in times["profiles"]:
        assert profile["warm_calls"] == 20 and 0 < profile["p50_ms"] <= profile["p95_ms"] <= profile["p99_ms"]
        assert profile["forecasts_per_second"] > 0 and profile["peak_memory_mb"] > 10
    assert all(find_key(key) for key in times["keys"]) and len(times["keys"]) == 7


def test_a_forecaster_for_tests_is_marked(check: Checked) -> None:
    document = check("forecaster=oracle")
    assert document["verdict"].startswith("This forecaster is for tests:")
    assert " oracle has skill: it saves " in document["verdict"]
    assert document["pooled"][0]["mae"] == pytest.approx(0.0, abs=1e-6)


def test_the_null_model_is_not_compared_with_itself(check: Checked) -> None:
    document = check("forecaster=block_bootstrap", "forecaster.horizon_steps=3", "split=all")
    assert document["verdict"].startswith("block_bootstrap is the null model itself.")
    assert [row["horizon"] for row in document["pooled"]] == [1, 2, 3] * 3
    assert document["split"]["bars"] == 500 - 252 - 1
    assert [row["bars"] for row in document["pooled"][:3]] == [247, 246, 245]


class Asked(BlockBootstrap):
    """Notes the bars that it was asked for."""

    def __init__(self) -> None:
        super().__init__(n_samples=8)
        self.bars: list[int] = []

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        self.bars += bars.tolist()
        return super().forecast(market, bars, seed)


def test_every_bar_is_forecast_once_and_the_last_are_kept() -> None:
    market, asked = daily(2, 400), Asked()
    config = ForecastCheckConfig(forecaster=BlockBootstrapConfig(), split="all", resamples=20)
    made = forecast_check.check(config, market, asked)
    assert asked.bars == list(range(252, 399)) and made.bars.tolist() == asked.bars[-40:]
    again = BlockBootstrap(n_samples=8).forecast(market, made.bars, 0)
    np.testing.assert_array_equal(made.last.quantiles, again.quantiles)


@pytest.mark.slow
def test_random_weights_are_judged_and_what_is_unknown_of_them_is_said(check: Checked, tmp_path: Path) -> None:
    pytest.importorskip("chronos", reason="the extra chronos is not installed")
    folder = save_bolt(tmp_path / "bolt")
    options = (f"forecaster.path={folder}", "forecaster.context_bars=32", "hardware=cpu")
    document = check("forecaster=chronos", *options)
    assert "Nobody stated which dates its weights have seen" in document["verdict"]
    assert document["forecaster"]["weights"]["licence"] == "apache-2.0"
    assert document["forecaster"]["settings"]["device"] == "cpu"
    assert document["counted"]["forecasts"] == 75 * 3


@pytest.mark.slow
def test_dates_that_went_into_the_weights_are_counted(check: Checked, tmp_path: Path) -> None:
    pytest.importorskip("chronos", reason="the extra chronos is not installed")
    options = (f"forecaster.path={save_bolt(tmp_path / 'bolt')}", "forecaster.context_bars=32")
    document = check("forecaster=chronos", *options, "forecaster.last_seen=2100-01-01")
    assert document["split"]["bars_seen"] == 75
    assert "75 of the 75 bars are not after the last date" in document["verdict"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["forecaster=none"], "forecaster=none: there is nothing to check."),
        (["forecaster=ridg"], "Did you mean 'ridge'?"),
        (["split=tset"], "Did you mean 'test'?"),
        (["levels=[0.5,0.1]"], "must be ascending"),
        (["latency_calls=3"], "latency_calls=3: must be a whole number between 20"),
        (["policy=cash"], "rlx forecast check has no group policy"),
        (
            ["latency_calls=20", "data.n_bars=270"],
            "latency_calls=20: needs 21 bars with enough history for forecaster=",
        ),
        (["forecaster=chronos"], "forecaster.path: must be given for forecaster=chronos"),
        (["forecaster=chronos", "forecaster.path=nowhere"], "forecaster.path=nowhere: no such folder"),
        (["forecaster=block_bootstrap", "data.n_bars=100"], "forecaster=block_bootstrap: needs 253 bars"),
        (
            ["forecaster=block_bootstrap", "split=train", "data.n_bars=300"],
            "split=train: no forecast can be made in it",
        ),
    ],
)
def test_bad_input_is_one_message_and_leaves_no_folder(
    check: Checked, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert check(*arguments, status=2) == {}
    shown = capsys.readouterr().err
    assert words in " ".join(shown.split()) and "Traceback" not in shown
    assert not (tmp_path / "run").exists()


def test_the_help_lists_every_option_and_the_default_first() -> None:
    listed = listed_in_help("forecast_check")
    assert {group: set(options) for group, options in listed.items()} == {
        group: set(file_options(group)) for group in ("forecaster", "data", "hardware")
    }
    assert [options[0] for options in listed.values()] == ["filtered_bootstrap", "sample_daily", "auto"]


def test_a_second_check_does_not_overwrite_the_first(check: Checked, capsys: pytest.CaptureFixture[str]) -> None:
    first = check("forecaster=block_bootstrap")
    assert check("forecaster=noise", status=2) == first
    assert "holds an earlier run (forecast_check.json)" in capsys.readouterr().err
