"""The market for the simulator and the learners: a panel with its returns and cached features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from rlx.data.features import compute_features, warmup_bars
from rlx.data.outlook import OUTLOOK_FEATURES, PREFIX, Outlook, is_outlook
from rlx.data.panel import MarketPanel
from rlx.errors import DataError, did_you_mean
from rlx.types import AssetClass, FloatArray, TimeArray


class Market:
    """A panel of N bars and A symbols as the simulator sees it.

    A decision at the close of bar t earns ``returns[t]`` = C[t+1]/C[t] - 1, so there are N-1 steps.
    ``overnight_returns[t]`` = O[t+1]/C[t] - 1 is what the weights held into bar t+1 earn before its open. With an
    ``outlook`` it also has the features of its forecasts.
    """

    def __init__(self, panel: MarketPanel, outlook: Outlook | None = None) -> None:
        self.panel, self.outlook = panel, outlook
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
        return Market(self.panel.select(symbols), self.outlook)

    def with_panel(self, panel: MarketPanel) -> Market:
        """Return the market of other bars that never were, such as another future, with the same outlook."""
        return Market(panel, None if self.outlook is None else self.outlook.unsaved())

    def features(self, names: Sequence[str]) -> FloatArray:
        """Return raw causal features (N, A, F) float32, NaN during the warm-up; cached by names."""
        key = tuple(names)
        if key not in self._features:
            forecast = any(map(is_outlook, key))
            self._features[key] = self._with_forecasts(key) if forecast else compute_features(self.panel, key)
        return self._features[key]

    def _with_forecasts(self, names: tuple[str, ...]) -> FloatArray:
        if len(set(names)) != len(names):
            raise DataError(f"data.features: a name is listed twice in {list(names)}.")
        others = [name for name in names if not is_outlook(name)]
        columns = dict(zip(others, np.moveaxis(compute_features(self.panel, others), -1, 0), strict=True))
        columns |= {name: self._forecast(name) for name in names if is_outlook(name)}
        return np.ascontiguousarray(np.stack([columns[name] for name in names], axis=-1), dtype=np.float32)

    def _forecast(self, name: str) -> FloatArray:
        """Return one feature (N, A) of the forecasts; DataError where there is none with that name."""
        if name not in OUTLOOK_FEATURES:
            known, hint = ", ".join(OUTLOOK_FEATURES), did_you_mean(name, OUTLOOK_FEATURES)
            raise DataError(f"data.features: unknown feature '{name}'.{hint} Of forecasts there are {known}.")
        if self.outlook is None:
            raise DataError(
                f"data.features: '{name}' needs a forecaster. Choose one, for example forecaster=filtered_bootstrap."
            )
        if name not in self.outlook_features:
            raise DataError(
                f"data.features: '{name}' needs sample paths, and this forecaster has only quantiles: "
                f"{', '.join(self.outlook_features)}. Choose among these, or another forecaster."
            )
        return self.outlook_features[name]

    @cached_property
    def outlook_features(self) -> Mapping[str, FloatArray]:
        """The features of the forecasts by name, (N, A) each; none without an outlook."""
        return {} if self.outlook is None else self.outlook.features(self)

    @cached_property
    def forecast_risk(self) -> tuple[FloatArray, FloatArray] | None:
        """What rewards may penalise, per step, (N-1, A) each: forecast CVaR as a loss, and uncertainty.

        Both are zero before the first forecast. None without an outlook. DataError for a missing forecast after it.
        """
        if self.outlook is None:
            return None
        names, shape = (f"{PREFIX}cvar", f"{PREFIX}uncertainty"), (self.n_bars - 1, self.n_assets)
        first = self._first_forecast(names, self.n_bars - 1)
        cvar, spread = np.zeros(shape), np.zeros(shape)
        cvar[first:], spread[first:] = (self._forecast(name)[first:-1] for name in names)
        return np.maximum(0.0, -cvar), spread

    def _first_forecast(self, names: Sequence[str], stop: int) -> int:
        """Return the first bar with a forecast; DataError if one is missing between it and bar ``stop``."""
        assert self.outlook is not None
        first = self.outlook.first_bar(self)
        known = np.stack([np.isfinite(self._forecast(name)[first:stop]).all(axis=1) for name in names])
        if gaps := int((~known.all(axis=0)).sum()):
            raise DataError(
                f"data.features: forecasts are missing at {gaps} bars after the first forecast. Use another forecaster,"
                " or neither features of forecasts nor rewards that read them."
            )
        return first

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
        expected = max((warmup_bars(name) for name in names if not is_outlook(name)), default=0)
        if self.outlook is not None and (forecasts := [name for name in names if is_outlook(name)]):
            expected = max(expected, self._first_forecast(forecasts, self.n_bars))
        if expected >= self.n_bars:
            return expected
        unknown = np.flatnonzero(~np.isfinite(self.features(names)).all(axis=(1, 2)))
        return int(unknown[-1]) + 1 if len(unknown) else 0
