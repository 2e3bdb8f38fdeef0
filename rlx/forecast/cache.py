"""Forecasts kept on disk, each under a key of everything that it depends on."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from rlx import data
from rlx.data.market import Market
from rlx.data.panel import BAR_FIELDS, MarketPanel
from rlx.errors import RlxError
from rlx.files import atomic_path, to_json
from rlx.forecast.forecaster import PRICES, Forecast, Forecaster
from rlx.types import IntArray
from rlx.untrusted.paths import expanded
from rlx.untrusted.text import read_bytes

FORMAT_VERSION = 2
VARIABLE = "RLX_CACHE"
OFF = "off"
LIBRARIES = ("rlx", "numpy", "scipy", "arch", "torch")
CODE = (Path(__file__).parent, Path(data.__file__).parent)
MAX_BYTES = 2**31
DIGEST_BYTES = 32  # of the SHA-256 at the beginning of a file
log = logging.getLogger(__name__)


@runtime_checkable
class Identified(Forecaster, Protocol):
    """A forecaster whose forecasts may be kept, because it names everything that decides them."""

    def identity(self) -> Mapping[str, Any]:
        """Return plain values: its options, a digest of its weights, versions of the libraries that it alone uses.

        Market, bars, seed and the libraries of rlx are known already.
        """


@dataclass(frozen=True)
class Cache:
    """A folder of forecasts; several processes may use it at once."""

    folder: Path

    def forecast(self, forecaster: Forecaster, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return the forecaster's forecast, from a file where there is one.

        A damaged file is replaced with a warning. Without a writable folder or space on the disk, one warning says so,
        and forecasts are computed every time.
        """
        if not isinstance(forecaster, Identified):
            return forecaster.forecast(market, bars, seed)
        before = to_json(forecaster.identity())
        key = forecast_key(forecaster, market, bars, seed)
        path = self.folder / key[:2] / f"{key}.forecast"
        shape = (len(bars), market.n_assets, forecaster.horizon_steps)
        with self._locked(key):
            found = _read(path, shape) if path.exists() else None
            if found is None:
                found = forecaster.forecast(market, bars, seed)
                lasting = not found.degraded.any()  # memory may suffice another time, also on the device of the key
                if lasting and to_json(forecaster.identity()) == before:
                    self._write(path, found)
        return found

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """Let one process at a time compute the forecast of a key; the others then read it."""
        from filelock import FileLock

        lock = FileLock(self.folder / "locks" / key[:2])
        try:
            (self.folder / "locks").mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except (OSError, NotImplementedError) as error:  # the latter on file systems without locks
            _warn_once(str(self.folder), str(getattr(error, "strerror", None) or error))
        try:
            yield
        finally:
            lock.release()

    def _write(self, path: Path, forecast: Forecast) -> None:
        try:
            content = _packed(forecast)
            with atomic_path(path) as temporary:
                temporary.write_bytes(hashlib.sha256(content).digest() + content)
        except OSError as error:
            _warn_once(str(self.folder), str(error.strerror or error))


def default_cache() -> Cache | None:
    """Return the user's cache: the folder ``RLX_CACHE``, by default in the usual place; None for ``RLX_CACHE=off``."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen.lower() == OFF:
        return None
    if chosen:
        return Cache(expanded(chosen))
    usual = os.environ.get("XDG_CACHE_HOME", "")
    caches = Path(usual) if os.path.isabs(usual) else expanded("~/.cache")
    return Cache(caches / "rlx" / "forecasts")


def forecast_key(forecaster: Identified, market: Market, bars: IntArray, seed: int) -> str:
    """Return the SHA-256 of everything that a forecast of ``bars`` depends on, prices up to the last bar included."""
    facts = {
        "format": FORMAT_VERSION,
        "name": forecaster.name,
        "horizon_steps": forecaster.horizon_steps,
        "identity": to_json(forecaster.identity()),
        "bars": np.asarray(bars).tolist(),
        "seed": seed,
        "libraries": library_versions(),
        "code": code_digest(),
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    _add_bars(digest, market.panel, int(np.max(bars)) + 1)
    return digest.hexdigest()


def _add_bars(digest: Any, panel: MarketPanel, n_bars: int) -> None:
    labels = [list(panel.symbols), [str(name) for name in panel.asset_classes], panel.frequency, panel.calendar]
    digest.update(json.dumps(labels).encode())
    digest.update(panel.timestamps[:n_bars].astype("<i8").tobytes())
    for name in BAR_FIELDS:
        values = getattr(panel, name)
        digest.update(name.encode() + (b"-" if values is None else b"+"))
        if values is not None:
            digest.update(values[:n_bars].astype("<f8").tobytes())


@cache
def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that compute forecasts; '' for those that are not installed."""
    return {name: installed_version(name) for name in LIBRARIES}


@cache
def code_digest() -> str:
    """Return a digest of the code that computes forecasts and features: its version number may be older than it."""
    return digest_of_code(*CODE)


def digest_of_code(*folders: Path) -> str:
    """Return the SHA-256 of all Python files in folders, in hex."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def installed_version(name: str) -> str:
    """Return the version of a distribution, '' for one that is not installed, such as a checkout."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _packed(forecast: Forecast) -> bytes:
    arrays = {
        "levels": np.array(forecast.levels, dtype=np.float64),
        "prices": np.array([PRICES.index(name) for name in forecast.prices], dtype=np.int64),
        "quantiles": np.ascontiguousarray(forecast.quantiles),
        "joint": np.array(int(forecast.joint)),
    }
    if forecast.samples_asked is not None:
        arrays["samples"] = np.array(forecast.samples_asked)
    if forecast.paths is not None:
        arrays["paths"] = np.ascontiguousarray(forecast.paths)
    return safetensors.numpy.save(arrays)


def _read(path: Path, shape: tuple[int, ...]) -> Forecast | None:
    """Return the forecast in a file, None if that is damaged, which is logged."""
    try:
        digest, content = (whole := read_bytes(path, MAX_BYTES, unpack=False))[:DIGEST_BYTES], whole[DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            raise ValueError("not the content that was written")
        return _unpacked(content, shape)
    except (OSError, RlxError, SafetensorError, KeyError, ValueError, TypeError, IndexError) as error:
        log.warning("%s: damaged (%s). The forecasts are computed again.", path, error)
        return None


def _unpacked(content: bytes, shape: tuple[int, ...]) -> Forecast:
    arrays = safetensors.numpy.load(content)
    prices = tuple(PRICES[int(number)] for number in arrays["prices"])
    quantiles, paths = arrays["quantiles"], arrays.get("paths")
    if quantiles.shape != (*shape, len(prices), arrays["levels"].size):
        raise ValueError(f"its quantiles have the shape {quantiles.shape}")
    if paths is not None and (paths.shape[:1] + paths.shape[2:]) != (*shape, len(prices)):
        raise ValueError(f"its paths have the shape {paths.shape}")
    asked = int(arrays["samples"]) if "samples" in arrays else None
    used = None if asked is None else np.full(quantiles.shape[:2], asked)
    return Forecast(tuple(arrays["levels"].tolist()), quantiles, paths, prices, bool(arrays["joint"]), asked, used)


@cache
def _warn_once(folder: str, reason: str) -> None:
    log.warning("%s: forecasts cannot be kept there (%s); they are computed every time.", folder, reason)
