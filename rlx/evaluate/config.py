"""What a judgement covers and how its statistics are drawn: the schema of the ``protocol`` group."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from rlx.errors import ConfigError
from rlx.evaluate import BOARD
from rlx.measures.trials import MAX_TRIALS
from rlx.ranges import FilePath, Number, OneOf, Whole, check_fields
from rlx.untrusted.shown import as_typed

SPLITS = ("auto", "train", "validation", "test", "all")
SECONDS = "datetime64[s]"
DECISIONS = Whole(1, 1_000_000)
Distance = Annotated[int | None, Whole(0, 1_000_000)]
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

    split: Annotated[str, OneOf(SPLITS)] = "auto"
    start: str | None = None
    end: str | None = None
    window_steps: Annotated[int, DECISIONS] = 42
    bootstrap_replications: Annotated[int, Whole(100, 100_000)] = 2000
    confidence: Annotated[float, Number(0.01, 0.9999)] = 0.95
    seed: Annotated[int, Whole(0, 2**32 - 1)] = 0
    trials: Annotated[int | None, Whole(1, MAX_TRIALS)] = None
    evaluation_only: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_fields(self, "protocol")
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
    window: Annotated[int, DECISIONS] = 256
    stride: Annotated[int, DECISIONS] = 64
    purge_steps: Distance = None
    embargo_steps: Distance = None


@dataclass(frozen=True)
class Benchmark(Protocol):
    """The same judgement of many policies, for the scoreboard: option ``benchmark`` of the ``protocol`` group.

    ``targets`` is the file that lists them and ``board`` the scoreboard they are recorded on, a ``.json`` file; both
    are relative to the working directory.
    """

    evaluation_only: ClassVar[bool] = True
    targets: Annotated[str, FilePath()] = "experiments/targets.yaml"
    board: Annotated[str, FilePath()] = BOARD

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.board.endswith(".json"):  # its pages, .md and .html, lie beside it
            raise ConfigError(f"protocol.board={as_typed(self.board)}: must be the path of a .json file.")


def _end_of(period: np.datetime64) -> np.datetime64:
    """Return the first second after the year, month, day or minute that ``period`` names."""
    unit: Any = np.datetime_data(period.dtype)[0]
    end: np.datetime64 = (period + np.timedelta64(1, unit)).astype(SECONDS)
    return end


def _date(name: str, value: Any) -> np.datetime64 | None:
    if value is None:
        return None
    try:
        if not isinstance(value, str) or not WRITTEN.fullmatch(value):
            raise ValueError(value)
        return np.datetime64(value)  # in the unit it is written in: a year, a month, a day
    except ValueError as error:
        raise ConfigError(
            f"protocol.{name}={as_typed(value)}: must be a date (UTC) written as 2020, 2020-01 or 2020-01-31, or null."
        ) from error
