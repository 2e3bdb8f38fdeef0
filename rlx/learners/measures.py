"""Metrics of the paths that an update simulates."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def path_measures(outcome: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the measures that all learners log of their simulated paths, by the name of the metric."""
    return {"path_turnover": outcome["turnover"], "path_gross_exposure": outcome["gross_exposure"]}


def means(measured: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the mean of each tensor, with a single transfer from the device."""
    fetched = torch.stack([value.detach().float().mean() for value in measured.values()]).tolist()
    return dict(zip(measured, fetched, strict=True))
