"""Measures of guards and cooldowns, each declared once: the effect of the rules on a book, not its result."""

from __future__ import annotations

import numpy as np

from rlx.measures.metric import Metric, lowest, mean
from rlx.sim.ledger import Ledger
from rlx.sim.rules import GUARDS, GuardRule
from rlx.types import FloatArray


def _average(name: str, unit: str, meaning: str, quantity: str) -> Metric:
    """Return the mean over time of one of the ledger's quantities."""
    return Metric(name, unit, meaning, "", lambda ledger, _: mean(getattr(ledger, quantity)))


def _hit_rate(rule: GuardRule) -> Metric:
    meaning = f"Steps on which the {rule.label.replace(' ', '-')} guard fired"
    return _average(rule.hit_rate, "share", meaning, rule.flag)


TELEMETRY: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *map(_hit_rate, GUARDS),
        _average(
            "mean_leverage_scale",
            "factor",
            "Mean factor on executed weights, 1 while the guard does not fire",
            "leverage_scale",
        ),
        Metric(
            "min_leverage_scale",
            "factor",
            "Smallest factor on executed weights",
            "",
            lambda ledger, _: lowest(ledger.leverage_scale),
        ),
        _average(
            "mean_turnover_penalty", "per turnover", "Mean turnover penalty in force in the reward", "turnover_penalty"
        ),
        _average(
            "cooldown_mean_long", "assets", "Mean number of assets whose long side is in cooldown", "cooldown_long"
        ),
        _average(
            "cooldown_mean_short", "assets", "Mean number of assets whose short side is in cooldown", "cooldown_short"
        ),
        _average(
            "cooldown_clipped",
            "fraction/step",
            "Mean absolute weight removed by a step's last cooldown clip",
            "cooldown_clipped",
        ),
        _average(
            "cooldown_penalty", "per step", "Mean reward penalty for weight still held in cooldown", "cooldown_penalty"
        ),
    )
}
"""Guards and cooldowns, by the name that a scorecard's ``guard`` has; ``telemetry_key`` is their key in logs."""


def telemetry_key(name: str) -> str:
    """Return the logged key of a measure of guards and cooldowns, called ``name`` in a scorecard's ``guard``."""
    return f"cooldown/{name.removeprefix('cooldown_')}" if name.startswith("cooldown_") else f"guard/{name}"


def guard_metrics(ledger: Ledger) -> dict[str, FloatArray]:
    """Return the measures of guards and cooldowns, each with the ledger's leading shape, () or (B,)."""
    return {name: metric.compute(ledger, np.nan) for name, metric in TELEMETRY.items()}
