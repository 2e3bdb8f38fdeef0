"""Which dates each stage may learn from: every stage is validated on dates that no stage before it has seen."""

from __future__ import annotations

from typing import NamedTuple

from rlx.data.splits import Span
from rlx.errors import ConfigError
from rlx.forecast.config import ForecastFitConfig, ForecastingConfig


class StageSpans(NamedTuple):
    """Consecutive parts of the run's training span: three behind each other, that of the specialists in two halves.

    The forecaster trains on ``train`` and is validated on ``forecaster``. Specialists train on both, stop by
    ``specialists`` and are chosen by ``choice``. The portfolio trains on all four and is validated by the run's own
    validation split.
    """

    train: Span
    forecaster: Span
    specialists: Span
    choice: Span

    @property
    def fine_tuning(self) -> Span:
        """What specialists train on."""
        return Span(self.train.start, self.forecaster.stop)


def stage_spans(train: Span, config: ForecastingConfig) -> StageSpans:
    """Cut the run's training span; ConfigError when a part is too short for the stretches drawn from it."""
    n = len(train)
    held = [round(n * stage.validation_fraction) for stage in (config.forecaster, config.specialists)]
    second = train.stop - held[1]
    first, half = second - held[0], second + held[1] // 2
    spans = StageSpans(Span(train.start, first), Span(first, second), Span(second, half), Span(half, train.stop))
    if min(len(span) for span in spans) < 2:
        raise ConfigError(
            f"module=pufferlib: the training span has {n} decisions, too few to hold validations of forecaster and "
            "specialists back. Use a longer history, or larger validation fractions."
        )
    _check_stretches("forecaster", config.forecaster, spans.train)
    _check_stretches("specialists", config.specialists, spans.fine_tuning)
    return spans


def _check_stretches(stage: str, config: ForecastFitConfig, span: Span) -> None:
    if config.stretch_steps > len(span):
        raise ConfigError(
            f"module.{stage}.stretch_steps={config.stretch_steps}: must be at most {len(span)}, the decisions that "
            f"{stage} trains on. Lower it, or give the training split more bars."
        )
