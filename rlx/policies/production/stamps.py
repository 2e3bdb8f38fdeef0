"""Time stamps of a record: ISO 8601, year first, with or without a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from rlx.types import YEARS

DAY = r"\d{4}-\d{2}-\d{2}"
TIME = r"\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
ZONE = r"[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?"
_STAMP = re.compile(rf"(?P<day>{DAY})(?:[Tt ](?P<time>{TIME})\s?(?P<zone>{ZONE})?)?")


class Stamp(NamedTuple):
    """A moment of a record.

    instant: datetime64[ns] UTC; for a date alone the day's last nanosecond, when the day is certainly over. session:
    datetime64[D], the later of the stamp's local day and the UTC day: the day of a daily bar at whose close it is past.
    zoned: whether the text names its zone, or is a date alone and needs none.
    """

    instant: np.datetime64
    session: np.datetime64
    zoned: bool

    @property
    def utc_day(self) -> np.datetime64:
        """The UTC day, datetime64[D]."""
        day: np.datetime64 = self.instant.astype("datetime64[D]")
        return day

    @property
    def is_day(self) -> bool:
        """Whether it is a day without a time."""
        ends = (self.utc_day + 1).astype("datetime64[ns]") - np.timedelta64(1, "ns")
        return bool(self.zoned and self.instant == ends)

    @property
    def text(self) -> str:
        """The instant to the second, as ``2025-10-22T09:58:17Z``."""
        return f"{np.datetime_as_string(self.instant, unit='s')}Z"


def parse_stamp(text: str) -> Stamp | None:
    """Return the moment of a text, UTC where it has no zone; None when it is not one."""
    found = _STAMP.fullmatch(text.strip())
    if found is None or not YEARS[0] <= int(found["day"][:4]) <= YEARS[1]:
        return None
    try:
        return _date(found["day"]) if found["time"] is None else _moment(found["day"], found["time"], found["zone"])
    except ValueError:  # 2020-02-30, 25:00
        return None


def _date(text: str) -> Stamp:
    day = np.datetime64(datetime.fromisoformat(text).date(), "D")
    end = (day + 1).astype("datetime64[ns]") - np.timedelta64(1, "ns")
    return Stamp(end, day, zoned=True)


def _moment(day: str, time: str, zone: str | None) -> Stamp:
    suffix = "+00:00" if zone in (None, "Z", "z", "UTC", "GMT") else zone
    moment = datetime.fromisoformat(f"{day}T{time.replace(',', '.')}{suffix}")
    instant = np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "ns")
    session = max(np.datetime64(moment.date(), "D"), instant.astype("datetime64[D]"))
    return Stamp(instant, session, zoned=zone is not None)
