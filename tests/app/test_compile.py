"""``rlx compile check``: typed in a shell, with graphs interpreted where inductor would take minutes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.app.compile_check import CheckOptions, _composed
from rlx.app.compile_forecaster import ForecastBars
from rlx.app.compile_play import settings_of
from rlx.app.compile_subjects import TrainedModule
from rlx.app.guest import compose_as_guest
from rlx.compilation import Compiler
from rlx.compile_check.measure import numeric, outcomes
from rlx.compile_check.store import RECORD, load
from rlx.compile_check.subject import alternate
from rlx.compile_check.verdict import standings
from rlx.config import TrainConfig
from rlx.data.config import SyntheticData
from rlx.data.splits import Span
from rlx.data.traded import load_traded
from rlx.errors import ConfigError
from rlx.forecast.block_bootstrap import BlockBootstrapConfig
from rlx.forecast.config import OwnConfig
from rlx.forecast.forecaster import make_forecaster
from rlx.learners.hftraining.config import HftrainingConfig
from rlx.learners.pufferlib.config import PufferlibConfig
from rlx.training.hardware import Hardware
from tests.app.commands import Shell
from tests.backends import TRACED, use_backend
from tests.learners.forecasts import regimes

MARKET = regimes()
TINY = (
    "module=hftraining",
    "data=synthetic",
    "data.n_bars=300",
    "module.n_folds=2",
    "module.n_windows=2",
    "module.rollout_steps=8",
    "module.window_steps=4",
    "module.smooth_steps=2",
)


def check(shell: Shell, *arguments: str, calls: str = "3") -> Any:
    return shell.tools("compile", "check", *TINY, "--calls", calls, *arguments)


@pytest.mark.parametrize("subject", [pytest.param("module", marks=pytest.mark.slow), "simulator"])
def test_a_subject_is_compared_recorded_and_shown(shell: Shell, monkeypatch: pytest.MonkeyPatch, subject: str) -> None:
    use_backend(monkeypatch, TRACED)
    done = check(shell, "--subject", subject, "--rounds", "1")
    assert done.status == 0, done.err
    (entry,) = load(shell.folder / RECORD)
    assert entry.identity.subject == {"module": "module=hftraining", "simulator": "simulator"}[subject]
    assert (entry.identity.compile_asked, entry.identity.compile_used) == ("default", "default")
    assert entry.numeric.again_max_abs == 0.0
    assert entry.numeric.max_relative is not None and entry.numeric.max_relative < 1e-3
    assert entry.latency.calls > 0 and entry.latency.compile_seconds is not None
    assert entry.outcomes["eval/sharpe"].noise == 0.0
    assert entry.outcomes["eval/sharpe"].eager is not None
    (standing,) = standings([entry])
    assert f"{standing.variant.subject}: {standing.verdict}" in done.out
    assert standing.verdict in (shell.folder / RECORD).with_suffix(".md").read_text(encoding="utf-8")
    assert shell.tools("compile", "report").status == 0


def test_where_nothing_can_be_compiled_the_run_is_invalid_and_says_why(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(graph: Any, *_: Any) -> Any:
        raise RuntimeError("no compiler on this machine")

    use_backend(monkeypatch, refuse)
    done = check(shell, "--subject", "simulator")
    assert done.status == 0
    (entry,) = load(shell.folder / RECORD)
    assert entry.identity.compile_used == "off"
    assert "no compiler on this machine" in str(entry.identity.fallback)
    assert entry.latency.compile_seconds is None
    assert "invalid" in done.out


def test_a_forecaster_without_a_network_has_nothing_to_compile(shell: Shell) -> None:
    done = shell.tools("compile", "check", "forecaster=block_bootstrap", *TINY[1:3], "--calls", "5", "--rounds", "1")
    assert done.status == 0, done.err
    (entry,) = load(shell.folder / RECORD)
    assert entry.identity.subject == "forecaster=block_bootstrap"
    assert (entry.identity.compile_used, entry.identity.fallback) == ("off", "the subject has nothing to compile")
    assert entry.numeric.max_abs == 0.0
    assert "nothing to compile" in done.out


def test_the_forecasts_of_a_run_are_compared(staged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_backend(monkeypatch, TRACED)
    config = TrainConfig(data=SyntheticData(), module=HftrainingConfig(), forecaster=OwnConfig(path=str(staged)))
    compiler = Compiler("default", "cpu")
    hardware = Hardware("cpu", "32", 1, compiler)
    subject = ForecastBars("own", config, MARKET, Span(200, 240), hardware, 4)
    plays = alternate(subject, compiler, "cpu", 1)
    found = numeric(plays)
    assert (compiler.used, found.again_max_abs, found.flipped) == ("default", 0.0, 0)
    assert found.decisions == 40 * MARKET.n_assets
    assert found.max_abs is not None and found.max_abs < 1e-6
    losses = outcomes(plays, subject.metrics)["compile/pinball_loss"]
    quantiles = plays.eager[0].outputs["quantiles"][:, :, 0, 0]
    levels = np.array(make_forecaster("own", path=str(staged)).forecast(MARKET, np.array([200]), 0).levels)
    error = MARKET.returns[200:240, :, None] - quantiles
    assert losses.eager == pytest.approx(np.maximum(levels * error, (levels - 1.0) * error).mean())
    with pytest.raises(ConfigError, match="--calls 41"):
        ForecastBars("own", config, MARKET, Span(200, 240), hardware, 41)


def test_all_bars_of_the_span_are_forecast() -> None:
    forecaster = BlockBootstrapConfig(n_samples=8, lookback_bars=50)
    config = TrainConfig(data=SyntheticData(), module=HftrainingConfig(), forecaster=forecaster)
    eager = Compiler("off", "cpu")
    whole, parts = (
        ForecastBars("block_bootstrap", config, MARKET, Span(200, 240), Hardware("cpu", "32", 1, eager), calls)
        for calls in (1, 7)
    )
    assert (parts.window, parts.window.steps) == (whole.window, 40)
    one, seven = whole.play(eager), parts.play(eager)
    assert len(seven.seconds) == 7 and seven.series.shape == (40,)
    np.testing.assert_array_equal(seven.outputs["paths"], one.outputs["paths"])


def test_no_cache_of_a_module_answers_a_play() -> None:
    config = TrainConfig(data=SyntheticData(), module=PufferlibConfig())
    traded = load_traded(config.data, config.module.window_steps)
    hardware = Hardware("cpu", "32", 1, Compiler("default", "cpu"))
    played = TrainedModule("pufferlib", config, traded, traded.splits.validation, hardware, 3).config.module
    assert played == replace(config.module, cache_dir=None) != config.module


@pytest.mark.parametrize(
    ("subject", "change", "same"),
    [
        ("module", "seed=1", False),
        ("module", "protocol.start=2011-01-01", True),
        ("simulator", "module.sharpness=2", True),
        ("simulator", "costs=zero", False),
        ("forecaster", "costs=zero", True),
        ("forecaster", "forecaster.n_samples=7", False),
    ],
)
def test_settings_are_what_changes_the_numbers_of_a_subject(subject: str, change: str, same: bool) -> None:
    options = CheckOptions(subject)
    digests = []
    for more in ((), (change,)):
        arguments = [*TINY, "forecaster=block_bootstrap", *more]
        composed = compose_as_guest("train", arguments, partial(_composed, "simulator"))
        digests.append(settings_of(composed, load_traded(composed.config.data, 4), options))
    assert (digests[0] == digests[1]) is same


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--subject", "forecaster"), "forecaster must be chosen"),
        (("data=synthetik",), "synthetic"),
        (("module.updates=none",), "module.updates"),
        (("hardware.compile=off",), "nothing would be compiled"),
        (("resume=outputs/x",), "resume=outputs/x"),
        (("--subject", "network"), "--subject"),
        (("--rounds", "0"), "--rounds"),
        (("--record", "record.json"), "must be a .jsonl file"),
        (("costs.fee=3",), "costs.fee"),
    ],
)
def test_bad_arguments_end_in_one_message_and_write_nothing(
    shell: Shell, arguments: tuple[str, ...], said: str
) -> None:
    done = check(shell, *arguments)
    assert done.status == 2
    assert said in done.err and done.err.count("Error:") == 1
    assert not (shell.folder / RECORD).exists()


def test_too_few_calls_are_refused(shell: Shell) -> None:
    assert "--calls" in check(shell, calls="2").err
