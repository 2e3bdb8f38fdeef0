"""The schema of ``module=pufferlib``; no heavy imports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from rlx.errors import ConfigError, did_you_mean
from rlx.forecast.config import FORECASTER, SPECIALISTS, ForecasterConfig, SpecialistsConfig
from rlx.learners.pufferlib.ppo_config import PufferPpoConfig
from rlx.ranges import FilePath, Number, Whole
from rlx.untrusted.shown import as_typed

PORTFOLIO = "portfolio"
STAGES = (FORECASTER, SPECIALISTS, PORTFOLIO)
AUTO = "auto"


@dataclass
class PufferlibConfig(PufferPpoConfig):
    """Three stages: forecaster, specialists, and PPO over one or more baskets (settings: ``PufferPpoConfig``).

    ``stages`` lists the stages to run. A stage that is left out is taken from ``resume``, the folder of an earlier run;
    without ``resume``, the forecaster replaces specialists that are left out. ``cache_dir`` stores finished forecasters
    and specialists under a key of everything they depend on (null: off). ``pairs`` is ``auto`` or a list of baskets of
    symbols. ``auto`` is one basket of all symbols, or with ``n_pairs`` that many pairs, the least correlated ones of
    the training span without a common symbol. ``leverage_limit`` is the largest gross exposure of a policy; above 1,
    the policy has an action that sets it. ``risk_penalty`` is added to ``env.reward.cvar_penalty`` in training, which
    penalises the loss at the forecasts' lowest quantile.
    """

    _target_: str = "rlx.learners.pufferlib.learner.PufferlibLearner"
    _partial_: bool = True
    _convert_: str = "object"
    stages: list[str] = field(default_factory=lambda: list(STAGES))
    resume: Annotated[str | None, FilePath()] = None
    cache_dir: Annotated[str | None, FilePath()] = "outputs/cache/pufferlib"
    window_steps: int = 16
    pairs: Any = AUTO
    n_pairs: Annotated[int | None, Whole(1, 10_000)] = None
    leverage_limit: Annotated[float, Number(0.001, 100)] = 1.0
    risk_penalty: Annotated[float, Number(0, 100)] = 0.0
    forecaster: ForecasterConfig = field(default_factory=ForecasterConfig)
    specialists: SpecialistsConfig = field(default_factory=SpecialistsConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stages = check_stages(self.stages)
        self.pairs = check_pairs(self.pairs)

    def network_arguments(self) -> dict[str, Any]:
        """Return the shapes of every forecaster of this run, except the number of series and features."""
        forecaster = self.forecaster
        return {
            "window_steps": self.window_steps,
            "hidden_size": forecaster.hidden_size,
            "levels": list(forecaster.levels),
        }

    @property
    def forecasts_risk(self) -> bool:
        """Whether rewards can be penalised for forecast risk: True for this module."""
        return True


def check_stages(stages: Sequence[str]) -> list[str]:
    """Return the stages in their order; ConfigError for an unknown stage or an empty list."""
    for stage in stages:
        if stage not in STAGES:
            hint = did_you_mean(str(stage), STAGES)
            raise ConfigError(
                f"module.stages={as_typed(list(stages))}: '{as_typed(stage)}' is not one of {', '.join(STAGES)}.{hint}"
            )
    if not stages:
        raise ConfigError(f"module.stages=[]: name at least one of {', '.join(STAGES)}.")
    return [stage for stage in STAGES if stage in stages]


def check_pairs(pairs: Any) -> str | list[list[str]]:
    """Return ``auto`` or the baskets, lists of at least two different symbols; ConfigError for anything else."""
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
