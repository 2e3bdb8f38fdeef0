"""The options of the quantile network's fits, and of a forecaster from a run; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from rlx.errors import ConfigError
from rlx.fields import Bars, Batch, Coefficient, LearningRate, Noise, Updates, Width
from rlx.ranges import FilePath, ListOf, Number, check_fields
from rlx.untrusted.shown import as_typed

FORECASTER, SPECIALISTS = "forecaster", "specialists"


@dataclass
class ForecastFitConfig:
    """Budget and optimizer of a forecast fit.

    An update draws ``n_windows`` segments of ``stretch_steps`` bars, each with every symbol. Every
    ``validate_every_updates`` updates, the fit is validated on the stage's own part at the end of the run's training
    span, ``validation_fraction`` of its decisions. ``patience`` validations without a new best end the fit, and the
    best weights are kept. ``feature_noise`` is the standard deviation of the noise on normalized features in training.
    """

    updates: Updates = 600
    n_windows: Batch = 16
    stretch_steps: Bars = 32
    learning_rate: LearningRate = 1e-3
    weight_decay: Coefficient = 0.01
    feature_noise: Noise = 1.0
    validate_every_updates: Updates = 20
    patience: Updates = 10
    validation_fraction: Annotated[float, Number(0.01, 0.4)] = 0.15


@dataclass
class ForecasterConfig(ForecastFitConfig):
    """The forecaster shared by all symbols: quantile ``levels`` of the next return, and ``hidden_size`` channels.

    It is handed over only if it beats the climatology in validation, or with ``accept_worse``.
    """

    levels: Annotated[list[float], ListOf(Number(1e-6, 1 - 1e-6), fewest=2, most=100)] = field(
        default_factory=lambda: [0.05, 0.25, 0.5, 0.75, 0.95]
    )
    hidden_size: Width = 16
    accept_worse: bool = False

    def __post_init__(self) -> None:
        check_fields(self, f"module.{FORECASTER}")
        self.levels = [float(level) for level in self.levels]
        if any(low >= high for low, high in zip(self.levels, self.levels[1:], strict=False)):
            raise ConfigError(
                f"module.forecaster.levels={as_typed(self.levels)}: must be ascending numbers without duplicates."
            )


@dataclass
class SpecialistsConfig(ForecastFitConfig):
    """Fine-tuning of a copy of the forecaster for each symbol, at a low learning rate."""

    updates: int = 200
    learning_rate: float = 1e-4
    validate_every_updates: int = 10

    def __post_init__(self) -> None:
        check_fields(self, f"module.{SPECIALISTS}")


@dataclass
class OwnConfig:
    """The forecasts of ``path``, the folder of a ``module=pufferlib`` run, which is required."""

    _target_: str = "rlx.forecast.own.OwnForecaster"
    path: Annotated[str, FilePath(shortest=0)] = ""

    def __post_init__(self) -> None:
        check_fields(self, "forecaster")


class ForecastingConfig(Protocol):
    """The options of both fits of a run: the bars of features that a forecast sees, and the options of each fit."""

    window_steps: int
    forecaster: ForecasterConfig
    specialists: SpecialistsConfig

    def network_arguments(self) -> dict[str, Any]:
        """Return the shapes of every network of the run, except the number of series and features."""
