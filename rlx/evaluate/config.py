"""What a judgement covers and how its statistics are drawn: the schema of the ``protocol`` group."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rlx.errors import ConfigError, did_you_mean
from rlx.evaluate import BOARD
from rlx.evaluate.trials import MAX_TRIALS

SPLITS = ("auto", "train", "validation", "test", "all")
SECONDS = "datetime64[s]"
WRITTEN = re.compile(r"\d{4}(-\d\d(-\d\d([ T]\d\d:\d\d(:\d\d)?)?)?)?")


@dataclass(frozen=True)
class Protocol:
    """Which part of the market a policy is judged on, and the statistics of the scorecard.

    ``split`` names the part; ``auto`` is the test split, or for a file of weights the bars it covers. ``start`` and
    ``end`` (dates, both inclusive) narrow it, None leaves it open. Every start index of the part begins one more
    window of ``window_steps`` decisions. Intervals are ``confidence`` wide
    and come from ``bootstrap_replications`` resamples drawn with ``seed``, which is not the training seed: the same
    ledger always gets the same intervals. ``trials`` declares how many policies were tried before this one was shown,
    itself included, None that nothing is said; where a sweep counts more, that number holds. A training can end in any
    protocol that is not ``evaluation_only``.
    """

    split: str = "auto"
    start: str | None = None
    end: str | None = None
    window_steps: int = 42
    bootstrap_replications: int = 2000
    confidence: float = 0.95
    seed: int = 0
    trials: int | None = None
    evaluation_only: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            allowed = ", ".join(SPLITS)
            raise ConfigError(
                f"protocol.split={self.split!r}: must be one of {allowed}.{did_you_mean(str(self.split), SPLITS)}"
            )
        _whole("window_steps", self.window_steps, 1)
        _whole("bootstrap_replications", self.bootstrap_replications, 100)
        _whole("seed", self.seed, 0)
        if self.trials is not None:
            _whole("trials", self.trials, 1, " or null", high=MAX_TRIALS)
        _open_unit("confidence", self.confidence)
        start, end = _date("start", self.start), _date("end", self.end)
        if start is not None and end is not None and start.astype(SECONDS) >= _end_of(end):
            raise ConfigError(f"protocol.start={self.start!r} lies after protocol.end={self.end!r}.")


@dataclass(frozen=True)
class WalkForward(Protocol):
    """The same judgement with windows that walk over the span: option ``walk_forward`` of the ``protocol`` group.

    A window of ``window`` decisions starts every ``stride`` decisions, each with a fresh account; what is left at the
    end and fills no window is left out. By default the span is everything the policy has features for. A window is a
    test of the policy only at least ``purge_steps`` after, and ``embargo_steps`` before, any span the policy was made
    on; None asks for no distance.
    """

    split: str = "all"
    window: int = 256
    stride: int = 64
    purge_steps: int | None = None
    embargo_steps: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _whole("window", self.window, 1)
        _whole("stride", self.stride, 1)
        for name in ("purge_steps", "embargo_steps"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name), 0, " or null")


@dataclass(frozen=True)
class Benchmark(Protocol):
    """The same judgement of many policies, for the scoreboard: option ``benchmark`` of the ``protocol`` group.

    ``targets`` is the file that lists them and ``board`` the scoreboard they are recorded on, a ``.json`` file; both
    are relative to the working directory.
    """

    evaluation_only: ClassVar[bool] = True
    targets: str = "experiments/targets.yaml"
    board: str = BOARD

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.board.endswith(".json"):  # its pages, .md and .html, lie beside it
            raise ConfigError(f"protocol.board={self.board!r}: must be the path of a .json file.")


def _end_of(period: np.datetime64) -> np.datetime64:
    """Return the first second after the year, month, day or minute that ``period`` names."""
    unit: Any = np.datetime_data(period.dtype)[0]
    end: np.datetime64 = (period + np.timedelta64(1, unit)).astype(SECONDS)
    return end


def _whole(name: str, value: Any, low: int, otherwise: str = "", high: int | None = None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        bounds = f"at least {low}" if high is None else f"from {low} to {high:,}"
        raise ConfigError(f"protocol.{name}={value!r}: must be a whole number, {bounds}{otherwise}.")


def _open_unit(name: str, value: Any) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not 0.0 < value < 1.0:
        raise ConfigError(f"protocol.{name}={value!r}: must be a number between 0 and 1, both excluded.")


def _date(name: str, value: Any) -> np.datetime64 | None:
    if value is None:
        return None
    try:
        if not isinstance(value, str) or not WRITTEN.fullmatch(value):
            raise ValueError(value)
        return np.datetime64(value)  # in the unit it is written in: a year, a month, a day
    except ValueError as error:
        raise ConfigError(
            f"protocol.{name}={value!r}: must be a date (UTC) written as 2020, 2020-01 or 2020-01-31, or null."
        ) from error
