"""How long forecasts take: warm calls of a live forecast, one bar at a time, without any cache."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.errors import DataError
from rlx.forecast.forecaster import Forecaster
from rlx.forecast.pretrained import OnHardware

QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


def latency(make: Callable[[], Forecaster], market: Market, calls: int, seed: int = 0) -> dict[str, Any]:
    """Return the times of a forecaster that ``make`` builds: loading, the first call, and ``calls`` warm ones.

    Each call forecasts all symbols at one bar that has not been forecast before, the last ones of the market, so that
    nothing can be remembered. ``compile_s`` is the first call less the warm median. Memory is the peak of the process,
    or of the GPU. Raises what ``timed_bars`` does.
    """
    began = time.perf_counter()
    forecaster = make()
    load_s = time.perf_counter() - began
    _reset_gpu_peak()
    first, *warm = [_seconds(forecaster, market, bar, seed) for bar in timed_bars(forecaster, market, calls)]
    times = np.array(warm)
    settings = forecaster.settings() if isinstance(forecaster, OnHardware) else {}
    return {
        "backend": forecaster.name,
        "device": settings.get("device", "cpu"),
        "dtype": settings.get("precision", "float64"),
        "compile": settings.get("compile_used", "off"),
        "context_bars": _option(forecaster, "context_bars", "lookback_bars"),
        "n_samples": _option(forecaster, "n_samples"),
        "batch": settings.get("batch"),
        "symbols": market.n_assets,
        "horizon_steps": forecaster.horizon_steps,
        "load_s": load_s,
        "compile_s": max(0.0, first - float(np.median(times))),
        "warm_calls": len(warm),
        **{name: 1000.0 * float(np.quantile(times, level)) for name, level in QUANTILES.items()},
        "forecasts_per_second": market.n_assets * len(warm) / float(times.sum()),
        "peak_memory_mb": _peak_mb(settings.get("device", "cpu")),
    }


def timed_bars(forecaster: Forecaster, market: Market, calls: int) -> list[int]:
    """Return the bars of the first call and of ``calls`` warm ones; DataError if fewer can be forecast."""
    known = market.n_bars - forecaster.first_bar(market)
    if known <= calls:
        raise DataError(
            f"latency_calls={calls}: needs {calls + 1} bars with enough history for forecaster={forecaster.name}, and "
            f"{market.panel.source or 'the panel'} has {known}. Use a longer history, fewer calls, or null for none."
        )
    return [market.n_bars - 1 - number for number in range(calls + 1)]


def _seconds(forecaster: Forecaster, market: Market, bar: int, seed: int) -> float:
    began = time.perf_counter()
    forecaster.forecast(market, np.array([bar]), seed)
    return time.perf_counter() - began


def _option(forecaster: Forecaster, *names: str) -> int | None:
    config = getattr(forecaster, "config", None)
    return next((getattr(config, name) for name in names if hasattr(config, name)), None)


def _reset_gpu_peak() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak_mb(device: str) -> float:
    """Return the peak memory in MB: what torch held on a GPU, or the largest size of this process so far."""
    if device != "cpu":
        return float(sys.modules["torch"].cuda.max_memory_allocated()) / 2**20
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (2**20 if sys.platform == "darwin" else 2**10)
