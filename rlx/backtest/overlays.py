"""Overlays that limit entries after losses; neither prevents a position from being closed."""

from __future__ import annotations

from collections.abc import Sequence

from rlx.backtest.account import RoundTrip


class ProbeTrades:
    """Limits entries in a symbol and side to ``probe_quantity`` after a losing round trip, until one makes money."""

    def __init__(self, probe_quantity: float | None) -> None:
        self.probe_quantity = probe_quantity
        self._probing: set[tuple[str, int]] = set()

    def allowed(self, symbol: str, side: int, quantity: float) -> float:
        """Return how much of an entry of ``quantity`` may be made."""
        if self.probe_quantity is None or (symbol, side) not in self._probing:
            return quantity
        return min(quantity, self.probe_quantity)

    def learn(self, trip: RoundTrip) -> None:
        """Record a finished round trip; one with a PnL of exactly zero changes nothing."""
        if trip.net_pnl < 0:
            self._probing.add((trip.symbol, trip.side))
        elif trip.net_pnl > 0:
            self._probing.discard((trip.symbol, trip.side))


def shut_down(equity: Sequence[float], days: int | None) -> bool:
    """Return whether the last ``days`` days lost money; ``equity`` is that at the start and at each close since.

    A younger account is measured from its start. An account without positions loses nothing, so it may enter again
    after ``days`` days at the latest.
    """
    if days is None or len(equity) < 2:
        return False
    return equity[-1] < equity[max(-1 - days, -len(equity))]
