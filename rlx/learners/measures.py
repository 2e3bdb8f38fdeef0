"""What an update tells of its simulated paths."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def path_measures(outcome: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what is told of any simulated paths, by the name of its metric."""
    return {"path_turnover": outcome["turnover"], "path_gross_exposure": outcome["gross_exposure"]}


def means(measured: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the mean of each tensor, all of them fetched from the device at once."""
    fetched = torch.stack([value.detach().float().mean() for value in measured.values()]).tolist()
    return dict(zip(measured, fetched, strict=True))
