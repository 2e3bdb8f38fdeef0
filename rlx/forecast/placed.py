"""What forecasters with a large model share: its device, its sampler, and the counting of impossible forecasts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from rlx.compilation import Compiler
from rlx.forecast.cache import installed_version
from rlx.forecast.forecaster import Forecast, Place
from rlx.forecast.paths import LEVELS, random_at
from rlx.forecast.pretrained_config import PretrainedConfig
from rlx.forecast.sampling import CPU, Sampler, SamplingConfig, Units
from rlx.types import FloatArray, IntArray

PLACES = ("path", "download", "tokenizer", "code", "batch", "last_seen", "_target_")
"""Options that change no forecast: the weights are known by their digest."""
Named = Callable[[int, int], tuple[np.datetime64, str]]
log = logging.getLogger(__name__)


class PlacedForecaster:
    """A forecaster with torch ``modules``, whose series are forecast one by one.

    It counts ``impossible`` series, with a price of 0 or below or without a number, which become NaN. ``libraries`` are
    the distributions that its model comes from, and ``weights`` the facts about those. A model is compiled only if its
    library ``calls_forward``.
    """

    calls_forward = True
    libraries: tuple[str, ...] = ()
    weights: dict[str, Any]

    def __init__(
        self, name: str, config: PretrainedConfig, sampling: SamplingConfig, modules: Sequence[torch.nn.Module]
    ) -> None:
        self.name, self.horizon_steps, self.last_seen = name, config.horizon_steps, config.last_seen_date()
        self.sampling, self._config, self._modules = sampling, config, modules
        self.counted: Counter[str] = Counter(impossible=0)
        self.place(CPU, "32", Compiler("off", CPU))

    def place(self, device: str, precision: str, compiler: Compiler) -> None:
        """Run on ``cpu`` or ``cuda``, with ``32`` or ``bf16-mixed`` numbers, and compiled if ``compiler`` compiles."""
        self.move(device)
        compiler = compiler if self.calls_forward else _without_effect(compiler, device)
        self._place = Place(device, precision, compiler)
        if compiler.used != "off":
            for module in self._modules:
                compiler.compile_module(module)
        self.sampler = Sampler(self.name, self.sampling, device)

    def move(self, device: str) -> None:
        """Move the model to a device, and give the memory that it leaves back to the system."""
        for module in self._modules:
            module.to(device)
        if device == CPU and torch.cuda.is_available():
            torch.cuda.empty_cache()

    def settings(self) -> dict[str, Any]:
        """Return the settings asked for and those in use, and what was counted."""
        return {
            **self._place.facts(),
            **self.sampler.used.facts(),
            "counted": dict(self.counted),
        }

    def identity(self) -> dict[str, Any]:
        """Return the options that decide the forecasts, a digest of the weights, the device class and the libraries."""
        options = {name: value for name, value in asdict(self._config).items() if name not in PLACES}
        found = {name: installed_version(name) for name in self.libraries}
        used = (self.sampler.used.device, *self._place.used())
        return {"options": options, "weights": _digests(self.weights), "used": used, "libraries": found}

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Run the model without gradients, in the numbers chosen."""
        device = self.sampler.used.device
        half = torch.autocast(device, torch.bfloat16) if self._place.half else nullcontext()
        with torch.inference_mode(), half:
            yield

    def random_rows(self, seed: int, units: Units, named: Named, numbers: int) -> FloatArray:
        """Return random numbers of each unit (N, ``numbers``), which depend on seed, bar, series and sample only.

        ``named`` returns the stamp and the series' name of a symbol and row.
        """
        rows = zip(units.symbol.tolist(), units.row.tolist(), units.sample, strict=True)
        size = (self.sampling.n_samples, numbers)
        return np.stack([_random(seed, *named(symbol, row), size)[sample] for symbol, row, sample in rows])

    def of_paths(self, paths: FloatArray, counts: IntArray, prices: tuple[str, ...]) -> Forecast:
        """Return the forecast of separate paths (B, S, A, H, P), of which each symbol has its number in ``counts``."""
        given = np.arange(paths.shape[1])[:, None] < counts  # (S, A)
        paths = self.without_impossible(np.where(given[:, :, None, None], paths, 0.0), (1, 3))
        each = [np.quantile(paths[:, : counts[a], a], LEVELS, axis=1) for a in range(len(counts))]  # (K, B, H, P)
        quantiles = np.stack([np.moveaxis(one, 0, -1) for one in each], axis=1)
        used = np.broadcast_to(counts, paths.shape[:3:2])
        kept = paths if given.all() else None  # a rectangle of paths would cut all symbols to the fewest
        return Forecast(LEVELS, quantiles, kept, prices, False, self.sampling.n_samples, used)

    def without_impossible(self, moves: FloatArray, axes: tuple[int, int]) -> FloatArray:
        """Return moves with NaN throughout the series that contain a price of 0 or below, or no number."""
        bad = ~((moves > -1.0) & np.isfinite(moves)).all(axis=axes, keepdims=True)
        self.count("impossible", bad)
        return np.where(bad, np.nan, moves)

    def count(self, what: str, found: Any) -> None:
        """Count what is wrong with a forecast, and warn the first time."""
        number = int(np.count_nonzero(found))
        if number and not self.counted[what]:
            log.warning("forecaster=%s: %d series have %s forecasts; they are counted.", self.name, number, what)
        self.counted[what] += number


def _without_effect(compiler: Compiler, device: str) -> Compiler:
    """Return a compiler that was asked for the same and compiles nothing; the other one may still be used elsewhere."""
    eager = Compiler(compiler.asked, device)
    if eager.used != "off":
        eager.fallback = "Its library does not call the forward pass, the part that would be compiled."
    return eager


@lru_cache(maxsize=1)  # units come row by row
def _random(seed: int, stamp: np.datetime64, series: str, size: tuple[int, int]) -> FloatArray:
    return random_at(seed, stamp, series).random(size)


def _digests(weights: dict[str, Any]) -> list[str]:
    """Return the digests of all models, wherever they are."""
    return [weights["digest"], *(inner["digest"] for inner in weights.values() if isinstance(inner, dict))]
