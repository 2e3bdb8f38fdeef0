"""A small production record, written as files: four trades and two snapshots over eight bars."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.data.panel import MarketPanel

# Monday to Friday, then Monday to Wednesday
DAYS = np.array([f"2020-01-{day:02d}" for day in (6, 7, 8, 9, 10, 13, 14, 15)], dtype="datetime64[ns]")

BOUGHT = {
    "symbol": "AAA",
    "side": "buy",
    "qty": 10,
    "entry_price": 100,
    "exit_price": 130,
    "pnl": 300,
    "opened_at": "2020-01-06T15:00:00Z",
    "closed_at": "2020-01-09T15:00:00Z",
}
REOPENED = {"qty": 5, "entry_price": 150.0, "opened_at": "2020-01-11T09:00:00"}  # a Saturday; still open
SOLD = {  # no pnl: 20 x (50 - 48) = 40
    "qty": 20,
    "entry_price": 50,
    "exit_price": 48,
    "opened_at": "2020-01-07T10:00:00Z",
    "closed_at": "2020-01-13T10:00:00Z",
}
ELSEWHERE = {"pnl": -90.0, "closed_at": "2020-01-10T18:00:00+00:00"}
HISTORY: dict[str, list[dict[str, Any]]] = {
    "AAA|buy": [BOUGHT, REOPENED],
    "BBB|sell": [SOLD],
    "CCC|buy": [ELSEWHERE],
}


def snapshot(stamp: str, value: str, risk: str = "1.50") -> str:
    return f"{stamp} | INFO | a.module:12 | Portfolio snapshot recorded: value=${value}, global risk threshold={risk}x"


LINES = (
    "2020-01-08 08:59:59 | INFO | a.module:11 | Ready",
    snapshot("2020-01-08 09:00:00", "10,000.00"),
    snapshot("2020-01-10 20:00:00", "12500.00", "1.00"),
)


def write_trades(folder: Path, history: Any = HISTORY) -> str:
    path = folder / "trades.json"
    path.write_text(history if isinstance(history, str) else json.dumps(history), encoding="utf-8")
    return str(path)


def write_log(folder: Path, *lines: str) -> str:
    path = folder / "trade.log"
    path.write_text("\n".join(lines or LINES) + "\n", encoding="utf-8")
    return str(path)


def market() -> Market:
    """Return AAA from 100, 10 more a bar, and BBB at 50."""
    close = np.stack([100.0 + 10.0 * np.arange(8), np.full(8, 50.0)], axis=1)
    return Market(MarketPanel(("AAA", "BBB"), DAYS, close))
