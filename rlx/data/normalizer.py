"""Feature scaling with statistics of the training split only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from rlx.errors import DataError
from rlx.types import FloatArray


class WrittenNormalizer(TypedDict):
    """What files hold of a ``Normalizer``."""

    feature_names: list[str]
    mean: list[float]
    std: list[float]
    clip: float


@dataclass(frozen=True, eq=False)
class Normalizer:
    """Elementwise (x - mean) / std, clipped to [-clip, clip].

    mean, std: (F,) float64, one number per feature, pooled over bars and assets. Applying it to a slice equals slicing
    the applied array; its statistics never change in use, they belong to the policy.
    """

    feature_names: tuple[str, ...]
    mean: FloatArray
    std: FloatArray
    clip: float = 5.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "feature_names", tuple(self.feature_names))
        for name in ("mean", "std"):
            array = np.asarray(getattr(self, name), dtype=np.float64)
            if array.shape != (len(self.feature_names),) or not np.isfinite(array).all():
                raise DataError(f"normalizer.{name}: needs one finite number for each of {list(self.feature_names)}.")
            object.__setattr__(self, name, array)
        if (self.std <= 0.0).any():
            raise DataError(f"normalizer.std={self.std.tolist()}: must be positive.")
        if not self.clip > 0.0:
            raise DataError(f"normalizer.clip={self.clip}: must be positive.")

    @classmethod
    def fit(cls, feature_names: Sequence[str], features: FloatArray, bars: slice, clip: float = 5.0) -> Normalizer:
        """Measure mean and standard deviation of features (N, A, F) over the given bars, without warm-up NaNs.

        A feature that never moves there gets a standard deviation of 1. Raises DataError when a feature has no finite
        value in these bars.
        """
        sample = np.asarray(features[bars], dtype=np.float64).reshape(-1, len(feature_names))
        known = np.isfinite(sample)
        if sample.shape[1] and not known.any(axis=0).all():
            empty = [name for name, values in zip(feature_names, known.T, strict=True) if not values.any()]
            raise DataError(f"normalizer: no known value of {', '.join(empty)} in the training bars.")
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, sample, 0.0).sum(axis=0) / count
        variance = (np.where(known, sample - mean, 0.0) ** 2).sum(axis=0) / count
        std = np.sqrt(variance)
        moves = std > 1e-8 * (1.0 + np.abs(mean))
        return cls(tuple(feature_names), mean, np.where(moves, std, 1.0), clip)

    def apply(self, features: FloatArray) -> FloatArray:
        """Return scaled features of the same shape (..., F), float32."""
        mean, std = self.mean.astype(np.float32), self.std.astype(np.float32)
        scaled = (np.asarray(features, dtype=np.float32) - mean) / std
        return np.asarray(np.clip(scaled, -np.float32(self.clip), np.float32(self.clip)))

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics as JSON-able values."""
        return {
            "feature_names": list(self.feature_names),
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "clip": float(self.clip),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Normalizer:
        """Rebuild a normalizer from ``to_dict``; raises DataError naming a missing key."""
        missing = {"feature_names", "mean", "std", "clip"} - set(values)
        if missing:
            raise DataError(f"normalizer: missing {', '.join(sorted(missing))}.")
        return cls(tuple(values["feature_names"]), np.array(values["mean"]), np.array(values["std"]), values["clip"])
