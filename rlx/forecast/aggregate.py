"""One number per forecast: the aggregate of its samples, or of its quantiles where there are no samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

import numpy as np

from rlx.errors import ConfigError, did_you_mean
from rlx.forecast.forecaster import Forecast
from rlx.ranges import Number, OneOf, check_fields
from rlx.types import FloatArray

ROUNDING = 1e-9  # 10 x (1 - 0.8) is 1.9999..., and counts two samples


def _mean(samples: FloatArray) -> FloatArray:
    return np.asarray(samples.mean(axis=-1))


def _median(samples: FloatArray) -> FloatArray:
    return np.asarray(np.median(samples, axis=-1))


def _trimmed_mean(samples: FloatArray, fraction: float) -> FloatArray:
    dropped = _share(samples, fraction)
    return _mean(np.sort(samples, axis=-1)[..., dropped : samples.shape[-1] - dropped])


def _lower_trimmed_mean(samples: FloatArray, fraction: float) -> FloatArray:
    return _mean(np.sort(samples, axis=-1)[..., : max(1, _share(samples, 1.0 - fraction))])


def _upper_trimmed_mean(samples: FloatArray, fraction: float) -> FloatArray:
    return _mean(np.sort(samples, axis=-1)[..., min(samples.shape[-1] - 1, _share(samples, fraction)) :])


def _quantile(samples: FloatArray, fraction: float) -> FloatArray:
    return np.asarray(np.quantile(samples, fraction, axis=-1))


def _mean_plus_std(samples: FloatArray, k: float) -> FloatArray:
    return np.asarray(_mean(samples) + k * samples.std(axis=-1))


def _mean_quantile_mix(samples: FloatArray, fraction: float, weight: float) -> FloatArray:
    return np.asarray(weight * _mean(samples) + (1.0 - weight) * _quantile(samples, fraction))


def _quantile_plus_std(samples: FloatArray, fraction: float, k: float) -> FloatArray:
    return np.asarray(_quantile(samples, fraction) + k * samples.std(axis=-1))


def _share(samples: FloatArray, fraction: float) -> int:
    """Return how many samples a share of them is, rounded down."""
    return int(samples.shape[-1] * fraction + ROUNDING)


@dataclass(frozen=True)
class Kind:
    """How an aggregate is computed from samples (..., S), and the settings that it needs."""

    compute: Callable[..., FloatArray]
    needs: tuple[str, ...] = ()


KINDS: dict[str, Kind] = {
    "median": Kind(_median),
    "mean": Kind(_mean),
    "trimmed_mean": Kind(_trimmed_mean, ("fraction",)),
    "lower_trimmed_mean": Kind(_lower_trimmed_mean, ("fraction",)),
    "upper_trimmed_mean": Kind(_upper_trimmed_mean, ("fraction",)),
    "quantile": Kind(_quantile, ("fraction",)),
    "mean_plus_std": Kind(_mean_plus_std, ("k",)),
    "mean_quantile_mix": Kind(_mean_quantile_mix, ("fraction", "weight")),
    "quantile_plus_std": Kind(_quantile_plus_std, ("fraction", "k")),
}
SETTINGS = ("fraction", "weight", "k")


@dataclass(frozen=True)
class Aggregate:
    """The number that represents a forecast, by default the median of its samples.

    ``trimmed_mean`` drops the share ``fraction`` of the samples at both ends, ``lower_trimmed_mean`` at the upper end
    only, and ``upper_trimmed_mean`` at the lower end only. ``quantile`` is the linear quantile at ``fraction``.
    ``mean_plus_std`` is the mean plus ``k`` (which may be negative) population standard deviations,
    ``quantile_plus_std`` the same from the quantile at ``fraction``, and ``mean_quantile_mix`` is ``weight`` x mean +
    (1 - ``weight``) x quantile at ``fraction``. Settings that a kind does not use are None.
    """

    kind: Annotated[str, OneOf(tuple(KINDS))] = "median"
    fraction: Annotated[float | None, Number(0, 1)] = None
    weight: Annotated[float | None, Number(0, 1)] = None
    k: Annotated[float | None, Number(-100, 100)] = None

    def __post_init__(self) -> None:
        check_fields(self, "aggregate")
        needs = KINDS[self.kind].needs
        for name in SETTINGS:
            if (getattr(self, name) is None) == (name in needs):
                wanted = "must be given" if name in needs else "has no effect; leave it out"
                uses = ", ".join(needs) or "no other setting"
                raise ConfigError(f"aggregate.{name}: {wanted}. kind={self.kind} uses {uses}.")
        if self.kind == "trimmed_mean" and self.fraction is not None and self.fraction >= 0.5:
            raise ConfigError(f"aggregate.fraction={self.fraction:g}: must be below 0.5, or no sample would be left.")

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Aggregate:
        """Return the aggregate of a mapping such as ``{kind: trimmed_mean, fraction: 0.1}``; ConfigError if wrong."""
        known = [field.name for field in fields(cls)]
        if unknown := [str(name) for name in settings if name not in known]:
            hint = did_you_mean(unknown[0], known)
            raise ConfigError(f"aggregate.{unknown[0]:.80}: no such key. aggregate has {', '.join(known)}.{hint}")
        return cls(**settings)

    def of_samples(self, samples: FloatArray) -> FloatArray:
        """Return the aggregate of samples (..., S) over their last axis, NaN where any of them is."""
        kind = KINDS[self.kind]
        numbers = kind.compute(samples, **{name: getattr(self, name) for name in kind.needs})
        return np.asarray(np.where(np.isnan(samples).any(axis=-1), np.nan, numbers))


def aggregated(forecast: Forecast, aggregate: Aggregate) -> FloatArray:
    """Return the aggregate (B, A, H, P) of a forecast, NaN where any of its samples is.

    Forecasts without samples have the kinds ``median`` and ``quantile``, interpolated between their levels;
    ConfigError for any other.
    """
    if forecast.paths is None:
        return _of_quantiles(forecast, aggregate)
    return aggregate.of_samples(np.ascontiguousarray(np.moveaxis(forecast.paths, 1, -1)))


def _of_quantiles(forecast: Forecast, aggregate: Aggregate) -> FloatArray:
    level = 0.5 if aggregate.kind == "median" else aggregate.fraction
    if aggregate.kind not in ("median", "quantile") or level is None:
        raise ConfigError(
            f"aggregate.kind={aggregate.kind}: needs samples, and this forecaster has only quantiles. Use median or "
            "quantile, or a forecaster with sample paths."
        )
    return quantile_at(forecast, level)


def quantile_at(forecast: Forecast, level: float) -> FloatArray:
    """Return the quantile (B, A, H, P) at ``level``: the forecast's own, or of its samples, or interpolated linearly.

    ConfigError for a level outside those of a forecaster that has only quantiles: nothing is extrapolated.
    """
    if level in forecast.levels:
        return np.asarray(forecast.quantiles[..., forecast.levels.index(level)])
    if forecast.paths is not None:
        return np.asarray(np.quantile(forecast.paths, level, axis=1))
    levels = np.array(forecast.levels)
    if not levels[0] <= level <= levels[-1]:
        raise ConfigError(
            f"the quantile at {level:g}: this forecaster has quantiles from {levels[0]:g} to {levels[-1]:g} only. "
            "Choose a level between them, or a forecaster with sample paths."
        )
    above = int(np.searchsorted(levels, level))
    share = (level - levels[above - 1]) / (levels[above] - levels[above - 1])
    return np.asarray((1.0 - share) * forecast.quantiles[..., above - 1] + share * forecast.quantiles[..., above])
