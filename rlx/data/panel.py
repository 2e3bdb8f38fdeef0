"""The one container of market data: aligned bars of several symbols."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rlx.data.calendars import Calendar, infer_calendar
from rlx.data.periods import within
from rlx.errors import DataError, did_you_mean
from rlx.types import AssetClass, BoolArray, FloatArray, IntArray, TimeArray

PRICE_FIELDS = ("open", "high", "low", "close")
BAR_FIELDS = (*PRICE_FIELDS, "volume")


@dataclass(frozen=True, eq=False)
class MarketPanel:
    """Bars of A symbols on N common timestamps.

    timestamps: (N,) datetime64[ns], UTC, strictly increasing; a daily stamp is the label of a session (midnight), an
    intraday stamp the start of a bar. open, high, low, close, volume: (N, A) float64; all but ``close`` may be None,
    which means not available (never invented). frequency: bar length such as ``1D`` or ``1h``. calendar: ``equity``,
    ``crypto`` (every day) or ``weekdays`` (around the clock on weekdays). asset_classes: equity by default, regardless
    of the days with bars. source: the origin of the bars, for messages and records only.

    Raises DataError on wrong shapes, fewer than two bars, unsorted or repeated timestamps, and on prices that are
    missing or not positive.
    """

    symbols: tuple[str, ...]
    timestamps: TimeArray
    close: FloatArray
    open: FloatArray | None = None
    high: FloatArray | None = None
    low: FloatArray | None = None
    volume: FloatArray | None = None
    frequency: str = ""
    calendar: str = ""
    asset_classes: tuple[AssetClass, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "symbols", tuple(str(symbol) for symbol in self.symbols))
        object.__setattr__(self, "timestamps", np.asarray(self.timestamps).astype("datetime64[ns]"))
        self._check_index()
        for name in BAR_FIELDS:
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, self._checked(name, values))
        object.__setattr__(self, "frequency", self.frequency or self.measured.frequency)
        object.__setattr__(self, "calendar", self.calendar or self.measured.name)
        classes = tuple(AssetClass(name) for name in self.asset_classes) or (AssetClass.equity,) * len(self.symbols)
        object.__setattr__(self, "asset_classes", classes)
        if len(classes) != len(self.symbols):
            raise DataError(f"{self._label}: {len(classes)} asset classes for {len(self.symbols)} symbols.")

    @property
    def _label(self) -> str:
        return self.source or "panel"

    def _check_index(self) -> None:
        if not self.symbols:
            raise DataError(f"{self._label}: no symbols.")
        if len(set(self.symbols)) != len(self.symbols):
            raise DataError(f"{self._label}: a symbol appears twice in {list(self.symbols)}.")
        if len(self.timestamps) < 2:
            raise DataError(f"{self._label}: {len(self.timestamps)} bar(s); a market needs at least 2.")
        if not np.all(np.diff(self.timestamps.view(np.int64)) > 0):
            raise DataError(f"{self._label}: timestamps must be strictly increasing.")

    def _checked(self, name: str, values: FloatArray) -> FloatArray:
        array = np.ascontiguousarray(values, dtype=np.float64)
        if array.shape != (len(self.timestamps), len(self.symbols)):
            expected = (len(self.timestamps), len(self.symbols))
            raise DataError(f"{self._label}: {name} has shape {array.shape}, expected (bars, symbols) = {expected}.")
        bad = ~np.isfinite(array) | ((array <= 0.0) if name in PRICE_FIELDS else (array < 0.0))
        if bad.any():
            bar, asset = np.argwhere(bad)[0]
            allowed = "must be positive" if name in PRICE_FIELDS else "must not be negative"
            raise DataError(
                f"{self._label}: {name} of {self.symbols[asset]} at {format_stamp(self.timestamps[bar])} is"
                f" {array[bar, asset]}; it {allowed}."
            )
        return array

    def __len__(self) -> int:
        return len(self.timestamps)

    @cached_property
    def measured(self) -> Calendar:
        """The calendar according to the timestamps."""
        return infer_calendar(self.timestamps)

    @property
    def periods_per_year(self) -> float:
        """Bars in a year, counted: 252 for daily US equities, 365 for daily crypto, 1764 for hourly US equities."""
        return self.measured.periods_per_year

    @property
    def close_only(self) -> bool:
        """Whether only closes are known."""
        return self.open is None and self.high is None and self.low is None

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over symbols, timestamps and bars; independent of path and layout."""
        digest = hashlib.sha256("\x1f".join(self.symbols).encode())
        digest.update(self.timestamps.view(np.int64).astype("<i8").tobytes())
        for name in BAR_FIELDS:
            values = getattr(self, name)
            digest.update(name.encode() + (b"-" if values is None else b"+"))
            if values is not None:
                digest.update((values + 0.0).astype("<f8").tobytes())  # + 0.0 turns -0.0 into 0.0
        return digest.hexdigest()[:16]

    def select(
        self, symbols: Sequence[str] | None = None, start: str | None = None, end: str | None = None
    ) -> MarketPanel:
        """Return the given symbols, in the given order, between two dates, both inclusive.

        Raises DataError for an unknown symbol, a start after the end, or fewer than two bars left.
        """
        columns = select_columns(self.symbols, symbols)
        mask = within(self.timestamps, start, end)
        if mask.sum() < 2:
            raise DataError(
                f"data.start={start}, data.end={end}: {int(mask.sum())} bar(s) left of"
                f" {format_stamp(self.timestamps[0])} to {format_stamp(self.timestamps[-1])}; at least 2 are needed."
            )
        return self._take(mask, columns)

    def _take(self, mask: BoolArray, columns: IntArray) -> MarketPanel:
        def cut(array: FloatArray | None) -> FloatArray | None:
            return None if array is None else array[mask][:, columns]

        return replace(
            self,
            symbols=tuple(self.symbols[column] for column in columns),
            timestamps=self.timestamps[mask],
            asset_classes=tuple(self.asset_classes[column] for column in columns),
            calendar="",
            frequency="",
            close=self.close[mask][:, columns],
            open=cut(self.open),
            high=cut(self.high),
            low=cut(self.low),
            volume=cut(self.volume),
        )


def select_columns(available: Sequence[str], wanted: Sequence[str] | None) -> IntArray:
    """Return the positions of ``wanted`` (None for all) in ``available``, or raise DataError naming the nearest."""
    if wanted is None:
        return np.arange(len(available), dtype=np.int64)
    if not wanted:
        raise DataError("data.symbols=[]: name at least one symbol, or leave it null for all.")
    for symbol in wanted:
        if symbol not in available:
            shown = ", ".join(list(available)[:20]) + (", ..." if len(available) > 20 else "")
            raise DataError(
                f"data.symbols: unknown symbol '{symbol}'.{did_you_mean(symbol, available)} Available: {shown}."
            )
    return np.array([list(available).index(symbol) for symbol in wanted], dtype=np.int64)


def format_stamp(stamp: np.datetime64) -> str:
    """Return ``2015-03-02`` for a midnight and ``2015-03-02 14:30`` otherwise."""
    day = stamp.astype("datetime64[D]")
    if stamp == day:
        return str(day)
    return str(stamp.astype("datetime64[s]")).replace("T", " ").removesuffix(":00")
