"""Forecasts are kept under everything that they depend on, and a broken or full disk costs only time."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.forecast import cache as cache_module
from rlx.forecast.cache import Cache, default_cache, forecast_key
from rlx.forecast.chunks import forecasts
from rlx.forecast.forecaster import Forecast, make_forecaster
from rlx.forecast.oracle import OracleForecaster
from rlx.types import IntArray
from tests.forecast.markets import closes, daily

MARKET, BARS = daily(), np.array([300, 310])


class Counted:
    """A forecaster that counts its calls."""

    horizon_steps, last_seen = 1, None

    def __init__(self, name: str = "counted", **options: Any) -> None:
        self.name, self.options, self.calls = name, options, 0

    def identity(self) -> Mapping[str, Any]:
        return self.options

    def first_bar(self, market: Market) -> int:
        return 0

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        self.calls += 1
        paths = np.random.default_rng(seed).normal(0, 0.01, (len(bars), 4, market.n_assets, self.horizon_steps, 1))
        return Forecast.of_paths(paths, (0.1, 0.9))


def same(one: Forecast, other: Forecast) -> None:
    assert (one.levels, one.prices) == (other.levels, other.prices) and one.quantiles.dtype == other.quantiles.dtype
    np.testing.assert_array_equal(one.quantiles, other.quantiles)
    assert (one.paths is None) == (other.paths is None)
    if one.paths is not None and other.paths is not None:
        np.testing.assert_array_equal(one.paths, other.paths)


def test_the_same_forecast_is_read_with_equal_bits(tmp_path: Path) -> None:
    counted, cache = Counted(), Cache(tmp_path)
    first = cache.forecast(counted, MARKET, BARS, 0)
    same(first, cache.forecast(counted, MARKET, BARS, 0))
    same(first, Cache(tmp_path).forecast(Counted(), MARKET, BARS, 0))
    assert counted.calls == 1


@pytest.mark.parametrize("name", ["block_bootstrap", "noise", "filtered_bootstrap"])
def test_every_forecaster_of_ours_is_read_with_equal_bits(name: str, tmp_path: Path) -> None:
    forecaster = make_forecaster(name)
    first = Cache(tmp_path).forecast(forecaster, MARKET, BARS, 0)
    assert len(list(tmp_path.rglob("*.forecast"))) == 1
    same(first, Cache(tmp_path).forecast(forecaster, MARKET, BARS, 0))


def changed(field: str) -> Market:
    values = np.array(getattr(MARKET.panel, field))
    values[200] *= 1.001
    return Market(replace(MARKET.panel, **{field: values}))


def renamed() -> Market:
    return Market(replace(MARKET.panel, symbols=("X", *MARKET.symbols[1:])))


@pytest.mark.parametrize(
    "part",
    [
        lambda: (Counted(), MARKET, BARS, 1),
        lambda: (Counted(), MARKET, BARS[:1], 0),
        lambda: (Counted(), MARKET, BARS + 1, 0),
        lambda: (Counted("another"), MARKET, BARS, 0),
        lambda: (Counted(n_samples=9), MARKET, BARS, 0),
        lambda: (Counted(), closes(MARKET), BARS, 0),
        lambda: (Counted(), renamed(), BARS, 0),
        *(lambda field=field: (Counted(), changed(field), BARS, 0) for field in ("open", "high", "low", "close")),
    ],
)
def test_every_part_of_the_key_counts(part: Callable[[], tuple[Any, ...]]) -> None:
    assert forecast_key(*part()) != forecast_key(Counted(), MARKET, BARS, 0)


def test_horizon_libraries_format_and_code_count(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {forecast_key(Counted(), MARKET, BARS, 0)}
    longer = Counted()
    longer.horizon_steps = 2
    keys.add(forecast_key(longer, MARKET, BARS, 0))
    for name, value in (("library_versions", {"numpy": "0"}), ("code_digest", "other")):
        with monkeypatch.context() as patch:
            patch.setattr(cache_module, name, lambda value=value: value)
            keys.add(forecast_key(Counted(), MARKET, BARS, 0))
    monkeypatch.setattr(cache_module, "FORMAT_VERSION", cache_module.FORMAT_VERSION + 1)
    keys.add(forecast_key(Counted(), MARKET, BARS, 0))
    assert len(keys) == 5


def test_prices_after_the_last_bar_do_not_count() -> None:
    values = MARKET.panel.close.copy()
    values[311:] *= 2.0
    later = Market(replace(MARKET.panel, close=values))
    assert forecast_key(Counted(), later, BARS, 0) == forecast_key(Counted(), MARKET, BARS, 0)


def test_a_forecaster_that_knows_the_future_is_never_kept(tmp_path: Path) -> None:
    Cache(tmp_path).forecast(OracleForecaster(), MARKET, BARS, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: data[:40] + b"\xff" + data[41:], lambda _: b""]
)
def test_a_damaged_file_is_computed_again(
    damage: Callable[[bytes], bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counted, cache = Counted(), Cache(tmp_path)
    first = cache.forecast(counted, MARKET, BARS, 0)
    (path,) = tmp_path.rglob("*.forecast")
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        same(first, cache.forecast(counted, MARKET, BARS, 0))
    assert counted.calls == 2 and "damaged" in caplog.text
    same(first, cache.forecast(counted, MARKET, BARS, 0))
    assert counted.calls == 2


def test_a_full_disk_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    counted, cache = Counted(), Cache(tmp_path)
    with caplog.at_level(logging.WARNING):
        same(cache.forecast(counted, MARKET, BARS, 0), cache.forecast(counted, MARKET, BARS, 0))
    assert counted.calls == 2 and [record for record in caplog.text.splitlines() if "No space left" in record][1:] == []
    assert "No space left" in caplog.text and list(tmp_path.rglob("*.forecast")) == []


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    counted, cache = Counted(), Cache(tmp_path / "file")
    with caplog.at_level(logging.WARNING):
        cache.forecast(counted, MARKET, BARS, 0)
    assert counted.calls == 1 and "forecasts cannot be kept there" in caplog.text


class Slow(Counted):
    """Waits inside its first call."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.released = threading.Event(), threading.Event()

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        self.inside.set()
        self.released.wait(30)
        return super().forecast(market, bars, seed)


