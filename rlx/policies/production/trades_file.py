"""Reading a trade history: a JSON object of ``SYMBOL|side`` and its list of trades."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rlx.backtest.plan import LARGEST
from rlx.errors import FileError, RecordError, did_you_mean
from rlx.policies.production.problems import Problems
from rlx.policies.production.record import UNKNOWN, Trade
from rlx.policies.production.stamps import Stamp, parse_stamp
from rlx.untrusted.documents import read_json, unique
from rlx.untrusted.paths import why_unreadable
from rlx.untrusted.shown import shown

SIDES = {"buy": "long", "long": "long", "sell": "short", "short": "short", "sell_short": "short"}
LONGEST_NAME = 100  # characters of a symbol, a side or the key of both
SUSPICIOUS_SHARE = 0.2  # share of the realised trades with exactly the same PnL
_NUMBER = re.compile(r"[+-]?\d{1,60}(?:\.\d{1,60})?(?:[eE][+-]?\d{1,3})?")
EXPECTED = 'Expected {"SYMBOL|side": [{"qty": 10, "pnl": 12.5, "closed_at": "2025-10-22T15:30:00Z"}, ...], ...}.'


def read_trades(path: Path, problems: Problems) -> tuple[Trade, ...]:
    """Return the trades of a history in the file's order and report odd ones.

    Raises RecordError, naming file, entry, field and value, for a file of another kind, for a value of the wrong kind,
    and for a history without trades. An absent or null field is unknown.
    """
    history = _load(path)
    trades: list[Trade] = []
    seen: set[str] = set()
    for key, entries in history.items():
        if len(key) > LONGEST_NAME or not key.isprintable():
            raise RecordError(f"{path}: {shown(key)}: is not SYMBOL|side. {EXPECTED}")
        if not isinstance(entries, list):
            raise RecordError(f"{path}: '{key}': expected a list of trades, found {shown(entries)}. {EXPECTED}")
        for number, entry in enumerate(entries, start=1):
            reader = _Entry(path, key, number, entry)
            trade = reader.trade(problems)
            _note(trade, problems)
            same = json.dumps([trade.symbol, trade.side, entry], sort_keys=True)
            if same in seen:
                problems.add("repeated_trade", trade.place)
            seen.add(same)
            trades.append(trade)
    if not trades:
        raise RecordError(f"policy.trades={path}: has no trade. {EXPECTED} Omit it to read only the log.")
    _note_repeated_pnl(trades, problems)
    return tuple(trades)


def _load(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise RecordError(f"policy.trades={path}: {why_unreadable(path)}. Give a trade history in JSON.")
    try:
        history = read_json(path, unique)
    except FileError as error:
        raise RecordError(f"policy.trades={error}") from error
    except OSError as error:
        raise RecordError(f"policy.trades={path}: cannot be read: {error}.") from error
    if not isinstance(history, dict):
        raise RecordError(f"{path}: has {shown(history)}. {EXPECTED}")
    return history


class _Entry:
    """One entry of the history, with its position for messages."""

    def __init__(self, path: Path, key: str, number: int, fields: Any) -> None:
        self.path, self.key, self.place = path, key, f"{key} #{number}"
        if not isinstance(fields, dict):
            raise RecordError(f"{path}: {self.place}: expected an object, found {shown(fields)}. {EXPECTED}")
        self.fields: Mapping[str, Any] = fields
        self._quoted: list[str] = []

    def trade(self, problems: Problems) -> Trade:
        """Return the entry as a trade; RecordError for a value of the wrong kind."""
        trade = self._trade(problems)
        if self._quoted:
            problems.add("number_as_text", f"{self.place}: {', '.join(self._quoted)}")
        return trade

    def _trade(self, problems: Problems) -> Trade:
        symbol, side = self._names(problems)
        quantity = self._number("qty")
        if quantity is not None and quantity < 0.0:
            if side == "long":
                problems.add("qty_contradicts_side", f"{self.place}: qty {quantity:g}")
            quantity = -quantity if side == "short" else None  # brokers count short positions below zero
        return Trade(
            place=self.place,
            symbol=symbol,
            side=side,
            quantity=quantity,
            entry_price=self._price("entry_price"),
            exit_price=self._price("exit_price"),
            recorded_pnl=self._number("pnl"),
            opened=self._stamp("opened_at"),
            closed=self._stamp("closed_at"),
        )

    def _names(self, problems: Problems) -> tuple[str, str]:
        """Return symbol and side: the trade's own, and the key's where it has none."""
        key_symbol, _, key_side = self.key.partition("|")
        own_symbol, own_side = self._text("symbol"), self._text("side")
        symbol = own_symbol or key_symbol.strip() or UNKNOWN
        side = self._side("side", own_side) if own_side else self._side("side of the key", key_side.strip())
        of_key = SIDES.get(key_side.strip().lower(), side)
        if (own_symbol and key_symbol.strip() not in ("", own_symbol)) or (own_side and of_key != side):
            problems.add("name_disagrees", f"{self.place}: {symbol} {side}")
        return symbol, side

    def _side(self, name: str, text: str) -> str:
        if not text:
            return UNKNOWN
        if text.lower() not in SIDES:
            self._refuse(name, text, f"must be one of {', '.join(SIDES)}.{did_you_mean(text.lower(), SIDES)}")
        return SIDES[text.lower()]

    def _text(self, name: str) -> str:
        value = self.fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > LONGEST_NAME or not value.isprintable():
            self._refuse(name, value, f"must be a text of one line, at most {LONGEST_NAME} characters.")
        return value.strip()

    def _number(self, name: str) -> float | None:
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):  # brokers and exchanges quote their numbers
            self._quoted.append(name)
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._refuse(name, value, "must be a number such as 10 or -12.5.")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not abs(number) <= LARGEST:
            self._refuse(name, value, f"must be a number up to {LARGEST:g}. Write null where it is unknown.")
        return number

    def _price(self, name: str) -> float | None:
        price = self._number(name)
        if price is not None and price <= 0.0:
            self._refuse(name, price, "must be above 0. Write null where it is unknown.")
        return price

    def _stamp(self, name: str) -> Stamp | None:
        value = self.fields.get(name)
        if value is None:
            return None
        stamp = parse_stamp(value) if isinstance(value, str) else None
        if stamp is None:
            self._refuse(name, value, "must be a time such as 2025-10-22T15:30:00Z or a day such as 2025-10-22.")
        return stamp

    def _refuse(self, name: str, value: Any, why: str) -> NoReturn:
        raise RecordError(f"{self.path}: {self.place}: {name}={shown(value)}: {why}")


def _note(trade: Trade, problems: Problems) -> None:
    if trade.is_closed and trade.pnl is None:
        problems.add("no_pnl", trade.place)
    if trade.pnl is not None and trade.closed is None:
        problems.add("no_close_date", trade.place)
    if trade.pnl_disagrees:
        problems.add("pnl_disagrees", f"{trade.place}: {trade.recorded_pnl:g}, by its prices {trade.computed_pnl:g}")
    if trade.opened and trade.closed and trade.closed.instant < trade.opened.instant:
        problems.add("closed_before_opened", trade.place)


def _note_repeated_pnl(trades: Sequence[Trade], problems: Problems) -> None:
    counts = Counter(trade.pnl for trade in trades if trade.pnl is not None)
    for pnl, count in counts.most_common():
        if count > 1 and count > SUSPICIOUS_SHARE * counts.total():
            problems.add("repeated_pnl", f"{pnl:+,.2f}: {count} of {counts.total()} trades")
