"""Apply the hardware configuration and report the result: device, precision, threads, compilation, caches."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rlx.compilation import Compiler
from rlx.config import Device, HardwareConfig
from rlx.errors import HardwareError

CACHE = "compiled_models"
CACHE_VARIABLES = {"NUMBA_CACHE_DIR": "numba", "TORCHINDUCTOR_CACHE_DIR": "inductor"}
log = logging.getLogger(__name__)


@cache  # numba reads its variable once, at import: the first run of a process decides for all
def use_compile_caches(folder: Path = Path(CACHE)) -> str | None:
    """Keep compiled code in one folder, so that a second start is warm; call it before numba is imported.

    A cache folder that the user set in the environment is kept. One that cannot be written is replaced by a temporary
    one for the life of the process, with one warning; returns its reason, None without one.
    """
    problems = []
    for variable, name in CACHE_VARIABLES.items():
        chosen = Path(os.environ.setdefault(variable, str((folder / name).resolve())))
        problem = _why_not_writable(chosen)
        if problem is not None:
            problems.append(f"{chosen} cannot be written ({problem})")
            os.environ[variable] = _temporary_folder()
    if not problems:
        return None
    reason = "; ".join(problems)
    log.warning(
        f"Compiled code is not stored, and each start compiles again: {reason}. Make it writable, or name a folder "
        f"that is in {' and '.join(CACHE_VARIABLES)}."
    )
    return reason


def _why_not_writable(folder: Path) -> str | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _temporary_folder() -> str:
    folder = tempfile.mkdtemp(prefix="rlx-compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@dataclass(frozen=True)
class Hardware:
    """The hardware in use: ``accelerator`` is Lightning's name of the device, ``threads`` is torch's number."""

    accelerator: str
    precision: str
    threads: int
    compiler: Compiler
    cache_fallback: str | None = None

    def facts(self) -> dict[str, Any]:
        """Return what a scorecard records; the compiler's fields are final once it has been used."""
        return {
            "device": _device_name(self.accelerator),
            "precision": self.precision,
            "threads": self.threads,
            "compile_asked": self.compiler.asked,
            "compile_used": self.compiler.used,
            "compile_fallback": self.compiler.fallback,
            "cache_fallback": self.cache_fallback,
        }


def set_up(hardware: HardwareConfig, cache_fallback: str | None = None) -> Hardware:
    """Set the number of threads and return the hardware in use; ``cache_fallback`` is that of the compile caches.

    Raises HardwareError when a GPU was asked for and there is none.
    """
    import torch

    from rlx.sim.threads import set_num_threads

    there = torch.cuda.is_available()
    if hardware.device is Device.cuda and not there:
        raise HardwareError(
            "hardware.device=cuda: torch sees no CUDA device on this machine. Use hardware=cpu, or hardware=auto, "
            "which takes a GPU when there is one."
        )
    if hardware.threads is not None:
        torch.set_num_threads(hardware.threads)
    set_num_threads(1 if hardware.threads is None else hardware.threads)
    accelerator = "cuda" if there and hardware.device is not Device.cpu else "cpu"
    compiler = Compiler(hardware.compile, accelerator)
    return Hardware(accelerator, hardware.precision, torch.get_num_threads(), compiler, cache_fallback)


def for_evaluation(hardware: Hardware) -> Hardware:
    """Return the hardware of an evaluation without training: policies decide on the CPU, in float32 and eager."""
    return Hardware("cpu", "32", hardware.threads, Compiler("off", "cpu"), hardware.cache_fallback)


def _device_name(accelerator: str) -> str:
    if accelerator == "cpu":
        return "cpu"
    import torch

    return f"{accelerator} ({torch.cuda.get_device_name()})"
