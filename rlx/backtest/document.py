"""The books of a replay as plain values, and as Markdown for reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlx.backtest.account import Fill, Moment, RoundTrip
from rlx.backtest.bars import DayBars
from rlx.backtest.monte_carlo import Distribution
from rlx.backtest.replay import Replay
from rlx.backtest.schedule import Schedule
from rlx.backtest.trader import Unfilled
from rlx.files import to_json
from rlx.untrusted import markdown
from rlx.untrusted.markdown import Markdown, bullets, joined

SCHEMA_VERSION = 1
LONGEST_TABLE = 200
"""Rows of a Markdown table; the JSON document has the rest."""


def plan_document(
    settings: Mapping[str, Any],
    fee_bps: Mapping[str, float],
    scheduled: Schedule,
    books: Replay,
    paths: Distribution | None,
) -> dict[str, Any]:
    """Return everything about a replay: settings, totals, positions, fills, round trips, days and Monte Carlo paths."""
    days = books.bars.days
    plans = {"carried_out": [plan.source for _, plan in sorted(scheduled.by_day.items())]}
    document = {
        "schema_version": SCHEMA_VERSION,
        "settings": {**settings, "fee_bps_by_symbol": fee_bps},
        "plans": {
            **plans,
            "moved": scheduled.moved,
            "superseded": scheduled.superseded,
            "outside": scheduled.outside,
        },
        "first": str(days[0]),
        "last": str(days[-1]),
        "totals": _totals(books),
        "positions": _positions(books),
        "fills": [_fill(one, books.bars) for one in books.fills],
        "round_trips": [_round_trip(one, books.bars) for one in books.round_trips],
        "unfilled": [_unfilled(one, books.bars) for one in books.unfilled],
        "daily": _daily(books),
        "monte_carlo": paths,
    }
    whole: dict[str, Any] = to_json(document)
    return whole


def _totals(books: Replay) -> dict[str, Any]:
    won = sum(trip.net_pnl > 0 for trip in books.round_trips)
    return {
        "initial_cash": books.initial_cash,
        "cash": books.cash[-1],
        "equity": books.equity[-1],
        "net_pnl": books.net_pnl,
        "realised_pnl": books.realised_pnl[-1],
        "unrealised_pnl": books.unrealised_pnl[-1],
        "fees": books.fees[-1],
        "opening_fees": books.opening_fees[-1],
        "fills": len(books.fills),
        "round_trips": len(books.round_trips),
        "winning_round_trips": won,
        "unfilled": len(books.unfilled),
        "ambiguous_exits": books.ambiguous,
    }


def _positions(books: Replay) -> list[dict[str, Any]]:
    return [
        {
            "symbol": symbol,
            "quantity": books.positions[-1, column],
            "average_price": books.average_prices[-1, column],
            "close": books.bars.close[-1, column],
        }
        for symbol, column in books.bars.column.items()
        if books.positions[-1, column] != 0
    ]


def _date(day: int, bars: DayBars) -> str:
    return str(bars.days[day])


def _moment(moment: Moment, bars: DayBars) -> dict[str, str]:
    return {"date": _date(moment.day, bars), "at": moment.part}


def _fill(fill: Fill, bars: DayBars) -> dict[str, Any]:
    return _moment(fill.moment, bars) | {
        "symbol": fill.symbol,
        "quantity": fill.quantity,
        "price": fill.price,
        "fee": fill.fee,
        "realised_pnl": fill.realised_pnl,
    }


def _round_trip(trip: RoundTrip, bars: DayBars) -> dict[str, Any]:
    return {
        "symbol": trip.symbol,
        "side": "long" if trip.side > 0 else "short",
        "opened": _date(trip.opened.day, bars),
        "closed": _date(trip.closed.day, bars),
        "quantity": trip.quantity,
        "entry_price": trip.entry_price,
        "exit_price": trip.exit_price,
        "fees": trip.fees,
        "net_pnl": trip.net_pnl,
    }


def _unfilled(one: Unfilled, bars: DayBars) -> dict[str, Any]:
    return {
        "date": _date(one.day, bars),
        "plan": one.source,
        "instruction": one.instruction.number,
        "symbol": one.instruction.symbol,
        "action": one.instruction.action.value,
        "asked": one.asked,
        "filled": one.filled,
        "reason": one.reason,
    }


def _daily(books: Replay) -> list[dict[str, Any]]:
    columns = {
        "cash": books.cash,
        "equity": books.equity,
        "realised_pnl": books.realised_pnl,
        "unrealised_pnl": books.unrealised_pnl,
        "fees": books.fees,
    }
    return [
        {"date": _date(day, books.bars), **{name: values[day] for name, values in columns.items()}}
        for day in range(len(books.bars))
    ]


def plan_markdown(document: Mapping[str, Any]) -> str:
    """Return a document of ``plan_document`` as Markdown; long tables are cut, the JSON document is complete."""
    plans = document["plans"]
    remarks = [f"{name}: {', '.join(plans[name])}" for name in ("moved", "superseded", "outside") if plans[name]]
    traded = {row["date"] for row in document["fills"]} | {document["first"], document["last"]}
    sections = {
        "Totals": _pairs(document["totals"]),
        "Settings": _pairs(document["settings"]),
        "Fills": _rows(document["fills"]),
        "Round trips": _rows(document["round_trips"]),
        "Not carried out in full": _rows(document["unfilled"]),
        "Open at the end": _rows(document["positions"]),
        "Days with fills": _rows([row for row in document["daily"] if row["date"] in traded]),
        "Monte Carlo": _paths(document["monte_carlo"]),
    }
    title = f"Replay of {len(plans['carried_out'])} plan(s), {document['first']} to {document['last']}"
    said = joined(["Orders on daily bars, in money; docs/plans.md has the conventions.", bullets(remarks)])
    titled = [block for name, content in sections.items() for block in (markdown.heading(2, name), content)]
    return markdown.document([markdown.heading(1, title), said, *titled])


def _paths(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "Off."
    drawn = found["resampling"]
    words = (
        f"Net PnL of the same plans on {drawn['paths']} paths of {found['days']} days, drawn in blocks of "
        f"{drawn['block_days']} days on average (seed {drawn['seed']}). {found['share_of_losses']:.1%} lose, "
        f"{found['share_below_replay']:.1%} earn less than the replay above."
    )
    numbers = {"mean": found["mean"], "standard deviation": found["standard_deviation"], **found["quantiles"]}
    return joined([words, _pairs(numbers)])


def _pairs(values: Mapping[str, Any]) -> Markdown:
    return markdown.table(["", ""], [[name, _cell(value)] for name, value in values.items()])


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "None."
    shown = rows[:LONGEST_TABLE]
    table = markdown.table(list(rows[0]), [[_cell(value) for value in row.values()] for row in shown])
    left = len(rows) - len(shown)
    return joined([table, f"{left} more rows in plan_replay.json." if left else ""])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{_cell(name)} {_cell(item)}" for name, item in value.items())
    return f"{value:,.10g}" if isinstance(value, float) else str(value)
