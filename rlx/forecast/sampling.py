"""Draw from a large model in batches that fit into memory: smaller batches first, fewer samples only if allowed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from rlx.errors import ConfigError, HardwareError, is_out_of_memory
from rlx.fields import Batch, Samples
from rlx.types import BoolArray, FloatArray, IntArray

CPU = "cpu"
log = logging.getLogger(__name__)


@dataclass
class SamplingConfig:
    """How many paths of each series are drawn, and at most ``batch`` paths of any series in one call of the model.

    Without ``allow_fewer_samples`` a model draws ``n_samples`` or fails. With it, a symbol for which memory does not
    suffice gets half as many, repeatedly, but never fewer than ``min_samples``.
    """

    n_samples: Samples = 256
    batch: Batch = 64
    allow_fewer_samples: bool = False
    min_samples: Samples = 32

    def check_samples(self) -> None:
        """Raise ConfigError if a number of samples may only fall to a larger one."""
        if self.allow_fewer_samples and self.min_samples > self.n_samples:
            raise ConfigError(
                f"forecaster.min_samples={self.min_samples}: must be at most forecaster.n_samples={self.n_samples}."
            )


@dataclass(frozen=True)
class Units:
    """N independent pieces of work: sample ``sample`` (N,) of row ``row`` (N,) of symbol ``symbol`` (N,)."""

    symbol: IntArray
    row: IntArray
    sample: IntArray

    def __len__(self) -> int:
        return len(self.symbol)

    def at(self, chosen: slice | BoolArray) -> Units:
        """Return some of the units."""
        return Units(self.symbol[chosen], self.row[chosen], self.sample[chosen])


class Model(Protocol):
    """A model on a device, whose result for a unit depends on no other unit of the call."""

    def draw(self, units: Units) -> FloatArray:
        """Return the result (N, ...) of each unit."""

    def move(self, device: str) -> None:
        """Move the model to a device and free the memory of the other."""


@dataclass
class Used:
    """The settings in use, next to those ``asked`` for; ``fewer_samples`` has the symbols that got fewer."""

    asked: SamplingConfig
    device_asked: str
    batch: int
    device: str
    out_of_memory: int = 0
    fewer_samples: dict[str, int] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Return them for a document."""
        return asdict(self)


class Sampler:
    """Draws from a model; after it has run out of memory, in smaller batches, then on the CPU.

    The batch and the device remain as they are for later calls, since neither changes what is drawn on one class of
    device; a smaller number of samples never does. ``name`` is that of the model in messages.
    """

    def __init__(self, name: str, config: SamplingConfig, device: str = CPU) -> None:
        config.check_samples()
        self.name, self.config = name, config
        self.used = Used(config, device, config.batch, device)
        self._warned: set[str] = set()

    def draw(self, model: Model, symbols: Sequence[str], n_rows: int) -> tuple[FloatArray, IntArray]:
        """Return the samples (A, S, R, ...) of R rows of each symbol, and the number drawn for each symbol (A,).

        A symbol's samples from its number on are NaN. HardwareError names the settings when memory does not suffice.
        """
        n_samples = self.config.n_samples
        units = _all_units(len(symbols), n_samples, n_rows)
        counts = np.full(len(symbols), n_samples)
        found: list[FloatArray] = []
        kept: list[Units] = []
        while len(units):
            part = units.at(slice(self.used.batch))
            drawn, error = self._attempt(model, part)
            if drawn is None:
                units = self._relieved(model, units, part, symbols, counts, error)
                continue
            found.append(drawn)
            kept.append(part)
            units = units.at(slice(len(part), None))
        return _arranged(found, kept, (len(symbols), n_samples, n_rows), counts), counts

    def _attempt(self, model: Model, part: Units) -> tuple[FloatArray | None, Exception | None]:
        """Return the results, or the error if memory ran out; what the failed call held is free when this returns."""
        try:
            return model.draw(part), None
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self.used.out_of_memory += 1
            return None, error.with_traceback(None)

    def _relieved(
        self,
        model: Model,
        units: Units,
        part: Units,
        symbols: Sequence[str],
        counts: IntArray,
        error: Exception | None,
    ) -> Units:
        """Change one setting after an error, and return the units that are still to be drawn."""
        if len(part) > 1:
            self.used.batch = len(part) // 2
            self._warn("batch", "smaller batches are used, which changes no sample")
            return units
        if self.used.device != CPU:
            model.move(CPU)
            self.used.device, self.used.batch = CPU, self.config.batch
            self._warn("device", f"one path does not fit on {self.used.device_asked}; the CPU is used from now on")
            return units
        first = int(part.symbol[0])
        if self.config.allow_fewer_samples and counts[first] > self.config.min_samples:
            return self._with_fewer(units, first, symbols[first], counts)
        raise HardwareError(self._final(symbols[first], int(counts[first]))) from error

    def _with_fewer(self, units: Units, symbol: int, name: str, counts: IntArray) -> Units:
        counts[symbol] = max(self.config.min_samples, counts[symbol] // 2)
        self.used.fewer_samples[name] = min(int(counts[symbol]), self.used.fewer_samples.get(name, int(counts[symbol])))
        self._warn("samples", f"{name} gets fewer samples, and possibly others; the result lists them as degraded")
        return units.at((units.symbol != symbol) | (units.sample < counts[symbol]))

    def _warn(self, kind: str, what: str) -> None:
        """Log one warning of each kind."""
        if kind not in self._warned:
            self._warned.add(kind)
            log.warning("forecaster=%s: out of memory; %s.", self.name, what)

    def _final(self, symbol: str, n_samples: int) -> str:
        fewer = "" if self.config.allow_fewer_samples else ", or allow fewer (forecaster.allow_fewer_samples=true)"
        return (
            f"forecaster={self.name}: out of memory on the CPU for {symbol}, with n_samples={n_samples} and batch="
            f"{self.used.batch} (asked: n_samples={self.config.n_samples}, batch={self.config.batch}, device="
            f"{self.used.device_asked}). Use a smaller model, a shorter forecaster.context_bars{fewer}."
        )


def _all_units(n_symbols: int, n_samples: int, n_rows: int) -> Units:
    """Return all units, one symbol after the other, within it the rows, and all samples of a row together."""
    symbol, row, sample = np.meshgrid(np.arange(n_symbols), np.arange(n_rows), np.arange(n_samples), indexing="ij")
    return Units(symbol.ravel(), row.ravel(), sample.ravel())


def _arranged(found: list[FloatArray], kept: list[Units], shape: tuple[int, int, int], counts: IntArray) -> FloatArray:
    result = np.full((*shape, *found[0].shape[1:]), np.nan)
    for values, units in zip(found, kept, strict=True):
        result[units.symbol, units.sample, units.row] = values
    result[np.arange(shape[1]) >= counts[:, None]] = np.nan  # drawn before memory ran out
    return result
