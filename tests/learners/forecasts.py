"""Small pipelines on a generated market whose volatility is predictable, for the tests of forecasts and pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rlx.compilation import Compiler
from rlx.config import TrainerConfig
from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.data.splits import SplitConfig, Splits, make_splits
from rlx.forecast.config import ForecasterConfig, SpecialistsConfig
from rlx.forecast.hand_over import Forecasts
from rlx.forecast.spans import stage_spans
from rlx.forecast.stages import Forecasting
from rlx.learners.base import FitPart, Preparation
from rlx.learners.pufferlib.config import PufferlibConfig
from rlx.learners.pufferlib.pipeline import Pipeline
from rlx.training.hardware import Hardware
from rlx.training.trainer import part_fitter

NAMES = ("return_1", "volatility_5")
FIT: FitPart = part_fitter(TrainerConfig(progress=False), Hardware("cpu", "32", 1, Compiler("off", "cpu")))
TINY_FIT = {"n_windows": 4, "stretch_steps": 8, "validate_every_updates": 5}


def volatility_at(bars: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the returns that close at ``bars``."""
    return np.where((bars // 25) % 2 == 0, 0.005, 0.015)


def regimes(n_assets: int = 3, n_bars: int = 400, seed: int = 0) -> Market:
    """Return a market whose returns are three times as large in every other segment of 25 bars."""
    random = np.random.default_rng(seed)
    volatility = volatility_at(np.arange(n_bars))[:, None]
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, volatility, (n_bars, n_assets)), axis=0))
    days = np.busday_offset("2010-01-04", np.arange(n_bars), roll="forward").astype("datetime64[ns]")
    return Market(MarketPanel(tuple(f"S{i}" for i in range(n_assets)), days, close, source="regimes"))


def small(**options: Any) -> PufferlibConfig:
    """Return a configuration whose stages take a second."""
    settings = {
        "window_steps": 4,
        "cache_dir": None,
        "n_pairs": 1,
        "forecaster": ForecasterConfig(updates=60, learning_rate=1e-2, hidden_size=4, **TINY_FIT),
        "specialists": SpecialistsConfig(updates=20, learning_rate=1e-3, **TINY_FIT),
        **options,
    }
    return PufferlibConfig(**settings)


def splits_of(market: Market, config: PufferlibConfig) -> Splits:
    """Return the splits with 70% of the decisions that have features for training, however short the market."""
    first = market.first_bar(NAMES, config.window_steps)
    ends = [first + round((market.n_bars - 1 - first) * share) for share in (0.7, 0.85)]
    train_end, validation_end = (str(market.timestamps[end - 1])[:10] for end in ends)
    return make_splits(market, SplitConfig(train_end=train_end, validation_end=validation_end), first)


def forecasting(market: Market, config: PufferlibConfig, seed: int = 0) -> Forecasting:
    return Forecasting(market, NAMES, config, stage_spans(splits_of(market, config).train, config), seed)


def pipeline(
    market: Market,
    config: PufferlibConfig,
    run_dir: Path,
    *,
    earlier: Path | None = None,
    seed: int = 0,
    fit: FitPart = FIT,
) -> dict[str, Forecasts]:
    """Run the forecasting stages into ``run_dir``."""
    unseen_from = market.timestamps[splits_of(market, config).validation.start]
    preparation = Preparation(run_dir, earlier, fit)
    return Pipeline(config, forecasting(market, config, seed), preparation, unseen_from).run()
