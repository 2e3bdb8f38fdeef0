"""A forecaster as a subject of ``rlx compile check``."""

from __future__ import annotations

import time

import numpy as np
import torch

from rlx.app.compile_subjects import window_of
from rlx.compilation import Compiler, frames_compiled
from rlx.compile_check.measure import Play
from rlx.compile_check.subject import warm_calls
from rlx.config import TrainConfig
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.errors import ConfigError
from rlx.forecast.forecaster import Forecast, Placeable, built
from rlx.forecast.pinball import pinball
from rlx.measures.statistics import Statistic
from rlx.training.hardware import Hardware
from rlx.types import FloatArray


class ForecastBars:
    """The forecasts of all bars of a span in nearly equal parts, from the configured seed; a call forecasts one part.

    Sizes differ by one bar at most. Every play builds the forecaster again and reads no cache. A decision is the side
    of the median move of the next close, and the series is the pinball loss of that move, averaged over symbols.
    """

    def __init__(
        self, name: str, config: TrainConfig, market: Market, span: Span, hardware: Hardware, calls: int
    ) -> None:
        self.config, self.market, self.hardware, self.name = config, market, hardware, f"forecaster={name}"
        first = max(span.start, built(config.forecaster).first_bar(market))
        self.bars = np.arange(first, span.stop)
        if len(self.bars) < calls:
            raise ConfigError(f"--calls {calls}: the span has {len(self.bars)} bars to forecast. Lower it.")
        self.parts = np.array_split(self.bars, calls)
        self.window = window_of(market, Span(first, span.stop))
        self.metrics: dict[str, Statistic] = {"compile/pinball_loss": lambda series: series.mean(axis=-1)}

    def play(self, compiler: Compiler) -> Play:
        """Forecast all parts."""
        forecaster, made, seconds, frames = built(self.config.forecaster), [], [], [frames_compiled()]
        if isinstance(forecaster, Placeable):
            forecaster.place(self.hardware.accelerator, self.hardware.precision, compiler)
        for bars in self.parts:
            began = time.perf_counter()
            made.append(forecaster.forecast(self.market, bars, self.config.seed))
            seconds.append(time.perf_counter() - began)
            frames.append(frames_compiled())
        quantiles = np.concatenate([one.quantiles for one in made])
        outputs = {"quantiles": quantiles}
        if all(one.paths is not None for one in made):
            outputs["paths"] = np.concatenate([one.paths for one in made if one.paths is not None])
        next_close = quantiles[:, :, 0, 0]  # (T, A, K)
        middle = int(np.argmin(np.abs(np.array(made[0].levels) - 0.5)))
        signs = np.sign(np.nan_to_num(next_close[..., middle])).astype(np.int64)
        return Play(outputs, signs, self._losses(made[0], next_close), np.array(seconds), warm_calls(frames))

    def _losses(self, made: Forecast, quantiles: FloatArray) -> FloatArray:
        """Return the pinball loss (T,) of quantiles (T, A, K) of the next move."""
        moved = torch.from_numpy(self.market.returns[self.bars])
        loss = pinball(torch.from_numpy(quantiles), moved, torch.tensor(made.levels, dtype=torch.float64))
        return np.asarray(loss.mean(-1).numpy())
