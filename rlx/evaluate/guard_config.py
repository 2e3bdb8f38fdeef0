"""Configuration of fitted guards: a schema without heavy imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated

from rlx.errors import ConfigError
from rlx.ranges import Number
from rlx.sim.rules import GUARDS, Guard

KINDS = tuple(rule.name for rule in GUARDS)
"""The guards; each has a ``_threshold``, and a fitted one a ``_percentile`` if the reference has its quantity."""

Percentile = Annotated[float | None, Number(0, 100)]

CONFIGURED = "configured"
"""In a list of guards to compare: the guard of the command itself; for a checkpoint, that of its training."""


@dataclass(frozen=True)
class FittedGuard(Guard):
    """A guard whose thresholds are percentiles of a reference book: option ``fitted`` of the ``guard`` group.

    ``rlx.evaluate.fit_guard`` says which book. With a percentile of None, that guard is off or has the
    threshold that is given instead. No trade uses this schema directly: it is first converted to a plain ``Guard``.
    """

    drawdown_percentile: Percentile = 90.0
    negative_return_percentile: Percentile = 10.0
    turnover_percentile: Percentile = 90.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for kind in KINDS:
            percentile, threshold = self.percentile(kind), getattr(self, f"{kind}_threshold")
            if percentile is None:
                continue
            if threshold is not None:
                raise ConfigError(
                    f"guard.{kind}_threshold={threshold:g}: this threshold is fitted. Omit it, or also give "
                    f"guard.{kind}_percentile=null."
                )

    def percentile(self, kind: str) -> float | None:
        """Return the percentile that fits the threshold of one of ``KINDS``."""
        value: float | None = getattr(self, f"{kind}_percentile", None)
        return value

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Guard:
        """Return the plain guard with these thresholds, by kind, and all other settings unchanged."""
        values = {item.name: getattr(self, item.name) for item in fields(Guard)}
        return Guard(**values | {f"{kind}_threshold": value for kind, value in thresholds.items()})


def is_on(guard: Guard, kind: str) -> bool:
    """Return whether the guard ``kind`` has a threshold, or will have one once it is fitted."""
    fitted = isinstance(guard, FittedGuard) and guard.percentile(kind) is not None
    return fitted or getattr(guard, f"{kind}_threshold") is not None
