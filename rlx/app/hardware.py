"""Put the hardware configuration in force: device, precision, threads and compile caches."""

from __future__ import annotations

import os
from pathlib import Path

from rlx.config import Device, HardwareConfig
from rlx.errors import HardwareError

CACHE = "compiled_models"


def use_compile_caches(folder: Path = Path(CACHE)) -> None:
    """Keep compiled code in one folder, so that a second start is warm; to be called before numba is imported.

    A cache folder the user chose in the environment stays in force.
    """
    os.environ.setdefault("NUMBA_CACHE_DIR", str((folder / "numba").resolve()))
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str((folder / "inductor").resolve()))


def set_up(hardware: HardwareConfig) -> str:
    """Set torch's threads and return Lightning's accelerator, ``cpu`` or ``cuda``.

    Raises HardwareError when a GPU was asked for and there is none.
    """
    import torch

    there = torch.cuda.is_available()
    if hardware.device is Device.cuda and not there:
        raise HardwareError(
            "hardware.device=cuda: torch sees no CUDA device on this machine. Use hardware=cpu, or hardware=auto, "
            "which takes a GPU when there is one."
        )
    if hardware.threads is not None:
        torch.set_num_threads(hardware.threads)
    return "cuda" if there and hardware.device is not Device.cpu else "cpu"
