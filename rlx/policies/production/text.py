"""The summary of a production record in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlx.measures.metric import written
from rlx.untrusted.markdown import Markdown, bullets, document, heading, joined, table

SHOWN = 10  # places of a problem that are listed; the JSON document has all
MOST_DAYS = 60  # days that are listed; the JSON document has all


def summary_text(summary: Mapping[str, Any]) -> str:
    """Return the summary as Markdown; amounts are in account currency, days in UTC."""
    sections = {
        "Realised PnL": _pnl(summary),
        "Daily averages": _averages(summary),
        "Account": _account(summary),
        "Replay": _replay(summary["replay"]),
        "Unusable or odd entries": _problems(summary["problems"]),
    }
    titled = [block for title, content in sections.items() for block in (heading(2, title), content)]
    return document([heading(1, "Production record"), _sources(summary), *titled])


def _sources(summary: Mapping[str, Any]) -> str:
    span, zone = summary["span"], summary["time_zone"]
    trades, log = (summary[name] or "none given" for name in ("trades_file", "log_file"))
    covered = "There is no usable time stamp."
    if span["first"] is not None:
        covered = (
            f"{span['first']} to {span['last']}: {span['calendar_days']} days, {span['business_days']} Mondays "
            f"to Fridays, {span['recorded_days']} days with records."
        )
    days = (
        f"{covered} Days are UTC days; {zone['stamps_assumed_utc']} time stamps have no zone and are taken as UTC. "
        "Amounts are in the account's currency."
    )
    return joined([f"Trades: {trades}. Log: {log}.", days])


def _pnl(summary: Mapping[str, Any]) -> str:
    trades, pnl = summary["trades"], summary["realised_pnl"]
    if trades is None:
        return "No trade history was given."
    words = (
        f"Total {_money(pnl['total'])} over {trades['realised']} realised of {trades['total']} trades "
        f"({trades['open']} open); hit rate {_share(trades['hit_rate'])}. PnL as recorded for "
        f"{trades['pnl_as_recorded']} trades, computed from prices for {trades['pnl_computed']}, before costs. "
        f"{_money(pnl['undated'])} of the PnL has no date."
    )
    tables = [
        _groups("symbol and side", pnl["by_symbol_and_side"]),
        _groups("symbol", pnl["by_symbol"]),
        _groups("day", dict(list(pnl["by_day"].items())[-MOST_DAYS:])),
    ]
    more = len(pnl["by_day"]) - MOST_DAYS
    earlier = [f"{more} earlier days are in the JSON document."] if more > 0 else []
    return joined([words, *tables, *earlier])


def _groups(name: str, groups: Mapping[str, Any]) -> str:
    rows = [
        [label, _money(group["pnl"]), str(group["trades"]), _share(group["hit_rate"])]
        for label, group in groups.items()
    ]
    return table([name, "realised PnL", "trades", "hit rate"], rows) if rows else Markdown("")


def _averages(summary: Mapping[str, Any]) -> str:
    pnl, earned = summary["average_daily_pnl"], summary["average_daily_return"]
    rows = [
        [name.replace("_", " "), _money((pnl or {}).get(name)), _share((earned or {}).get(name), digits=4)]
        for name in ("per_business_day", "per_calendar_day", "per_recorded_day")
    ]
    words = "PnL: dated realised PnL over the days of the span. "
    if earned is None:
        words += (
            "Return: needs dated PnL and an account value above zero, from the log (policy.log_value=equity) or "
            "policy.initial_value; at least one is missing."
        )
    elif earned["account_value"] == "log":
        words += (
            "Return: each day's realised PnL over the last account value before that day, from "
            f"{earned['first_day']} on, the day of the first account value; {earned['trades_before']} earlier trades "
            "are excluded."
        )
    else:
        words += "Return: each day's realised PnL over policy.initial_value plus the PnL realised before that day."
    return joined([table(["average", "PnL", "return"], rows), words])


def _account(summary: Mapping[str, Any]) -> str:
    account, exposure, threshold = (summary[name] for name in ("account", "exposure", "global_risk_threshold"))
    found = account or exposure
    if found is None:
        return "No account value is recorded."
    name, mean = ("gross exposure", _money(exposure["mean"])) if exposure else ("account value", "")
    rows = [
        [name, *(_money(found[key]) for key in ("first", "last", "min", "max")), mean],
        ["global risk threshold", "", *(f"{threshold[key]:.2f}x" for key in ("last", "min", "max", "mean"))],
    ]
    spoken = (
        f"gross value of the open positions, zero at {exposure['zero']} of them. The log does not have the account's "
        "value, so no return can be derived from it (policy.log_value)."
        if exposure
        else f"change {_money(found['change'])} ({_share(found['total_return'])}), deposits and withdrawals included."
    )
    spoken = f"{found['snapshots']} snapshots, {found['first_at']} to {found['last_at']}: {spoken}"
    return joined([spoken, table(["", "first", "last", "min", "max", "mean"], rows)])


def _replay(replay: Mapping[str, Any]) -> str:
    found = _problems(replay["problems"]) if replay.get("problems") else ""
    if "reason" in replay:
        return joined([f"Not replayed: {replay['reason']}", found])
    words = (
        f"{replay['positions']} positions in {', '.join(replay['symbols'])}, {replay['first']} to "
        f"{replay['last']}: {replay['decisions']} decisions, {replay['decisions_holding']} of them with positions. The "
        f"account's value is a snapshot's at {replay['valued_by_snapshot']} of these and policy.initial_value with "
        f"realised PnL at {replay['valued_by_initial_value']}. Largest gross target exposure: "
        f"{replay['largest_gross']:.2f}."
    )
    return joined([words, found])


def _problems(problems: Mapping[str, Any]) -> str:
    if not problems:
        return "Nothing."
    return bullets(
        f"{kind} ({found['count']}): {found['meaning']}. {_places(found['where'])}" for kind, found in problems.items()
    )


def _places(places: Sequence[str]) -> str:
    more = len(places) - SHOWN
    return "; ".join(places[:SHOWN]) + (f"; and {more} more in the JSON document" if more > 0 else "")


def _money(value: float | None) -> str:
    return written(value, ",.2f")


def _share(value: float | None, digits: int = 2) -> str:
    return written(value, f".{digits}%")
