"""The options of forecasters whose models others trained; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated

import numpy as np

from rlx.errors import ConfigError
from rlx.fields import Batch, HorizonSteps
from rlx.forecast.sampling import SamplingConfig
from rlx.ranges import FilePath, Number, OneOf, Text, Whole, check_fields
from rlx.untrusted.shown import as_typed

FIRST_YEAR, LAST_YEAR = 1678, 2261  # whole years in nanoseconds of 64 bits
MOVES, LEVELS_OF_PRICE = "moves", "prices"


@dataclass
class PretrainedConfig:
    """The model in ``path``: a folder, or a name of the Hugging Face hub such as ``amazon/chronos-2``.

    A name is looked up among the models that were downloaded before, and only downloaded with ``download``. Each
    forecast sees ``context_bars`` bars. ``last_seen`` is the last date that may have gone into the weights, if you know
    it, or a time in UTC; results up to the end of that date are no evidence.
    """

    path: Annotated[str, FilePath(shortest=0)] = ""
    download: bool = False
    horizon_steps: HorizonSteps = 1
    context_bars: Annotated[int, Whole(8, 100_000)] = 512
    last_seen: Annotated[str | None, Text(longest=32)] = None

    def __post_init__(self) -> None:
        check_fields(self, "forecaster")
        self.last_seen_date()

    def last_seen_date(self) -> np.datetime64 | None:
        """Return ``last_seen`` in UTC, the end of a date; ConfigError if it is none, or has a time zone."""
        if self.last_seen is None:
            return None
        given = f"forecaster.last_seen={as_typed(self.last_seen)}"
        try:
            found = _last_moment(self.last_seen)
        except ValueError:
            raise ConfigError(f"{given}: must be a date such as 2024-06-30, a time in UTC, or null.") from None
        if found.tzinfo is not None:
            raise ConfigError(f"{given}: must have no time zone, since times are in UTC. Leave the zone out.")
        return np.datetime64(found, "ns")


def _last_moment(text: str) -> datetime:
    """Return a date's last microsecond, or a time as it is; ValueError for anything else."""
    try:
        found = datetime.combine(date.fromisoformat(text), time.max)
    except ValueError:
        found = datetime.fromisoformat(text)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError("nanoseconds do not reach so far")
    return found


@dataclass
class OwnSeriesConfig(PretrainedConfig):
    """A model that is shown ``series``: the ``moves`` of a price against itself one bar before, or ``prices``."""

    series: Annotated[str, OneOf((MOVES, LEVELS_OF_PRICE))] = MOVES


@dataclass
class ChronosConfig(OwnSeriesConfig, SamplingConfig):
    """A Chronos model: quantiles of Chronos-Bolt and Chronos-2, ``n_samples`` paths of the first Chronos (T5)."""

    _target_: str = "rlx.forecast.chronos.ChronosForecaster"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_samples()


@dataclass
class TotoConfig(OwnSeriesConfig):
    """A Toto 2 model: quantiles, at most ``batch`` series at a time."""

    batch: Batch = 64
    _target_: str = "rlx.forecast.toto.TotoForecaster"


@dataclass
class KronosConfig(PretrainedConfig, SamplingConfig):
    """A Kronos model with the ``tokenizer`` that it was trained with, both folders or names of the hub.

    ``code`` is the folder of a checkout of Kronos, whose Python code is run; without it, the package kronos-finance is.
    Tokens are drawn at ``temperature`` from the ``top_k`` most probable (0 for all) with the probability ``top_p``.
    """

    tokenizer: Annotated[str, FilePath(shortest=0)] = ""
    code: Annotated[str | None, FilePath()] = None
    temperature: Annotated[float, Number(1e-3, 100)] = 1.0
    top_k: Annotated[int, Whole(0, 1_000_000)] = 0
    top_p: Annotated[float, Number(1e-6, 1)] = 0.9
    clip: Annotated[float, Number(0.1, 1_000)] = 5.0
    _target_: str = "rlx.forecast.kronos.KronosForecaster"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_samples()
