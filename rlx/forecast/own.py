"""The quantile network in the ``stages/`` of a ``module=pufferlib`` run, as a forecaster."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlx.compilation import Compiler
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.outlook import is_outlook
from rlx.errors import CheckpointError
from rlx.forecast.config import FORECASTER, SPECIALISTS
from rlx.forecast.forecaster import Forecast, Place
from rlx.forecast.hand_over import FACTS_FILE, STAGES_FOLDER, read_forecasts
from rlx.types import FloatArray, IntArray


class OwnForecaster:
    """Quantiles of the next close by the specialists of a run, or by its forecaster if it has no specialists.

    CheckpointError if ``path`` is neither such a run nor one of its stages, or if its files do not match.
    """

    name = "own"
    horizon_steps = 1

    def __init__(self, path: str) -> None:
        if not path:
            raise CheckpointError("forecaster.path: must be given for forecaster=own: a module=pufferlib run's folder.")
        forecasts = read_forecasts(_stage(Path(path)), path)
        self.facts, self.network = forecasts.facts, forecasts.network()
        if own := [name for name in self.facts.feature_names if is_outlook(name)]:
            raise CheckpointError(
                f"forecaster.path={path}: its network sees {own[0]}, which needs a forecaster itself. Give a run "
                "without features of forecasts."
            )
        self.last_seen: np.datetime64 | None = self.facts.last_seen
        self._normalizer = Normalizer.from_dict(self.facts.normalizer)
        self._digest = _digest(self.network)
        self.place("cpu", "32", Compiler("off", "cpu"))

    def place(self, device: str, precision: str, compiler: Compiler) -> None:
        """Run on ``cpu`` or ``cuda``, with ``32`` or ``bf16-mixed`` numbers, compiled as ``compiler`` says."""
        self._place = Place(device, precision, compiler)
        compiler.compile_module(self.network.to(device))

    def settings(self) -> dict[str, Any]:
        """Return the settings asked for and those in use."""
        return self._place.facts()

    def first_bar(self, market: Market) -> int:
        """Return the first bar with a complete window of features; CheckpointError for other symbols."""
        if tuple(market.symbols) != self.facts.symbols:
            made, given = ", ".join(self.facts.symbols), ", ".join(market.symbols)
            raise CheckpointError(f"forecaster=own: it forecasts {made}, in this order; the data have {given}.")
        return market.first_bar(self.facts.feature_names, self.facts.window_steps)

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return quantiles (B, A, 1, 1, K); nothing is drawn, so ``seed`` has no effect."""
        window = np.asarray(bars)[:, None] + np.arange(1 - self.facts.window_steps, 1)
        seen = self._normalizer.apply(market.features(self.facts.feature_names)[window])  # (B, W, A, F)
        half = torch.autocast(self._place.device, torch.bfloat16, enabled=self._place.half)
        with torch.inference_mode(), half:
            quantiles = self.network(torch.from_numpy(seen).to(self._place.device))[0][:, 0]  # (B, A, K)
        moves: FloatArray = quantiles.double().cpu().numpy() * np.array(self.facts.scale)[:, None]
        return Forecast(self.network.levels, moves[:, :, None, None])

    def identity(self) -> dict[str, Any]:
        """Return the key of the stage, a digest of its weights, and the device class and numbers that it runs with."""
        used = (self._place.device, *self._place.used())
        return {"stage": self.facts.key, "weights": self._digest, "used": used}


def _digest(network: torch.nn.Module) -> str:
    weights = (tensor.numpy().tobytes() for _, tensor in sorted(network.state_dict().items()))
    return hashlib.sha256(b"".join(weights)).hexdigest()


def _stage(path: Path) -> Path:
    """Return the folder with the forecasts of a run, or ``path`` itself if it is such a folder."""
    folders = (*(path / STAGES_FOLDER / stage for stage in (SPECIALISTS, FORECASTER)), path)
    found = next((folder for folder in folders if (folder / FACTS_FILE).is_file()), None)
    if found is None:
        raise CheckpointError(
            f"forecaster.path={path}: has no {STAGES_FOLDER}/. Give the folder of a module=pufferlib run."
        )
    return found
