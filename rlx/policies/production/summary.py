"""The results of a production system by symbol and day, and its account: plain numbers with their definitions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rlx.policies.config import LogValue
from rlx.policies.production.record import UNKNOWN, Record, Snapshot, Trade, hit_rate, pnl_of
from rlx.types import FloatArray, TimeArray

SCHEMA_VERSION = 2
PER_DAY = ("per_business_day", "per_calendar_day", "per_recorded_day")


class Days(NamedTuple):
    """Counts of days: calendar days, Mondays to Fridays (holidays included), and days with a time stamp."""

    calendar: int
    business: int
    recorded: int

    @classmethod
    def between(cls, first: np.datetime64, last: np.datetime64, recorded: set[np.datetime64]) -> Days:
        """Count UTC days from ``first`` to ``last``, both included."""
        return cls(
            calendar=int((last - first).astype(np.int64)) + 1,
            business=int(np.busday_count(first, last + 1)),
            recorded=len({day for day in recorded if first <= day <= last}),
        )

    def averages(self, total: float) -> dict[str, float | None]:
        """Return ``total`` over each count, None for a count of zero."""
        counts = (self.business, self.calendar, self.recorded)
        return {name: total / count if count else None for name, count in zip(PER_DAY, counts, strict=True)}


def summarise(record: Record, initial_value: float | None = None) -> dict[str, Any]:
    """Return the record's summary as plain values; money in account currency, days in UTC.

    ``initial_value`` is the account's value before the first trade, for returns where no log has it. Values missing in
    the record are None. docs/production_record.md defines every key.
    """
    moments = sorted(stamp.instant for stamp in record.stamps)
    days = {stamp.utc_day for stamp in record.stamps}
    counted = Days.between(min(days), max(days), days) if days else Days(0, 0, 0)
    return {
        "schema_version": SCHEMA_VERSION,
        "trades_file": None if record.trades_path is None else str(record.trades_path),
        "log_file": None if record.log_path is None else str(record.log_path),
        "time_zone": {"days": "UTC", "stamps_assumed_utc": sum(not stamp.zoned for stamp in record.stamps)},
        "span": {
            "first": _text(moments[0]) if moments else None,
            "last": _text(moments[-1]) if moments else None,
            **{f"{name}_days": count for name, count in counted._asdict().items()},
        },
        "trades": _trades(record),
        "realised_pnl": _realised(record),
        "average_daily_pnl": _average_pnl(record, counted),
        "log_value": None if record.log_path is None else record.log_value.value,
        "account": _account(record),
        "exposure": _exposure(record),
        "average_daily_return": _average_return(record, days, initial_value),
        "global_risk_threshold": _thresholds(record),
        "problems": record.problems.to_dict(),
    }


def _text(moment: np.datetime64) -> str:
    return f"{np.datetime_as_string(moment, unit='s')}Z"


def _trades(record: Record) -> dict[str, Any] | None:
    if record.trades_path is None:
        return None
    realised = record.realised
    return {
        "total": len(record.trades),
        "realised": len(realised),
        "open": sum(not trade.is_closed for trade in record.trades),
        "pnl_as_recorded": sum(trade.recorded_pnl is not None for trade in realised),
        "pnl_computed": sum(trade.recorded_pnl is None for trade in realised),
        "hit_rate": hit_rate(realised),
    }


def _realised(record: Record) -> dict[str, Any] | None:
    if record.trades_path is None:
        return None
    realised, dated = record.realised, _dated(record)
    return {
        "total": pnl_of(realised),
        "dated": pnl_of(dated),
        "undated": pnl_of([trade for trade in realised if trade.closed is None]),
        "by_symbol": _grouped(realised, lambda trade: trade.symbol),
        "by_symbol_and_side": _grouped(realised, lambda trade: f"{trade.symbol}|{trade.side}"),
        "by_day": _grouped(dated, _day),
    }


def _dated(record: Record) -> list[Trade]:
    return [trade for trade in record.realised if trade.closed is not None]


def _day(trade: Trade) -> str:
    return UNKNOWN if trade.closed is None else str(trade.closed.utc_day)


def _grouped(trades: list[Trade], name: Callable[[Trade], str]) -> dict[str, Any]:
    groups: dict[str, list[Trade]] = defaultdict(list)
    for trade in trades:
        groups[name(trade)].append(trade)
    return {
        label: {"pnl": pnl_of(group), "trades": len(group), "hit_rate": hit_rate(group)}
        for label, group in sorted(groups.items())
    }


def _average_pnl(record: Record, days: Days) -> dict[str, float | None] | None:
    return days.averages(pnl_of(_dated(record))) if _dated(record) else None


def _average_return(record: Record, recorded: set[np.datetime64], initial_value: float | None) -> dict[str, Any] | None:
    """Return the average of a day's realised PnL over the account value before it; None where that is unknown.

    The value comes from the log, from the first snapshot on, where the log has account values, and otherwise it is the
    initial value plus the PnL of earlier days.
    """
    snapshots, dated = record.valued, _dated(record)
    if not dated or not (snapshots or initial_value):
        return None
    first, last = snapshots[0].stamp.utc_day if snapshots else min(recorded), max(recorded)
    days = Days.between(first, last, recorded)
    later = [trade for trade in dated if trade.closed is not None and trade.closed.utc_day >= first]
    values = _values_before(later, snapshots) if snapshots else _booked_before(later, initial_value or 0.0)
    if not (values > 0.0).all():  # the losses exhausted the initial value
        return None
    returns = np.array([trade.pnl for trade in later]) / values
    return {
        "account_value": "log" if snapshots else "initial_value",
        "first_day": str(first),
        **{f"{name}_days": count for name, count in days._asdict().items()},
        "trades_before": len(dated) - len(later),
        **days.averages(math.fsum(returns.tolist())),
    }


def _values_before(trades: list[Trade], snapshots: list[Snapshot]) -> FloatArray:
    """Return the last account value before the UTC day each trade closed on; the first one on its own day."""
    moments = np.array([snapshot.stamp.instant for snapshot in snapshots])
    values = np.array([snapshot.value for snapshot in snapshots])
    return np.asarray(values[np.maximum(np.searchsorted(moments, _close_days(trades)) - 1, 0)])


def _booked_before(trades: list[Trade], initial_value: float) -> FloatArray:
    """Return the initial value plus the PnL realised before the UTC day each trade closed on."""
    days = _close_days(trades)
    order = np.argsort(days, kind="stable")
    totals = np.cumsum([initial_value, *(trades[place].pnl or 0.0 for place in order)])
    return np.asarray(totals[np.searchsorted(days[order], days)])


def _close_days(trades: list[Trade]) -> TimeArray:
    return np.array([trade.closed.utc_day for trade in trades if trade.closed is not None], dtype="datetime64[ns]")


def _account(record: Record) -> dict[str, Any] | None:
    """Return the account's values from the log; None for a log of exposure."""
    if not record.account:
        return None
    found = _range(record.account)
    first, last = found["first"], found["last"]
    return found | {"change": last - first, "total_return": last / first - 1.0 if first > 0.0 else None}


