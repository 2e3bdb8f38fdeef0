"""The dates that each stage may learn from: every stage is validated on dates that no earlier stage has seen."""

from __future__ import annotations

from typing import NamedTuple

from rlx.data.splits import Span
from rlx.errors import ConfigError
from rlx.forecast.config import ForecastFitConfig, ForecastingConfig


class StageSpans(NamedTuple):
    """Consecutive parts of the run's training span; the specialists' validation has two halves.

    The forecaster trains on ``train`` and is validated on ``forecaster``. Specialists train on both, are stopped by
    their loss on ``specialists`` and chosen by their loss on ``choice``. The portfolio trains on all four and is
    validated on the run's validation split.
    """

    train: Span
    forecaster: Span
    specialists: Span
    choice: Span

    @property
    def fine_tuning(self) -> Span:
        """The span that specialists train on."""
        return Span(self.train.start, self.forecaster.stop)


def stage_spans(train: Span, config: ForecastingConfig) -> StageSpans:
    """Divide the run's training span; ConfigError if a part is too short for the segments drawn from it."""
    n = len(train)
    held = [round(n * stage.validation_fraction) for stage in (config.forecaster, config.specialists)]
    second = train.stop - held[1]
    first, half = second - held[0], second + held[1] // 2
    spans = StageSpans(Span(train.start, first), Span(first, second), Span(second, half), Span(half, train.stop))
    if min(len(span) for span in spans) < 2:
        raise ConfigError(
            f"module=pufferlib: the training span has {n} decisions, too few for the validations of forecaster and "
            "specialists. Use a longer history, or larger validation fractions."
        )
    _check_segments("forecaster", config.forecaster, spans.train)
    _check_segments("specialists", config.specialists, spans.fine_tuning)
    return spans


def _check_segments(stage: str, config: ForecastFitConfig, span: Span) -> None:
    if config.stretch_steps > len(span):
        raise ConfigError(
            f"module.{stage}.stretch_steps={config.stretch_steps}: must be at most {len(span)}, the number of "
            f"decisions that {stage} trains on. Lower it, or give the training split more bars."
        )
