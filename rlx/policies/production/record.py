"""A production system's record in memory: its trades and its account's value."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlx.policies.config import LogValue
from rlx.policies.production.problems import Problems
from rlx.policies.production.stamps import Stamp

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Trade:
    """One entry of a trade history; None where the record has no value.

    ``place``: its position in the file. side: ``long``, ``short`` or ``unknown``. quantity: units held, above 0.

    Prices in account currency per unit. recorded_pnl: account currency.
    """

    place: str
    symbol: str
    side: str
    quantity: float | None
    entry_price: float | None
    exit_price: float | None
    recorded_pnl: float | None
    opened: Stamp | None
    closed: Stamp | None

    @property
    def signed_quantity(self) -> float | None:
        """Units held, negative when short; None where quantity or side is unknown, or nothing is held."""
        if not self.quantity or self.side == UNKNOWN:
            return None
        return self.quantity if self.side == "long" else -self.quantity

    @property
    def computed_pnl(self) -> float | None:
        """(exit - entry) x signed quantity, before costs."""
        quantity = self.signed_quantity
        if quantity is None or self.entry_price is None or self.exit_price is None:
            return None
        return (self.exit_price - self.entry_price) * quantity

    @property
    def pnl(self) -> float | None:
        """Realised PnL as recorded, or otherwise as computed."""
        return self.computed_pnl if self.recorded_pnl is None else self.recorded_pnl

    @property
    def is_closed(self) -> bool:
        """Whether it has a closing date, an exit price or a PnL."""
        return any(fact is not None for fact in (self.closed, self.exit_price, self.recorded_pnl))

    @property
    def pnl_disagrees(self) -> bool:
        """Whether recorded and computed PnL differ by more than a cent and a millionth of the traded value."""
        computed = self.computed_pnl
        if computed is None or self.recorded_pnl is None or self.quantity is None:
            return False
        traded = self.quantity * ((self.entry_price or 0.0) + (self.exit_price or 0.0))
        return abs(self.recorded_pnl - computed) > 0.01 + 1e-6 * traded


@dataclass(frozen=True)
class Snapshot:
    """An amount in account currency and the global risk threshold, a multiple of equity, at one moment."""

    line: int
    stamp: Stamp
    value: float
    risk_threshold: float


@dataclass(frozen=True)
class Record:
    """Trades in the file's order and snapshots by time, one per moment; either file may be absent.

    ``log_value`` is the meaning of the snapshots' amounts.
    """

    trades_path: Path | None
    log_path: Path | None
    trades: tuple[Trade, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    log_value: LogValue = LogValue.exposure
    problems: Problems = field(default_factory=Problems)

    @property
    def realised(self) -> list[Trade]:
        """Trades with a realised PnL."""
        return [trade for trade in self.trades if trade.pnl is not None]

    @property
    def stamps(self) -> list[Stamp]:
        """Every moment of the record, unsorted."""
        of_trades = [stamp for trade in self.trades for stamp in (trade.opened, trade.closed) if stamp is not None]
        return of_trades + [snapshot.stamp for snapshot in self.snapshots]

    @property
    def account(self) -> tuple[Snapshot, ...]:
        """Snapshots of the account's value, by time; none for a log of exposure."""
        return self.snapshots if self.log_value is LogValue.equity else ()

    @property
    def valued(self) -> list[Snapshot]:
        """Snapshots of a positive account value, by time."""
        return [snapshot for snapshot in self.account if snapshot.value > 0.0]


def pnl_of(trades: list[Trade]) -> float:
    """Return the exactly rounded sum of the trades' realised PnL; trades without one add nothing."""
    return math.fsum(trade.pnl for trade in trades if trade.pnl is not None)


def hit_rate(trades: list[Trade]) -> float | None:
    """Return the share of trades with a PnL above zero, None without trades."""
    pnls: list[Any] = [trade.pnl for trade in trades if trade.pnl is not None]
    return sum(pnl > 0.0 for pnl in pnls) / len(pnls) if pnls else None
