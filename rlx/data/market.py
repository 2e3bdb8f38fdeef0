"""The market for the simulator and the learners: a panel with its returns and cached features."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from rlx.data.features import compute_features, warmup_bars
from rlx.data.panel import MarketPanel
from rlx.errors import DataError
from rlx.types import AssetClass, FloatArray, TimeArray


class Market:
    """A panel of N bars and A symbols as the simulator sees it.

    A decision at the close of bar t earns ``returns[t]`` = C[t+1]/C[t] - 1, so there are N-1 steps.
    ``overnight_returns[t]`` = O[t+1]/C[t] - 1 is what the weights held into bar t+1 earn before its open.
    """

    def __init__(self, panel: MarketPanel) -> None:
        self.panel = panel
        self._features: dict[tuple[str, ...], FloatArray] = {}

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the A assets."""
        return self.panel.symbols

    @property
    def timestamps(self) -> TimeArray:
        """Labels of the bars, (N,) datetime64[ns] UTC."""
        return self.panel.timestamps

    @property
    def asset_classes(self) -> tuple[AssetClass, ...]:
        """Asset class of each symbol."""
        return self.panel.asset_classes

    @property
    def periods_per_year(self) -> float:
        """Bars per year by the data's own calendar."""
        return self.panel.periods_per_year

    @property
    def fingerprint(self) -> str:
        """Content hash of the panel."""
        return self.panel.fingerprint

    @property
    def n_bars(self) -> int:
        """Number of bars N."""
        return len(self.panel)

    @property
    def n_assets(self) -> int:
        """Number of assets A."""
        return len(self.panel.symbols)

    @cached_property
    def returns(self) -> FloatArray:
        """Simple close-to-close returns, (N-1, A) float64."""
        close = self.panel.close
        return np.asarray(close[1:] / close[:-1] - 1.0)

    @cached_property
    def overnight_returns(self) -> FloatArray | None:
        """Simple close-to-next-open returns, (N-1, A) float64, or None without opens."""
        if self.panel.open is None:
            return None
        return np.asarray(self.panel.open[1:] / self.panel.close[:-1] - 1.0)

    def select(self, symbols: Sequence[str]) -> Market:
        """Return the market of some of the symbols, in the given order, over the same bars."""
        return Market(self.panel.select(symbols))

    def features(self, names: Sequence[str]) -> FloatArray:
        """Return raw causal features (N, A, F) float32, NaN during the warm-up; cached by names."""
        key = tuple(names)
        if key not in self._features:
            self._features[key] = compute_features(self.panel, key)
        return self._features[key]

    def first_bar(self, names: Sequence[str], window_steps: int) -> int:
        """Return the first bar at which a window of ``window_steps`` bars of these features is complete.

        Raises DataError, naming the available and the required rows, when no decision is possible.
        """
        if window_steps < 0:
            raise DataError(f"window_steps={window_steps}: must not be negative.")
        warmup = self._warmup(names)
        first = warmup + max(window_steps - 1, 0)
        if first > self.n_bars - 2:
            raise DataError(
                f"{self.panel.source or 'panel'}: {self.n_bars} rows, but the features need {warmup} earlier rows and"
                f" the window {window_steps}: at least {first + 2} rows are needed. Use a longer history, shorter"
                " feature horizons (data.features) or a shorter window."
            )
        return first

    def _warmup(self, names: Sequence[str]) -> int:
        if not names:
            return 0
        expected = max(warmup_bars(name) for name in names)
        if expected >= self.n_bars:
            return expected
        unknown = np.flatnonzero(~np.isfinite(self.features(names)).all(axis=(1, 2)))
        return int(unknown[-1]) + 1 if len(unknown) else 0
