"""The first two stages: a forecaster shared by all symbols, and a fine-tuned specialist for each symbol."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.splits import Span
from rlx.decisions import segments
from rlx.decisions.segments import Segments
from rlx.forecast import fit, network, pinball, spans
from rlx.forecast.config import FORECASTER, SPECIALISTS, ForecastFitConfig, ForecastingConfig
from rlx.forecast.fit import ForecastFit
from rlx.forecast.hand_over import Forecasts, HandOver, config_of, content_key
from rlx.forecast.network import QuantileForecaster, one_for_each
from rlx.forecast.spans import StageSpans
from rlx.sim.rules import Rules
from rlx.types import BoolArray, FloatArray

FitStage = Callable[[ForecastFit, str, str], None]
"""Runs a fit, given the name of its stage and its content key."""

SOURCES = [Path(str(name)) for name in (__file__, *(m.__file__ for m in (fit, network, pinball, spans, segments)))]


@dataclass(frozen=True)
class Forecasting:
    """The inputs of both stages: a market, its features, the dates of each stage, the seed.

    With ``given`` forecasts, the scaling of features and the units of returns are theirs.
    """

    market: Market
    feature_names: tuple[str, ...]
    config: ForecastingConfig
    spans: StageSpans
    seed: int
    given: Forecasts | None = None

    def key(self, stage: str, upstream: str | None = None) -> str:
        """Return the content key of a stage: everything that its result depends on, except the hardware."""
        features = self.market.features(self.feature_names)
        facts = {
            "config": {**config_of(self._config(stage)), "accept_worse": None},  # which changes no forecast
            "network": self.config.network_arguments(),
            "symbols": self.market.symbols,
            "feature_names": self.feature_names,
            "data_fingerprint": self.market.fingerprint,
            "features": hashlib.sha256(features.tobytes()).hexdigest(),  # a plug-in's formula may change under its name
            "spans": [(span.start, span.stop) for span in self.spans],
            "seed": self.seed,
            "upstream": upstream,
            "torch": torch.__version__,
        }
        return content_key(stage, facts, SOURCES)

    def make_forecaster(self, fit: FitStage) -> Forecasts:
        """Train the forecaster of all symbols and compare it with the climatology."""
        key = self.key(FORECASTER)
        torch.manual_seed(self.seed)
        network = QuantileForecaster(1, len(self.feature_names), **self.config.network_arguments())
        network.start_at(torch.as_tensor(self.climatology.mean(axis=0), dtype=torch.float32))
        job = self._fit(FORECASTER, network, self.spans.train, self.spans.forecaster)
        fit(job, FORECASTER, key)
        best = job.best_network()
        metrics = self.measures(best, self.spans.forecaster)
        metrics["skill_in_training"] = self.measures(best, self.spans.train)["skill"]
        seen = {"trained": self.spans.train, "selected": self.spans.forecaster}
        return self._forecasts(FORECASTER, key, best, metrics, seen, job)

    def make_specialists(self, generic: Forecasts, fit: FitStage) -> Forecasts:
        """Fine-tune a copy of the forecaster for each symbol, and keep it if it is better on dates not used before."""
        return replace(self, given=generic)._specialists(generic, fit)

    def _specialists(self, generic: Forecasts, fit: FitStage) -> Forecasts:
        key, shared = self.key(SPECIALISTS, generic.facts.key), generic.network()
        copies = [one_for_each(shared, self.market.n_assets, len(self.feature_names)) for _ in range(2)]
        torch.manual_seed(self.seed + 1)
        job = self._fit(SPECIALISTS, copies[0], self.spans.fine_tuning, self.spans.specialists)
        fit(job, SPECIALISTS, key)
        tuned, choice = job.best_network(), self.spans.choice
        own, common = self.losses(tuned, choice), self.losses(shared, choice)
        chosen = mixed(tuned, copies[1], own < common)
        metrics = {**self.measures(chosen, choice), "symbols": self._choices(own, common)}
        seen = {"trained": self.spans.fine_tuning, "selected": Span(self.spans.specialists.start, choice.stop)}
        return self._forecasts(SPECIALISTS, key, chosen, metrics, seen, job)

    def _choices(self, own: FloatArray, common: FloatArray) -> dict[str, dict[str, Any]]:
        baseline = self.baseline(self.spans.choice)
        return {
            symbol: {
                "kept": "specialist" if own[a] < common[a] else "generic",
                "specialist_pinball_loss": float(own[a]),
                "generic_pinball_loss": float(common[a]),
                "climatology_pinball_loss": float(baseline[a]),
            }
            for a, symbol in enumerate(self.market.symbols)
        }

    def measures(self, network: QuantileForecaster, span: Span) -> dict[str, Any]:
        """Return loss, skill and coverage of forecasts in a span, and those of the climatology.

        ``skill`` is the share of the climatology's loss that the forecasts save. ``coverage`` gives the share of
        returns at or below each quantile.
        """
        quantiles, outcome = self._forecast(network, span)
        past = self._climatological(outcome)
        loss, baseline = (self._mean_loss(forecast, outcome).mean() for forecast in (quantiles, past))
        return {
            "pinball_loss": float(loss),
            "climatology_pinball_loss": float(baseline),
            "skill": float(1.0 - loss / baseline) if baseline > 0.0 else 0.0,
            "levels": list(network.levels),
            "coverage": pinball.coverage(quantiles, outcome),
            "climatology_coverage": pinball.coverage(past, outcome),
        }

    def losses(self, network: QuantileForecaster, span: Span) -> FloatArray:
        """Return each symbol's pinball loss (A,) in a span."""
        return self._mean_loss(*self._forecast(network, span))

    def baseline(self, span: Span) -> FloatArray:
        """Return the climatology's pinball loss (A,) in a span."""
        outcome = torch.as_tensor(self._returns(span) / self.scale, dtype=torch.float32)
        return self._mean_loss(self._climatological(outcome), outcome)

    def _climatological(self, outcome: Tensor) -> Tensor:
        return torch.as_tensor(self.climatology, dtype=torch.float32).expand(*outcome.shape, -1)

    def _mean_loss(self, quantiles: Tensor, outcome: Tensor) -> FloatArray:
        levels = torch.tensor(self.config.forecaster.levels)
        return pinball.pinball(quantiles, outcome, levels).mean(0).double().numpy()

    def _forecast(self, network: QuantileForecaster, span: Span) -> tuple[Tensor, Tensor]:
        """Return the quantiles (T, A, K) and outcomes (T, A) of a span."""
        segment = self._segments(span, len(span)).at(torch.zeros(1, dtype=torch.int64))
        with torch.no_grad():
            quantiles, _ = network(segment.features)
        return quantiles[0], segment.tape.returns[0] / torch.as_tensor(self.scale, dtype=torch.float32)

    @cached_property
    def normalizer(self) -> Normalizer:
        """The scaling of features: that of the given forecasts, or of the forecaster's training span."""
        if self.given is not None:
            return Normalizer.from_dict(self.given.facts.normalizer)
        bars = self.spans.train.bars_seen(self.config.window_steps)
        return Normalizer.fit(self.feature_names, self.market.features(self.feature_names), bars)

    @cached_property
    def scale(self) -> FloatArray:
        """The unit of each symbol's forecasts (A,): the standard deviation of its returns in the training span."""
        if self.given is not None:
            return np.array(self.given.facts.scale)
        return pinball.scales(self._returns(self.spans.train))

    @cached_property
    def climatology(self) -> FloatArray:
        """Each symbol's quantiles (A, K) in the training span, in units of its scale."""
        return pinball.climatology(self._returns(self.spans.train) / self.scale, self.config.forecaster.levels)

    def _returns(self, span: Span) -> FloatArray:
        return np.asarray(self.market.returns[span.start : span.stop])

    def _config(self, stage: str) -> ForecastFitConfig:
        return self.config.forecaster if stage == FORECASTER else self.config.specialists

    def _segments(self, span: Span, steps: int) -> Segments:
        window_steps = self.config.window_steps
        return Segments(self.market, Rules(), span, self.feature_names, self.normalizer, window_steps, steps)

    def _fit(self, stage: str, network: QuantileForecaster, training: Span, validation: Span) -> ForecastFit:
        config = self._config(stage)
        drawn = self._segments(training, config.stretch_steps)
        return ForecastFit(network, drawn, self._segments(validation, len(validation)), self.scale, config)

    def _forecasts(
        self,
        stage: str,
        key: str,
        network: QuantileForecaster,
        metrics: Mapping[str, Any],
        seen: Mapping[str, Span],
        job: ForecastFit,
    ) -> Forecasts:
        facts = HandOver(
            stage=stage,
            key=key,
            upstream=None if self.given is None else self.given.facts.key,
            symbols=tuple(self.market.symbols),
            feature_names=self.feature_names,
            window_steps=self.config.window_steps,
            normalizer=self.normalizer.to_dict(),
            scale=tuple(self.scale.tolist()),
            n_series=network.n_series,
            network=network.arguments(),
            data_fingerprint=self.market.fingerprint,
            seen={name: span.ends(self.market.timestamps) for name, span in seen.items()},
            config=config_of(self._config(stage)),
            metrics={**metrics, "updates": job.updates_done},
            history=job.history,
            wall_seconds=job.seconds,
        )
        return Forecasts(facts, {name: x.detach().clone() for name, x in network.state_dict().items()}, "trained")


def mixed(own: QuantileForecaster, shared: QuantileForecaster, kept: BoolArray) -> QuantileForecaster:
    """Return ``shared`` with the weights of ``own`` for the series in ``kept`` (A,)."""
    rows, weights = torch.as_tensor(kept), shared.state_dict()
    for name, tensor in own.state_dict().items():
        weights[name].view(rows.numel(), -1)[rows] = tensor.view(rows.numel(), -1)[rows]
    shared.load_state_dict(weights)
    return shared.eval()
