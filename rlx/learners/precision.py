"""Number formats of single layers, for learners whose library needs float32 everywhere else."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def in_bfloat16(forward: Callable[[Tensor], Tensor], device_type: str) -> Callable[[Tensor], Tensor]:
    """Return ``forward`` under bfloat16 autocast with a float32 result, which distributions and NumPy need."""

    def run(features: Tensor) -> Tensor:
        with torch.autocast(device_type, dtype=torch.bfloat16):
            return forward(features).float()

    return run
