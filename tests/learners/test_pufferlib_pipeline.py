"""Hand-overs are checked; stages are taken, cached, left out or refused as documented."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule

from rlx.errors import CheckpointError, ConfigError, RlxError
from rlx.forecast.config import ForecasterConfig, SpecialistsConfig
from rlx.forecast.fit import ForecastFit
from rlx.forecast.hand_over import Demand, Forecasts, read_forecasts, write_forecasts
from rlx.learners.base import Preparation
from tests.learners.forecasts import FIT, NAMES, TINY_FIT, forecasting, pipeline, regimes, small, splits_of

MARKET = regimes()


def no_fit(module: LightningModule, *_: Any) -> None:
    raise AssertionError("nothing was to be trained")


def rewritten(staged: Path, folder: Path, stage: str, **changes: Any) -> Path:
    """Copy a run and change facts of one of its hand-overs."""
    shutil.copytree(staged / "stages", folder / "stages")
    path = folder / "stages" / stage
    forecasts = read_forecasts(path, "")
    write_forecasts(path, forecasts._replace(facts=replace(forecasts.facts, **changes)))
    return folder


@pytest.mark.parametrize("stage", ["forecaster", "specialists"])
@pytest.mark.parametrize(
    ("changes", "found", "expected"),
    [
        ({"symbols": ("S0", "S2", "S1")}, "symbols: found S0, S2, S1", "expected S0, S1, S2"),
        ({"feature_names": ("return_1", "rsi_14")}, "feature_names: found return_1, rsi_14", "return_1, volatility_5"),
        ({"window_steps": 9}, "window_steps: found 9", "expected 4"),
        ({"data_fingerprint": "0123"}, "data_fingerprint: found 0123", f"expected {MARKET.fingerprint}"),
    ],
)
def test_a_broken_contract_is_refused(
    stage: str, changes: dict[str, Any], found: str, expected: str, staged: Path, tmp_path: Path
) -> None:
    broken = rewritten(staged, tmp_path / "broken", stage, **changes)
    taker = {"forecaster": "specialists", "specialists": "portfolio"}[stage]
    with pytest.raises(CheckpointError) as refused:
        pipeline(MARKET, small(stages=["portfolio"], resume=str(broken)), tmp_path / "new", fit=no_fit)
    text = str(refused.value)
    for part in (f"from stage {stage} ({broken / 'stages' / stage})", f"does not fit stage {taker}", found, expected):
        assert part in text, (part, text)
    assert "module.stages" in text


@pytest.mark.parametrize(("stage", "taker"), [("forecaster", "specialists"), ("specialists", "portfolio")])
def test_a_day_too_many_is_refused(stage: str, taker: str, staged: Path, tmp_path: Path) -> None:
    config = small(stages=["portfolio"])
    validations = forecasting(MARKET, config).spans.specialists, splits_of(MARKET, config).validation
    first = validations[stage == "specialists"].start
    for last, refused in ((first, False), (first + 1, True)):
        stamps = [str(MARKET.timestamps[bar]) for bar in (60, last)]
        made = rewritten(staged, tmp_path / str(last), stage, seen={"trained": stamps})
        given = small(stages=["portfolio"], resume=str(made))
        if not refused:
            pipeline(MARKET, given, tmp_path / f"new{last}", fit=no_fit)
            continue
        expected = f"expected none after {MARKET.timestamps[first]}, where the validation of {taker} starts"
        with pytest.raises(CheckpointError, match=f"dates up to {stamps[1]} have been seen, {expected}"):
            pipeline(MARKET, given, tmp_path / f"new{last}", fit=no_fit)


def test_specialists_of_another_forecaster_are_refused(staged: Path, tmp_path: Path) -> None:
    facts = read_forecasts(staged / "stages" / "specialists", "").facts
    other = {**facts.normalizer, "mean": [0.5, 0.5]}
    broken = rewritten(staged, tmp_path / "broken", "specialists", normalizer=other, upstream="another")
    with pytest.raises(CheckpointError, match=r"normalizer: its statistics are not.*; upstream: found another"):
        pipeline(MARKET, small(stages=["portfolio"], resume=str(broken)), tmp_path / "new", fit=no_fit)


def test_a_forecaster_of_another_shape_is_refused(staged: Path, tmp_path: Path) -> None:
    config = small(forecaster=ForecasterConfig(hidden_size=7, **TINY_FIT), stages=["portfolio"], resume=str(staged))
    with pytest.raises(CheckpointError, match=r"network: found .*'hidden_size': 4.*expected .*'hidden_size': 7"):
        pipeline(MARKET, config, tmp_path, fit=no_fit)


def test_a_run_whose_split_is_later_has_seen_too_much(staged: Path, tmp_path: Path) -> None:
    config = small(stages=["portfolio"], resume=str(staged))
    splits = splits_of(MARKET, config)
    earlier = forecasting(MARKET, config)
    from rlx.learners.pufferlib.pipeline import Pipeline

    unseen_from = MARKET.timestamps[splits.validation.start - 5]
    with pytest.raises(CheckpointError, match="where the validation of portfolio starts"):
        Pipeline(config, earlier, Preparation(tmp_path, None, no_fit), unseen_from).run()


def test_stages_that_are_left_out_come_from_the_run(staged: Path, tmp_path: Path) -> None:
    made = pipeline(MARKET, small(stages=["portfolio"], resume=str(staged)), tmp_path / "a", fit=no_fit)
    assert [one.source for one in made.values()] == [str(staged / "stages" / stage) for stage in made]
    jobs: list[ForecastFit] = []

    def counted(module: LightningModule, *rest: Any) -> None:
        jobs.append(module)  # type: ignore[arg-type]
        FIT(module, *rest)

    made = pipeline(MARKET, small(stages=["specialists"], resume=str(staged)), tmp_path / "b", fit=counted)
    assert len(jobs) == 1 and jobs[0].network.n_series == 3
    assert made["specialists"].source == "trained"
    own = read_forecasts(staged / "stages" / "specialists", "").weights  # the same once more
    assert all(torch.equal(x, own[name]) for name, x in made["specialists"].weights.items())
    assert {path.name for path in (tmp_path / "b" / "stages").iterdir()} == {"forecaster", "specialists"}


def test_without_specialists_the_forecaster_serves_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    made = pipeline(MARKET, small(stages=["forecaster", "portfolio"]), tmp_path)
    assert list(made) == ["forecaster"]
    assert "the forecaster is used for every symbol" in caplog.text


def test_the_forecaster_alone(tmp_path: Path) -> None:
    assert list(pipeline(MARKET, small(stages=["forecaster"]), tmp_path)) == ["forecaster"]


def test_a_missing_forecaster_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"forecaster is left out, and every other stage needs it.*module.resume=RUN"):
        pipeline(MARKET, small(stages=["portfolio"]), tmp_path)
    with pytest.raises(ConfigError, match=f"module.resume={tmp_path}/nowhere: has no stages/"):
        pipeline(MARKET, small(stages=["portfolio"], resume=str(tmp_path / "nowhere")), tmp_path)


def test_a_resume_that_has_no_effect_is_reported(
    staged: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline(MARKET, small(resume=str(staged)), tmp_path)
    assert "module.resume" in caplog.text and "has no effect" in caplog.text


def test_what_was_done_before_comes_from_the_cache(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    first = pipeline(MARKET, small(cache_dir=cache), tmp_path / "a")
    again = pipeline(MARKET, small(cache_dir=cache, risk_penalty=0.1), tmp_path / "b", fit=no_fit)
    for stage, forecasts in again.items():
        assert forecasts.source == "cache"
        assert forecasts.facts == first[stage].facts
        assert all(torch.equal(x, first[stage].weights[name]) for name, x in forecasts.weights.items())
    assert len(list((tmp_path / "cache").iterdir())) == 2
    tuned = SpecialistsConfig(updates=10, **TINY_FIT)
    other = pipeline(MARKET, small(cache_dir=cache, specialists=tuned), tmp_path / "c")
    assert [one.source for one in other.values()] == ["cache", "trained"]
    assert pipeline(MARKET, small(cache_dir=cache), tmp_path / "d", seed=1)["forecaster"].source == "trained"
    assert pipeline(regimes(seed=3), small(cache_dir=cache), tmp_path / "e")["forecaster"].source == "trained"


def test_another_formula_of_a_feature_is_not_taken_from_the_cache() -> None:
    ours, theirs = forecasting(regimes(), small()), forecasting(regimes(), small())
    assert ours.key("forecaster") == theirs.key("forecaster")
    theirs.market.features(theirs.feature_names)[-1] += 1.0  # the computed features are kept, so the key sees this
    assert ours.key("forecaster") != theirs.key("forecaster")


def test_a_resumed_run_continues_with_its_own_stages(staged: Path, tmp_path: Path) -> None:
    made = pipeline(MARKET, small(), tmp_path, earlier=staged, fit=no_fit)
    assert [one.source for one in made.values()] == [str(staged / "stages" / stage) for stage in made]


def test_a_run_killed_within_a_stage_continues_there(staged: Path, tmp_path: Path) -> None:
    def dies(module: LightningModule, checkpoint: Path, updates: int, interval: int) -> None:
        if module.network.n_series == 1:  # type: ignore[union-attr]
            return FIT(module, checkpoint, updates, interval)
        FIT(module, checkpoint, 10, interval)  # its last checkpoint is that of update 10
        raise KeyboardInterrupt

    begun: list[int] = []

    def continues(module: LightningModule, checkpoint: Path, updates: int, interval: int) -> None:
        FIT(module, checkpoint, updates, interval)
        begun.append(module.trainer.fit_loop.epoch_loop.batch_progress.total.ready)  # counts the restored ones

    with pytest.raises(KeyboardInterrupt):
        pipeline(MARKET, small(), tmp_path / "killed", fit=dies)
    left = sorted(path.name for path in (tmp_path / "killed" / "stages").iterdir())
    assert left[0] == "forecaster" and left[1].startswith("specialists_") and left[1].endswith(".ckpt")
    made = pipeline(MARKET, small(), tmp_path / "resumed", earlier=tmp_path / "killed", fit=continues)
    assert len(begun) == 1
    own = read_forecasts(staged / "stages" / "specialists", "")
    assert made["specialists"].facts.metrics == own.facts.metrics
    assert all(torch.equal(x, own.weights[name]) for name, x in made["specialists"].weights.items())


def test_a_run_killed_while_it_copies_a_checkpoint_has_none_of_it(
    staged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(source: Path, copy: Path) -> None:
        copy.write_bytes(source.read_bytes()[:3])
        raise KeyboardInterrupt

    killed = tmp_path / "killed" / "stages"
    shutil.copytree(staged / "stages" / "forecaster", killed / "forecaster")
    generic = read_forecasts(killed / "forecaster", "").facts.key
    (killed / f"specialists_{forecasting(MARKET, small()).key('specialists', generic)}.ckpt").write_bytes(b"whole")
    monkeypatch.setattr(shutil, "copyfile", half)
    with pytest.raises(KeyboardInterrupt):
        pipeline(MARKET, small(), tmp_path / "resumed", earlier=tmp_path / "killed")
    assert [path.name for path in (tmp_path / "resumed" / "stages").iterdir()] == ["forecaster"]


def test_a_forecaster_without_skill_is_not_handed_over(
    staged: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = {**read_forecasts(staged / "stages" / "forecaster", "").facts.metrics, "skill": -0.01}
    bad = rewritten(staged, tmp_path / "bad", "forecaster", metrics=metrics)
    config = small(stages=["portfolio"], resume=str(bad))
    with pytest.raises(RlxError, match=r"no better than the climatology's.*not handed over.*accept_worse=true"):
        pipeline(MARKET, config, tmp_path / "a", fit=no_fit)
    accepting = replace(config.forecaster, accept_worse=True)
    made = pipeline(MARKET, replace(config, forecaster=accepting), tmp_path / "b", fit=no_fit)
    assert made["forecaster"].facts.metrics["skill"] == -0.01
    assert "handed over anyway" in caplog.text


def test_prices_that_never_move_teach_nothing(tmp_path: Path) -> None:
    flat = replace(MARKET.panel, close=np.full_like(MARKET.panel.close, 100.0))
    from rlx.data.market import Market

    with pytest.raises(RlxError, match="no better than the climatology's"):
        pipeline(Market(flat), small(), tmp_path)


@pytest.mark.parametrize("damage", ["cut", "swapped", "format", "gone"])
def test_a_damaged_hand_over_is_refused(damage: str, staged: Path, tmp_path: Path) -> None:
    shutil.copytree(staged / "stages", tmp_path / "stages")
    folder = tmp_path / "stages" / "forecaster"
    facts, weights = folder / "hand_over.json", folder / "forecasts.safetensors"
    if damage == "cut":
        facts.write_text(facts.read_text()[:100])
    elif damage == "swapped":
        shutil.copy(tmp_path / "stages" / "specialists" / weights.name, weights)
    elif damage == "format":
        facts.write_text(json.dumps({**json.loads(facts.read_text()), "format_version": 99}))
    else:
        weights.unlink()
    with pytest.raises(CheckpointError, match="Delete the folder to have the stage run again"):
        pipeline(MARKET, small(stages=["portfolio"], resume=str(tmp_path)), tmp_path / "new", fit=no_fit)


def test_a_hand_over_survives_its_files(staged: Path, tmp_path: Path) -> None:
    forecasts = read_forecasts(staged / "stages" / "specialists", "x")
    write_forecasts(tmp_path, forecasts)
    again = read_forecasts(tmp_path, "x")
    assert again.facts == forecasts.facts
    assert isinstance(again, Forecasts) and again.facts.n_series == 3


def test_the_last_moment_that_may_be_seen_is_the_first_decision_of_the_validation(staged: Path) -> None:
    facts = read_forecasts(staged / "stages" / "specialists", "").facts
    fits = Demand("portfolio", facts.symbols, NAMES, 4, facts.data_fingerprint, facts.network, facts.last_seen)
    fits.check(facts, "here")
    late = replace(fits, unseen_from=facts.last_seen - np.timedelta64(1, "ns"))
    with pytest.raises(CheckpointError, match="dates up to"):
        late.check(facts, "here")


def test_stages_log_their_results(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        pipeline(MARKET, small(), tmp_path)
    assert "forecaster: pinball loss 0." in caplog.text
    assert "specialists kept for" in caplog.text
