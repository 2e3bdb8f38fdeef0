"""Positions from close to close, traded by the simulator: one account for each symbol."""

from __future__ import annotations

import numpy as np

from rlx.backtest.joined import Joined
from rlx.sim import simulate
from rlx.sim.ledger import Ledger
from rlx.sim.rules import Costs
from rlx.types import FloatArray


def held_ledger(
    positions: FloatArray, joined: Joined, costs: Costs, rates: FloatArray, periods_per_year: float
) -> Ledger:
    """Return the ledger (A, T) of positions (T, A), each of a whole account, at the costs of the configuration.

    ``rates`` (A,) are the costs per side as fractions, in which ``costs.per_asset_bps`` is resolved.
    """
    parts: list[tuple[np.ndarray, Ledger]] = []
    for rate in np.unique(rates):
        among = np.flatnonzero(rates == rate)
        charged = Costs(
            slippage_bps=float(rate) * 1e4,
            margin_annual=costs.margin_annual,
            short_borrow_annual=costs.short_borrow_annual,
        )
        returns, targets = (np.ascontiguousarray(one.T[among, :, None]) for one in (joined.returns, positions))
        ledger = simulate(returns, targets, costs=charged, periods_per_year=periods_per_year, weights=False)
        parts.append((among, ledger))
    order = np.argsort(np.concatenate([among for among, _ in parts]))
    return Ledger(**{name: _joined([getattr(one, name) for _, one in parts], order) for name in Ledger.names()})


def _joined(parts: list[FloatArray | None], order: np.ndarray) -> FloatArray | None:
    found = [part for part in parts if part is not None]
    return np.concatenate(found)[order] if found else None