class Moving(Counted):
    """Changes what it is during its first call, as one that leaves a GPU without memory."""

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        self.options["device"] = "cpu"
        return super().forecast(market, bars, seed)


def test_what_was_computed_elsewhere_is_not_kept_for_here(tmp_path: Path) -> None:
    cache, moving = Cache(tmp_path), Moving(device="cuda")
    cache.forecast(moving, MARKET, BARS, 0)
    assert list(tmp_path.rglob("*.forecast")) == []
    cache.forecast(moving, MARKET, BARS, 0)
    cache.forecast(Counted(device="cpu"), MARKET, BARS, 0)
    assert len(list(tmp_path.rglob("*.forecast"))) == 1


def test_two_writers_compute_once(tmp_path: Path) -> None:
    slow = Slow()
    both = [threading.Thread(target=Cache(tmp_path).forecast, args=(slow, MARKET, BARS, 0)) for _ in range(2)]
    both[0].start()
    assert slow.inside.wait(30)
    both[1].start()
    both[1].join(0.2)  # it waits for the first
    slow.released.set()
    for writer in both:
        writer.join(30)
    assert slow.calls == 1


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert default_cache() is None  # conftest.py switches it off
    monkeypatch.setenv("RLX_CACHE", str(tmp_path / "mine"))
    assert default_cache() == Cache(tmp_path / "mine")
    monkeypatch.delenv("RLX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == Cache(tmp_path / "rlx" / "forecasts")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_cache() == Cache(tmp_path / "home" / ".cache" / "rlx" / "forecasts")


def test_forecasts_of_many_bars_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RLX_CACHE", str(tmp_path))
    counted = Counted()
    made = [list(forecasts(counted, MARKET, BARS, 0, cached=cached)) for cached in (True, True, False)]
    assert counted.calls == 4  # two parts, computed once with the cache and once without
    same(made[0][1][1], made[1][1][1])
