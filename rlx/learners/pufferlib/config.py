"""The schema of ``module=pufferlib``; no heavy imports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from rlx.errors import ConfigError, did_you_mean
from rlx.learners.fields import Bars, Batch, Coefficient, LearningRate, Noise, Updates, Width
from rlx.learners.pufferlib.ppo_config import PufferPpoConfig
from rlx.ranges import FilePath, ListOf, Number, Whole, check_fields
from rlx.untrusted.shown import as_typed

FORECASTER, SPECIALISTS, PORTFOLIO = "forecaster", "specialists", "portfolio"
STAGES = (FORECASTER, SPECIALISTS, PORTFOLIO)
AUTO = "auto"


@dataclass
class ForecastFitConfig:
    """Budget and optimizer of a fit of forecasts.

    An update draws ``n_windows`` stretches of ``stretch_steps`` bars, each with every symbol. Every
    ``validate_every_updates`` the last ``validation_fraction`` of the run's training span, or of what the stage before
    left of it, is forecast; ``patience`` validations without a new best end the fit, and the best weights are kept.
    ``feature_noise`` is the standard deviation of the noise on normalized features while training.
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
    """The one forecaster of all symbols: quantile ``levels`` of the next return, and ``hidden_size`` channels.

    It is handed over only if it beats the climatology on its validation, or with ``accept_worse``.
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
                f"module.forecaster.levels={as_typed(self.levels)}: must be ascending numbers, none twice."
            )


@dataclass
class SpecialistsConfig(ForecastFitConfig):
    """Fine-tuning of a copy of the forecaster for each symbol, at a low rate."""

    updates: int = 200
    learning_rate: float = 1e-4
    validate_every_updates: int = 10

    def __post_init__(self) -> None:
        check_fields(self, f"module.{SPECIALISTS}")


@dataclass
class PufferlibConfig(PufferPpoConfig):
    """Three stages: forecaster, specialists, and PPO over pairs or larger baskets (settings: ``PufferPpoConfig``).

    ``stages`` are those to do. One that is left out is taken from ``resume``, the folder of an earlier run; without it
    the forecaster serves every symbol where the specialists are left out. ``cache_dir`` keeps finished forecasters and
    specialists by a key of everything they depend on (null: off). ``pairs`` is ``auto``, the ``n_pairs`` least
    correlated pairs of the training span that share no symbol, or a list of baskets of symbols. ``leverage_limit`` is
    the largest gross exposure a policy may ask for; above 1 it has an action for it. ``risk_penalty`` is added to
    ``env.reward.cvar_penalty`` in training, which prices the loss at the forecasts' lowest quantile.
    """

    _target_: str = "rlx.learners.pufferlib.learner.PufferlibLearner"
    _partial_: bool = True
    _convert_: str = "object"
    stages: list[str] = field(default_factory=lambda: list(STAGES))
    resume: Annotated[str | None, FilePath()] = None
    cache_dir: Annotated[str | None, FilePath()] = "outputs/cache/pufferlib"
    window_steps: int = 16
    pairs: Any = AUTO
    n_pairs: Annotated[int, Whole(1, 10_000)] = 3
    leverage_limit: Annotated[float, Number(0.001, 100)] = 1.0
    risk_penalty: Annotated[float, Number(0, 100)] = 0.0
    forecaster: ForecasterConfig = field(default_factory=ForecasterConfig)
    specialists: SpecialistsConfig = field(default_factory=SpecialistsConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stages = check_stages(self.stages)
        self.pairs = check_pairs(self.pairs)

    def network_arguments(self) -> dict[str, Any]:
        """Return what shapes every forecaster of this run, besides the number of series and features."""
        forecaster = self.forecaster
        return {
            "window_steps": self.window_steps,
            "hidden_size": forecaster.hidden_size,
            "levels": list(forecaster.levels),
        }

    @property
    def forecasts_risk(self) -> bool:
        """Whether rewards can be penalised for forecast risk: here they can."""
        return True


def check_stages(stages: Sequence[str]) -> list[str]:
    """Return the stages in their order; ConfigError for an unknown one or none."""
    for stage in stages:
        if stage not in STAGES:
            hint = did_you_mean(str(stage), STAGES)
            raise ConfigError(
                f"module.stages={as_typed(list(stages))}: '{as_typed(stage)}' is none of {', '.join(STAGES)}.{hint}"
            )
    if not stages:
        raise ConfigError(f"module.stages=[]: name at least one of {', '.join(STAGES)}.")
    return [stage for stage in STAGES if stage in stages]


def check_pairs(pairs: Any) -> str | list[list[str]]:
    """Return ``auto`` or the baskets, each a list of at least two different symbols; ConfigError for anything else."""
    if pairs == AUTO:
        return AUTO
    example = "give auto, or lists of symbols such as [[AAPL,IBM],[SPY,EEM]]."
    listed = isinstance(pairs, Sequence) and not isinstance(pairs, str) and len(pairs) > 0
    if not listed or not all(isinstance(basket, Sequence) for basket in pairs):
        raise ConfigError(f"module.pairs={as_typed(pairs)}: {example}")
    baskets = [[str(symbol) for symbol in basket] if not isinstance(basket, str) else [basket] for basket in pairs]
    for basket in baskets:
        if len(basket) < 2 or len(set(basket)) < len(basket):
            raise ConfigError(f"module.pairs: {as_typed(basket)} must have at least two different symbols; {example}")
    if len({tuple(sorted(basket)) for basket in baskets}) < len(baskets):
        raise ConfigError(f"module.pairs={as_typed(baskets)}: the same basket twice.")
    return baskets
