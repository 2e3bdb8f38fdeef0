"""The trades of a set of windows as Parquet: one row per trade."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rlx.evaluate.ledger_file import utc_array
from rlx.files import atomic_path
from rlx.measures.evaluation import Evaluation, WindowLedger
from rlx.sim.rule_numbers import market_rule_numbers
from rlx.sim.trades import NO_TRADE, Trades, trades_of

if TYPE_CHECKING:
    import pyarrow as pa

    from rlx.data.market import Market

LEGS = ("target", "closing_cap")
"""Why a trade was made: to reach the executed weights, or to reduce them to the closing cap at the end of the step."""


def write_trades(path: str | Path, evaluation: Evaluation, market: Market, name: str) -> None:
    """Write every trade of the window set ``name``, atomically, zstd-compressed, by window, step and symbol.

    Columns: ``window`` and ``step`` (from 0), ``timestamp`` (label of the bar the step was decided on, UTC),
    ``symbol``, ``leg`` (``target``, ``closing_cap``), ``weight_before``, ``weight_after``, ``traded`` (signed) and
    ``cost``, all fractions of equity. A symbol that is not traded in a step has no row.
    """
    import pyarrow.parquet as pq

    table = _table(evaluation.sets[name], _trades(evaluation, market, name), market)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _trades(evaluation: Evaluation, market: Market, name: str) -> Trades:
    """Return the trades of both legs, (2, B, T, A)."""
    windows = evaluation.sets[name]
    bars = windows.starts[:, None] + np.arange(windows.steps)  # (B, T)
    overnight = market.overnight_returns
    opens = None if overnight is None else overnight[bars]
    legs = trades_of(windows.ledger, market.returns[bars], market_rule_numbers(evaluation.rules, market), opens)
    return Trades(*(np.stack(quantities) for quantities in zip(*legs, strict=True)))


def _table(windows: WindowLedger, trades: Trades, market: Market) -> pa.Table:
    import pyarrow as pa

    leg, window, step, asset = np.nonzero(np.abs(trades.traded) > NO_TRADE)
    order = np.lexsort((asset, leg, step, window))
    leg, window, step, asset = leg[order], window[order], step[order], asset[order]
    quantities = {name: quantity[leg, window, step, asset] for name, quantity in trades._asdict().items()}
    return pa.table(
        {
            "window": window.astype(np.int32),
            "step": step.astype(np.int32),
            "timestamp": utc_array(windows.timestamps[window, step]),
            "symbol": pa.DictionaryArray.from_arrays(asset.astype(np.int32), list(market.symbols)),
            "leg": pa.DictionaryArray.from_arrays(leg.astype(np.int32), list(LEGS)),
            "weight_before": quantities["weights_before"],
            "weight_after": quantities["weights_after"],
            "traded": quantities["traded"],
            "cost": quantities["cost"],
        }
    )
