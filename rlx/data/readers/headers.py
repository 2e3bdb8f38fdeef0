"""Column names as people write them, and their meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence

ALIASES: dict[str, tuple[str, ...]] = {
    "date": (
        "datetime",
        "date time",
        "timestamp",
        "date",
        "open time",
        "opentime",
        "trade date",
        "tradedate",
        "time",
        "unix",
        "unix timestamp",
        "gmt time",
        "local time",
        "day",
        "period",
        "index",
        "t",
    ),
    "symbol": ("symbol", "ticker", "tic", "code", "name", "asset", "instrument", "stock"),
    "open": ("open", "open price", "o", "1 open", "first"),
    "high": ("high", "high price", "h", "2 high", "max"),
    "low": ("low", "low price", "l", "3 low", "min"),
    "close": (
        "close",
        "close price",
        "closing price",
        "close last",
        "c",
        "4 close",
        "price",
        "last",
        "last price",
        "settle",
    ),
    "volume": (
        "volume",
        "vol",
        "v",
        "5 volume",
        "6 volume",
        "volumefrom",
        "volume from",
        "volume base",
        "base volume",
        "shares",
        "tick volume",
        "shares traded",
    ),
    "adj_close": (
        "adj close",
        "adjclose",
        "adjusted close",
        "close adjusted",
        "close adj",
        "adjcp",
        "5 adjusted close",
    ),
    "adj_open": ("adj open", "adjopen", "adjusted open"),
    "adj_high": ("adj high", "adjhigh", "adjusted high"),
    "adj_low": ("adj low", "adjlow", "adjusted low"),
    "adj_volume": ("adj volume", "adjvolume", "adjusted volume"),
    "dividend": ("dividends", "dividend", "ex dividend", "dividend amount", "7 dividend amount"),
    "split": ("stock splits", "split ratio", "split", "split coefficient"),
    "money_volume": (
        "volume usd",
        "volumeto",
        "volume to",
        "volume usdt",
        "volume eur",
        "turnover",
        "tottrdval",
        "value",
        "quote asset volume",
    ),
}
"""Accepted names in order of preference, in lower case, with every run of other characters as one blank."""

KNOWN_OTHERS = frozenset(
    {"openint", "open interest", "openinterest", "capital gains", "trade count", "vwap", "trades", "series",
     "prevclose", "quotevolume", "quote volume", "prev close", "weightedaverage", "isinno", "totaltrades",
     "dateoflisting", "stockname", "exchange", "currency"}
)  # fmt: skip
"""Columns of price files that are not part of a bar; they show that a table is not a matrix of closes."""

DATE_NAMES = frozenset((*ALIASES["date"], "", "price", "ticker", "unnamed 0", "level 0"))
"""Names of the first column; two-line headers write ``Price`` or ``Ticker`` there."""

_FIELDS = frozenset(
    name
    for role in ("open", "high", "low", "close", "volume", "adj_close", "dividend", "split")
    for name in ALIASES[role]
)


def normalise(name: str) -> str:
    """Return a column name in lower case, with a blank for every run of other characters."""
    return re.sub(r"[^a-z0-9]+", " ", str(name).lower()).strip()


def is_field_name(name: str) -> bool:
    """Whether a name means a price, a volume, a dividend or a split."""
    return normalise(name) in _FIELDS or normalise(name) in KNOWN_OTHERS


def assign_roles(columns: Sequence[str]) -> dict[str, int]:
    """Return role -> column position; the first accepted name wins, an unnamed first column is a date.

    A ``time`` of day next to a date has the role ``time``. Single letters have a meaning where o, h, l and c are all
    present.
    """
    names = [normalise(name) for name in columns]
    if not set("ohlc") <= set(names):  # C, T and V are Citigroup, AT&T and Visa in a matrix of closes
        names = [name if len(name) != 1 else f"{name} (a symbol)" for name in names]
    roles: dict[str, int] = {}
    for role, aliases in ALIASES.items():
        position = next((names.index(alias) for alias in aliases if alias in names), None)
        if position is not None:
            roles[role] = position
    if "date" not in roles and names and names[0] in ("", "unnamed 0", "level 0"):
        roles["date"] = 0
    if "time" in names and "date" in roles and names[roles["date"]] != "time":
        roles["time"] = names.index("time")
    return roles


def is_row_number(name: str) -> bool:
    """Whether a column only numbers the rows: nothing is lost without it."""
    return not name.strip() or normalise(name) in ("index", "level 0") or normalise(name).startswith("unnamed")


def is_read(name: str) -> bool:
    """Whether a column of this name is read."""
    return any(normalise(name) in aliases for aliases in ALIASES.values())


def is_known(name: str) -> bool:
    """Whether a column name has a meaning here, so that it cannot be a symbol."""
    return normalise(name) in KNOWN_OTHERS or is_read(name)
