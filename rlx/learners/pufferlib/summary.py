"""The summary of the pipeline: inputs, artefacts, metrics and wall-clock time of each stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlx.files import to_json
from rlx.forecast.config import FORECASTER, SPECIALISTS
from rlx.forecast.hand_over import STAGES_FOLDER, Forecasts
from rlx.learners.base import WHOLE
from rlx.learners.pufferlib.config import PORTFOLIO
from rlx.run_folder import RunFolder


def forecast_summary(forecasts: Forecasts) -> dict[str, Any]:
    """Return the summary of a forecasting stage."""
    facts = forecasts.facts
    return {
        "source": forecasts.source,
        "inputs": {
            "symbols": facts.symbols,
            "feature_names": facts.feature_names,
            "window_steps": facts.window_steps,
            "data_fingerprint": facts.data_fingerprint,
            **facts.seen,
            "upstream": facts.upstream,
        },
        "artefacts": {"folder": f"{STAGES_FOLDER}/{facts.stage}", "key": facts.key},
        "metrics": facts.metrics,
        "wall_seconds": facts.wall_seconds,
    }


def portfolio_summary(
    fed_by: str,
    shares: Mapping[str, float],
    seen: Mapping[str, Sequence[str]],
    judged: Mapping[str, Any],
    seconds: float,
) -> dict[str, Any]:
    """Return the summary of the portfolio stage; ``judged`` are metrics by basket, the book's under ``WHOLE``."""
    parts = {name: RunFolder(Path()).part(name).policy.as_posix() for name in shares}
    return {
        "source": "trained",
        "inputs": {"forecasts_of": fed_by, "shares": shares, **seen},
        "artefacts": {WHOLE: RunFolder.policy, **parts},
        "metrics": judged,
        "wall_seconds": seconds,
    }


def pipeline_summary(
    forecasts: Mapping[str, Forecasts],
    shares: Mapping[str, float],
    seen: Mapping[str, Sequence[str]],
    judged: Mapping[str, Any],
    seconds: float,
) -> dict[str, Any]:
    """Return the summary of all existing stages, in their order, as plain values."""
    stages: dict[str, Any] = {stage: forecast_summary(one) for stage, one in forecasts.items()}
    if judged:
        fed_by = SPECIALISTS if SPECIALISTS in forecasts else FORECASTER
        stages[PORTFOLIO] = portfolio_summary(fed_by, shares, seen, judged, seconds)
    summary: dict[str, Any] = to_json({"stages": stages})
    return summary
