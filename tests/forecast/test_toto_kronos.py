"""Toto and Kronos by local packages with the interfaces of the real ones; docs/forecast_check.md names those tried."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rlx.compilation import Compiler
from rlx.errors import CheckpointError, ConfigError, DataError
from rlx.forecast.cache import forecast_key
from rlx.forecast.forecaster import make_forecaster
from rlx.forecast.kronos import KronosForecaster
from rlx.forecast.kronos_bars import _parts, _with_next
from rlx.forecast.placed import PlacedForecaster
from rlx.forecast.toto import TotoForecaster
from rlx.testing import check_forecaster
from tests.forecast.markets import closes, daily

HERE = Path(__file__).parent
CODE = str(HERE / "kronos_checkout")
MARKET = daily(2, 120)


@pytest.fixture
def toto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.syspath_prepend(str(HERE / "toto_package"))
    monkeypatch.delitem(sys.modules, "toto2", raising=False)
    torch.manual_seed(0)
    (tmp_path / "config.json").write_text(json.dumps({"patch_size": 8}))
    save_file(torch.nn.Linear(8, 9).state_dict(prefix="head."), tmp_path / "model.safetensors")
    return str(tmp_path)


def test_toto_passes_the_check(toto: str) -> None:
    check_forecaster(make_forecaster("toto", path=toto, context_bars=32), MARKET)


def reports_no_compilation(made: PlacedForecaster) -> None:
    before = forecast_key(made, MARKET, np.array([80]), 0)
    made.place("cpu", "32", compiler := Compiler("default", "cpu"))
    settings = made.settings()
    assert (settings["compile_asked"], settings["compile_used"]) == ("default", "off")
    assert "does not call the forward pass" in settings["compile_fallback"] and compiler.used == "default"
    assert forecast_key(made, MARKET, np.array([80]), 0) == before


def test_compilation_is_not_reported_where_it_has_no_effect(toto: str, kronos: dict[str, str]) -> None:
    reports_no_compilation(TotoForecaster(path=toto, context_bars=32))
    reports_no_compilation(KronosForecaster(**options(kronos)))


def test_toto_needs_whole_patches(toto: str) -> None:
    with pytest.raises(ConfigError, match="context_bars=30: this model needs a multiple of 8, such as 24"):
        make_forecaster("toto", path=toto, context_bars=30)


def test_a_damaged_toto_is_one_clear_error(toto: str) -> None:
    (Path(toto) / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="forecaster=toto cannot use it"):
        make_forecaster("toto", path=toto, context_bars=32)


@pytest.fixture(scope="module")
def kronos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    from rlx.forecast.kronos import _library

    library, folders = _library(CODE), {}
    torch.manual_seed(0)
    for key, kind in (("path", library.Kronos), ("tokenizer", library.KronosTokenizer)):
        folder = tmp_path_factory.mktemp(key)
        kind().save_pretrained(folder)
        folders[key] = str(folder)
    return folders


def options(kronos: dict[str, str], **more: object) -> dict[str, object]:
    return {**kronos, "code": CODE, "context_bars": 32, "n_samples": 5, "batch": 100, **more}


def test_kronos_passes_the_check(kronos: dict[str, str]) -> None:
    check_forecaster(make_forecaster("kronos", **options(kronos, horizon_steps=2)), MARKET)


def test_kronos_keeps_its_samples_instead_of_their_mean(kronos: dict[str, str]) -> None:
    one, other = (make_forecaster("kronos", **options(kronos, batch=batch)) for batch in (100, 3))
    paths = one.forecast(MARKET, np.array([80, 100]), 0).paths
    assert paths is not None and paths.shape == (2, 5, 2, 1, 3)
    assert len(np.unique(paths[0, :, 0, 0, 0])) > 1, "a mean would be one number"
    np.testing.assert_allclose(paths, other.forecast(MARKET, np.array([80, 100]), 0).paths, rtol=1e-6)


def test_another_checkout_makes_other_forecasts(kronos: dict[str, str], tmp_path: Path) -> None:
    own = Path(shutil.copytree(CODE, tmp_path / "checkout"))

    def key() -> str:
        made = make_forecaster("kronos", **options(kronos, code=str(own)))
        return forecast_key(made, MARKET, np.array([80]), 0)  # type: ignore[arg-type]

    before = key()
    with (own / "model" / "kronos.py").open("a") as file:
        file.write("\n# edited\n")
    assert key() != before


def test_the_checkout_leaves_no_module_called_model() -> None:
    from rlx.forecast.kronos import _library

    before = sys.path[:]
    assert _library(CODE).Kronos.__name__ == "Kronos"
    assert "model" not in sys.modules and sys.path == before
    with pytest.raises(ConfigError, match=r"no checkout of Kronos, it has no model/__init__\.py"):
        _library(str(HERE))


def test_kronos_needs_whole_bars_and_its_tokenizer(kronos: dict[str, str]) -> None:
    with pytest.raises(DataError, match=r"needs whole bars; .* has no open"):
        make_forecaster("kronos", **options(kronos)).first_bar(closes(MARKET))
    with pytest.raises(ConfigError, match=r"forecaster\.tokenizer: must be given"):
        make_forecaster("kronos", path=kronos["path"], code=CODE)


def test_the_dates_of_the_next_bars_are_expected_ones() -> None:
    friday = np.array(["2024-02-28", "2024-02-29", "2024-03-01"], dtype="datetime64[ns]")
    assert [str(day)[:10] for day in _with_next(friday, 2, "equity")[-2:]] == ["2024-03-04", "2024-03-05"]
    assert [str(day)[:10] for day in _with_next(friday, 2, "crypto")[-2:]] == ["2024-03-02", "2024-03-03"]
    stamp = np.array(["2024-02-29T14:35"], dtype="datetime64[ns]")
    assert _parts(stamp).tolist() == [[35.0, 14.0, 3.0, 29.0, 2.0]], "a Thursday"
