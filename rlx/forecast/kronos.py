"""Kronos, a pretrained model of whole bars (a checkout of its code, or the package ``kronos-finance``)."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlx.data.market import Market
from rlx.errors import ConfigError, DataError, is_out_of_memory
from rlx.forecast.cache import digest_of_code
from rlx.forecast.forecaster import PRICES, Forecast
from rlx.forecast.kronos_bars import FIELDS, KronosBars
from rlx.forecast.paths import require_history
from rlx.forecast.placed import PlacedForecaster
from rlx.forecast.pretrained import described, find_model, require_package, unusable
from rlx.forecast.pretrained_config import KronosConfig
from rlx.forecast.sampling import SamplingConfig, Units
from rlx.forecast.tokens import drawn_tokens
from rlx.types import FloatArray, IntArray
from rlx.untrusted.paths import expanded

PACKAGED = "kronos_finance._vendor.kronos_model"
REMEDY = (
    "Give forecaster.code=FOLDER, a checkout of github.com/shiyu-coder/Kronos, or install kronos-finance; the PyPI "
    "package kronos is an unrelated scheduler."
)
log = logging.getLogger(__name__)


class KronosForecaster(PlacedForecaster):
    """Sample paths of whole bars by a pretrained Kronos model (Shi et al. 2025, arXiv:2508.02739).

    Its own predictor averages its samples into one path; here each sample stays a path. Symbols are independent.
    ConfigError without its code, CheckpointError for a folder that is not such a model.
    """

    calls_forward = False
    libraries = ("kronos-finance",)

    def __init__(self, **options: Any) -> None:
        self.config = KronosConfig(**options)
        library, code = _library(self.config.code), self.config.code
        self._code = None if code is None else digest_of_code(expanded(code) / "model")
        folder = find_model("kronos", self.config.path, download=self.config.download)
        tokens = find_model("kronos", self.config.tokenizer, download=self.config.download, key="tokenizer")
        self._model = _loaded(library.Kronos, folder, self.config.path)
        self._tokenizer = _loaded(library.KronosTokenizer, tokens, self.config.tokenizer)
        self.weights = {**described(folder), "tokenizer": described(tokens)}
        names = ("n_samples", "batch", "allow_fewer_samples", "min_samples")
        sampling = SamplingConfig(**{name: getattr(self.config, name) for name in names})
        super().__init__("kronos", self.config, sampling, [self._model, self._tokenizer])
        log.info("forecaster.path=%s: licence %s.", self.config.path, self.weights["licence"] or "not stated")

    def identity(self) -> dict[str, Any]:
        """Return what decides the forecasts, a digest of the checkout's code included."""
        return {**super().identity(), "code": self._code}

    def first_bar(self, market: Market) -> int:
        """Return the first bar with ``context_bars`` bars; DataError for a market without opens, highs and lows."""
        if missing := [name for name in FIELDS[:4] if getattr(market.panel, name) is None]:
            raise DataError(
                f"forecaster=kronos: needs whole bars; {market.panel.source or 'the panel'} has no {missing[0]}."
            )
        remedy = "Lower forecaster.context_bars, or use a longer history."
        return require_history(self.name, market, self.config.context_bars - 1, remedy)

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return sample paths (B, S, A, H, P), the order of whose prices nothing guarantees."""
        task = _Task(self, KronosBars(market.panel, np.asarray(bars), self.config, self.horizon_steps), market, seed)
        drawn, counts = self.sampler.draw(task, market.symbols, len(bars))  # (A, S, B, H, P)
        return self.of_paths(drawn.transpose(2, 1, 0, 3, 4), counts, PRICES)

    def continued(self, past: FloatArray, stamps: FloatArray, uniform: FloatArray) -> FloatArray:
        """Return the next bars (N, H, 6) of normalised past bars (N, L, 6), in their own units.

        ``stamps`` (N, L + H, 5) are the parts of the dates. Each row has two random numbers a step, ``uniform``
        (N, 2 H): a bar is a coarse token and a fine one.
        """
        device, config = next(self._model.parameters()).device, self.config
        dates = torch.as_tensor(stamps, dtype=torch.float32, device=device)
        numbers = torch.as_tensor(uniform, device=device)
        coarse, fine = self._tokenizer.encode(torch.as_tensor(past, dtype=torch.float32, device=device), half=True)
        length, seen = past.shape[1], config.context_bars
        for step in range(self.horizon_steps):
            window = slice(max(0, length + step - seen), length + step)
            now = coarse[:, window], fine[:, window], dates[:, window]
            logits, hidden = self._model.decode_s1(*now)[:2]
            first = self._drawn(logits, numbers[:, 2 * step])
            second = self._drawn(self._model.decode_s2(hidden, first), numbers[:, 2 * step + 1])
            coarse, fine = torch.cat([coarse, first], dim=1), torch.cat([fine, second], dim=1)
        decoded: Tensor = self._tokenizer.decode([coarse[:, -seen:], fine[:, -seen:]], half=True)
        return np.asarray(decoded[:, -self.horizon_steps :].double().cpu().numpy())

    def _drawn(self, logits: Tensor, uniform: Tensor) -> Tensor:
        """Return one token (N, 1) from the last of logits (N, T, V)."""
        config = self.config
        return drawn_tokens(logits[:, -1], uniform, config.temperature, config.top_k, config.top_p)[:, None]


class _Task:
    """The bars of one call for the sampler: a row is a bar."""

    def __init__(self, forecaster: KronosForecaster, bars: KronosBars, market: Market, seed: int) -> None:
        self.forecaster, self.bars, self.market, self.seed = forecaster, bars, market, seed

    def draw(self, units: Units) -> FloatArray:
        """Return moves (N, H, P) against the last close."""
        past, stamps = self.bars.past[units.symbol, units.row], self.bars.stamps[units.row]
        uniform = self.forecaster.random_rows(self.seed, units, self._named, 2 * self.forecaster.horizon_steps)
        with self.forecaster.inference():
            made = self.forecaster.continued(past, stamps, uniform)
        return self.bars.as_moves(made, units.symbol, units.row)

    def move(self, device: str) -> None:
        """Move the model."""
        self.forecaster.move(device)

    def _named(self, symbol: int, row: int) -> tuple[np.datetime64, str]:
        return self.market.timestamps[self.bars.bars[row]], self.market.symbols[symbol]


def _library(code: str | None) -> ModuleType:
    """Return the module with Kronos' classes: that of a checkout, or of the package."""
    if code is None:
        return require_package(PACKAGED, "kronos", REMEDY)
    folder = expanded(code)
    if not (folder / "model" / "__init__.py").is_file():
        raise ConfigError(f"forecaster.code={code}: no checkout of Kronos, it has no model/__init__.py.")
    return _from_checkout(folder)


def _from_checkout(folder: Path) -> ModuleType:
    """Import the checkout's package, which calls itself ``model``, without leaving that name in the program."""
    import sys

    def ours(name: str) -> bool:
        return name == "model" or name.startswith("model.")

    path, before = sys.path[:], {name: module for name, module in sys.modules.items() if ours(name)}
    for name in before:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    try:
        return import_module("model")
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        raise ConfigError(f"forecaster.code={folder}: its package model cannot be imported ({reason}).") from error
    finally:
        for name in [name for name in sys.modules if ours(name)]:
            del sys.modules[name]
        sys.modules.update(before)
        sys.path[:] = path


def _loaded(kind: Any, folder: Path, path: str) -> Any:
    try:
        return kind.from_pretrained(str(folder)).eval()
    except Exception as error:  # whatever a damaged folder leads its library to
        if is_out_of_memory(error):
            raise
        raise unusable("kronos", path, error) from error
