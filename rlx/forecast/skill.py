"""How much better forecasts are than others: shares of a loss that they save, per symbol and pooled, with intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from rlx.forecast.scored import Scored
from rlx.measures.multiple import holm_correction
from rlx.measures.statistics import Interval, bootstrap_intervals
from rlx.types import FloatArray


@dataclass(frozen=True)
class Resampling:
    """How many resamples give an interval, and their seed."""

    replications: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class Compared:
    """The losses of a forecaster, of the null model and of "no move", all at the same bars."""

    forecaster: Scored
    null: Scored
    no_move: Scored


@dataclass(frozen=True)
class Row:
    """Forecasts of one price at one horizon, of one symbol or of all: mean losses, coverage and skill.

    ``pinball`` and ``mae`` are in moves of the close. A skill is 1 - loss / loss of the other; ``mae_skill`` compares
    medians with "no move". ``p_value`` is that of ``skill_over_null``, corrected for the number of symbols by Holm.
    """

    price: str
    horizon: int
    bars: int
    pinball: float | None
    null_pinball: float | None
    no_move_pinball: float | None
    mae: float | None
    no_move_mae: float | None
    pinball_by_level: list[float | None]
    coverage: list[float | None]
    null_coverage: list[float | None]
    skill_over_null: Interval
    skill_over_no_move: Interval
    mae_skill: Interval
    p_value: float | None = None

    def facts(self) -> dict[str, Any]:
        """Return the row for a document."""
        skills = {
            name: getattr(self, name).to_dict() for name in ("skill_over_null", "skill_over_no_move", "mae_skill")
        }
        return {**asdict(self), **skills}


def rows(compared: Compared, resampling: Resampling, symbol: int | None = None) -> list[Row]:
    """Return a row for each price and horizon, of one symbol (its number) or of all symbols together."""
    prices, horizon = compared.forecaster.prices, compared.forecaster.error.shape[2]
    return [
        _row(compared, resampling, symbol, step, place, price)
        for place, price in enumerate(prices)
        for step in range(horizon)
    ]


def corrected(by_symbol: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Return the rows with p-values that are corrected for the number of symbols, for each price and horizon."""
    result: dict[str, list[Row]] = {symbol: [] for symbol in by_symbol}
    for place in range(len(next(iter(by_symbol.values())))):
        found = {symbol: listed[place].skill_over_null.p_value for symbol, listed in by_symbol.items()}
        p_values = holm_correction({symbol: value for symbol, value in found.items() if value is not None})
        for symbol, listed in by_symbol.items():
            result[symbol].append(replace(listed[place], p_value=p_values.get(symbol)))
    return result


def _row(compared: Compared, resampling: Resampling, symbol: int | None, step: int, place: int, price: str) -> Row:
    chosen = slice(None) if symbol is None else slice(symbol, symbol + 1)

    def part(values: FloatArray) -> FloatArray:
        return np.asarray(values[:, chosen, step, place])

    own, null, still = compared.forecaster, compared.null, compared.no_move
    known = np.isfinite(part(own.pinball)) & np.isfinite(part(null.pinball))
    pinball, median = ([part(getattr(one, name)) for one in (own, null, still)] for name in ("pinball", "error"))
    return Row(
        price=price,
        horizon=step + 1,
        bars=int(known.any(axis=1).sum()),
        pinball=_mean(pinball[0], known),
        null_pinball=_mean(pinball[1], known),
        no_move_pinball=_mean(pinball[2], known),
        mae=_mean(median[0], known),
        no_move_mae=_mean(median[2], known),
        pinball_by_level=_means(part(own.by_level), known),
        coverage=_means(part(own.below), known),
        null_coverage=_means(part(null.below), known),
        skill_over_null=skill(pinball[0], pinball[1], known, resampling),
        skill_over_no_move=skill(pinball[0], pinball[2], known, resampling),
        mae_skill=skill(median[0], median[2], known, resampling),
    )


def skill(loss: FloatArray, other: FloatArray, known: Any, resampling: Resampling) -> Interval:
    """Return 1 - loss / other, the average over symbols, with a block-bootstrap interval.

    Both losses are (T, A); only the ``known`` ones count. Each symbol's saved loss is divided by its own mean
    ``other``, so that every symbol counts the same; that divisor is not resampled.
    """
    mean = np.array([other[known[:, a], a].mean() if known[:, a].any() else np.nan for a in range(other.shape[1])])
    with np.errstate(divide="ignore", invalid="ignore"):
        saved = np.where(known & (mean > 0.0), (other - loss) / mean, np.nan)
    there = np.isfinite(saved)
    days = there.any(axis=1)
    series = np.where(there, saved, 0.0).sum(axis=1)[days] / np.maximum(there.sum(axis=1)[days], 1)
    if not len(series):
        return Interval(None, None, None, 0.95, 0, None, "there is nothing to compare")
    statistic = {"skill": lambda values: values.mean(axis=-1)}
    options = {"replications": resampling.replications, "seed": resampling.seed}
    return bootstrap_intervals(series, statistic, **options)["skill"]


def _mean(values: FloatArray, known: Any) -> float | None:
    return float(values[known].mean()) if known.any() else None


def _means(values: FloatArray, known: Any) -> list[float | None]:
    """Return the means (K,) of values (T, A, K)."""
    return [_mean(values[..., level], known) for level in range(values.shape[-1])]
