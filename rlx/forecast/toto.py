"""Toto 2, pretrained models of single series by Datadog (package ``toto-models``, Python 3.12)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from rlx.errors import ConfigError, is_out_of_memory
from rlx.forecast.own_series import OwnSeriesForecaster
from rlx.forecast.pretrained import described, find_model, read_configuration, require_package, unusable
from rlx.forecast.pretrained_config import TotoConfig
from rlx.forecast.sampling import SamplingConfig
from rlx.types import FloatArray

REMEDY = (
    "It needs Python 3.12: pip install toto-models there. The older toto-ts (Toto 1) pins torch 2.7 and is not used."
)
LEVELS: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # fixed in its architecture
log = logging.getLogger(__name__)


class TotoForecaster(OwnSeriesForecaster):
    """Quantiles by a pretrained Toto 2 model (Datadog 2026, arXiv:2605.20119).

    ConfigError without the package, CheckpointError for a folder that is not such a model.
    """

    calls_forward = False
    libraries = ("toto-2",)

    def __init__(self, **options: Any) -> None:
        config = TotoConfig(**options)
        library = require_package("toto2", "toto", REMEDY)
        folder = find_model("toto", config.path, download=config.download)
        model = TotoModel(_loaded(library, folder, config.path), config.context_bars)
        self.weights = described(folder)
        super().__init__("toto", config, SamplingConfig(n_samples=1, batch=config.batch, min_samples=1), model)
        log.info("forecaster.path=%s: licence %s.", config.path, self.weights["licence"] or "not stated by its card")


def _loaded(library: Any, folder: Path, path: str) -> torch.nn.Module:
    read_configuration(folder)
    try:
        module: torch.nn.Module = library.Toto2Model.from_pretrained(str(folder)).eval()
        return module
    except Exception as error:  # whatever a damaged folder leads its library to
        if is_out_of_memory(error):
            raise
        raise unusable("toto", path, error) from error


class TotoModel:
    """Quantiles of single series; a context has to be a whole number of the model's patches."""

    levels = LEVELS
    context_limit, horizon_limit = 100_000, 1_000  # the architecture has no limit

    def __init__(self, module: torch.nn.Module, context_bars: int) -> None:
        self.module, self._model = module, cast(Any, module)
        patch = int(self._model.config.patch_size)
        if context_bars % patch:
            near = max(patch, context_bars // patch * patch)
            raise ConfigError(
                f"forecaster.context_bars={context_bars}: this model needs a multiple of {patch}, such as {near}."
            )

    def forecast(self, series: FloatArray, horizon: int, uniform: FloatArray) -> FloatArray:
        """Return quantiles (N, H, K) of series (N, L)."""
        device = next(self.module.parameters()).device
        target = torch.as_tensor(series, dtype=torch.float32, device=device)[:, None]
        inputs = {
            "target": target,
            "target_mask": torch.ones_like(target, dtype=torch.bool),
            "series_ids": torch.zeros(len(series), 1, dtype=torch.long, device=device),
        }
        quantiles = self._model.forecast(inputs, horizon=horizon)  # (K, N, 1, H)
        return np.asarray(quantiles[:, :, 0].permute(1, 2, 0).double().cpu().numpy())