def _exposure(record: Record) -> dict[str, Any] | None:
    """Return the gross value of open positions from the log, zero for a flat book; no return can be derived from it."""
    if not record.snapshots or record.log_value is not LogValue.exposure:
        return None
    values = [snapshot.value for snapshot in record.snapshots]
    return _range(record.snapshots) | {"mean": math.fsum(values) / len(values), "zero": sum(not v for v in values)}


def _range(snapshots: Sequence[Snapshot]) -> dict[str, Any]:
    first, last = snapshots[0], snapshots[-1]
    values = [snapshot.value for snapshot in snapshots]
    return {
        "snapshots": len(values),
        "first": first.value,
        "first_at": first.stamp.text,
        "last": last.value,
        "last_at": last.stamp.text,
        "min": min(values),
        "max": max(values),
    }


def _thresholds(record: Record) -> dict[str, float] | None:
    if not record.snapshots:
        return None
    values = [snapshot.risk_threshold for snapshot in record.snapshots]
    return {"min": min(values), "max": max(values), "mean": math.fsum(values) / len(values), "last": values[-1]}


def reference_rows(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return rows ``{"name", "unit", "value"}`` of a summary, to compare with other results; None: not recorded.

    ``business day`` counts Mondays to Fridays of the span. Names do not change between versions.
    """
    pnl, account = summary["average_daily_pnl"] or {}, summary["account"] or {}
    earned, trades = summary["average_daily_return"] or {}, summary["trades"] or {}
    exposure = summary.get("exposure") or {}
    day = PER_DAY[0]
    return [
        _row("production_realised_pnl", "account currency", (summary["realised_pnl"] or {}).get("total")),
        _row("production_average_daily_pnl", "account currency per business day", pnl.get(day)),
        _row("production_average_daily_return", "fraction of account value per business day", earned.get(day)),
        _row("production_account_return", "fraction of the first account value", account.get("total_return")),
        _row("production_mean_exposure", "account currency", exposure.get("mean")),
        _row("production_hit_rate", "share of realised trades", trades.get("hit_rate")),
        _row("production_trades", "realised trades", trades.get("realised")),
        _row("production_span", "business days", summary["span"]["business_days"]),
    ]


def _row(name: str, unit: str, value: float | None) -> dict[str, Any]:
    return {"name": name, "unit": unit, "value": value}
