"""Configuration of guards that are fitted and of guards that are compared: schemas, no heavy imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar

from rlx.errors import ConfigError
from rlx.evaluate.config import Protocol
from rlx.ranges import ListOf, Number, Text
from rlx.sim.rules import Guard

KINDS = ("drawdown", "negative_return", "turnover")
"""The three guards; each has a ``_threshold``, and fitted a ``_percentile``."""

Percentile = Annotated[float | None, Number(0, 100)]

CONFIGURED = "configured"
"""Stands among ``GuardAb.guards`` for the guard of the command itself: for a checkpoint, that of its training."""


@dataclass(frozen=True)
class FittedGuard(Guard):
    """A guard whose thresholds are percentiles of a reference book: option ``fitted`` of the ``guard`` group.

    ``rlx.evaluate.fit_guard`` says which book. A percentile of None leaves that guard off, or at the threshold that
    is given instead. Nothing is ever traded under this schema: it becomes a plain ``Guard`` first.
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
                    f"guard.{kind}_threshold={threshold:g}: this guard's is fitted. Leave it out, or give "
                    f"guard.{kind}_percentile=null beside it."
                )

    def percentile(self, kind: str) -> float | None:
        """Return the percentile that fits the threshold of one of ``KINDS``."""
        value: float | None = getattr(self, f"{kind}_percentile")
        return value

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Guard:
        """Return the plain guard with these thresholds, by kind, and all else as it is."""
        values = {item.name: getattr(self, item.name) for item in fields(Guard)}
        return Guard(**values | {f"{kind}_threshold": value for kind, value in thresholds.items()})


@dataclass(frozen=True)
class GuardAb(Protocol):
    """The same policy under several guards: option ``guard_ab`` of the ``protocol`` group.

    ``guards`` are options of the ``guard`` group, or ``configured``; the first is the control that the others are
    compared with, window by window, over the windows at every start index.
    """

    evaluation_only: ClassVar[bool] = True
    guards: Annotated[list[str], ListOf(Text(100), most=20)] = field(default_factory=lambda: ["none", "calibrated"])

    def __post_init__(self) -> None:
        super().__post_init__()
        names: Any = self.guards
        shown = f"protocol.guards=[{','.join(map(str, names))}]"
        if len(names) < 2:
            raise ConfigError(
                f"{shown}: name two guards or more, the control first, for example protocol.guards=[none,calibrated]."
            )
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"{shown}: {', '.join(twice)} stands there more than once. Name each guard once.")
