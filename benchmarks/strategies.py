"""Duration of all strategies on forecasts: 30 symbols of 6,000 bars, without making the forecasts.

    python benchmarks/strategies.py [--symbols 30] [--bars 6000] [--tuned] [--json results.json]

Parity first: the strategies of one symbol alone are those of the same symbol among all.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from harness import Row, describe, environment, seconds_of, show, write_json

from rlx.backtest.joined import Joined, join
from rlx.backtest.outcome import Trading, play, played
from rlx.backtest.random_walk import noise_rows, random_walk
from rlx.backtest.settings import NO_TUNING, ON_THE_PAST, StrategySettings
from rlx.backtest.strategies import STRATEGIES
from rlx.console import open_console
from rlx.data.panel import PRICE_FIELDS, MarketPanel
from rlx.sim.rules import Costs

PACKAGES = ("rlx", "numpy", "numba")
COSTS = Costs(slippage_bps=5.0)
ROUNDS = 3


def made(symbols: int, bars: int) -> Joined:
    """Return random walks with noise as their forecasts."""
    walks = [random_walk(bars + 1, seed) for seed in range(symbols)]
    fields = {name: np.hstack([getattr(walk, name) for walk in walks]) for name in PRICE_FIELDS}
    names = tuple(f"S{number}" for number in range(symbols))
    panel = MarketPanel(names, walks[0].timestamps, frequency="1D", **fields)
    return join(noise_rows(panel, symbols), panel)


def trading(joined: Joined, tune: str) -> Trading:
    """Return the trading of a market."""
    return Trading(joined, StrategySettings(tune=tune), COSTS, 252)


def check_parity(joined: Joined) -> None:
    """Assert that a symbol alone is traded as it is among all."""
    together, alone = (played(STRATEGIES, trading(one, NO_TUNING)) for one in (joined, joined.symbol(0)))
    for name, one in together.items():
        np.testing.assert_allclose(one.ledger.net_return[:1], alone[name].ledger.net_return, atol=1e-12)


def measure(joined: Joined, tune: str) -> list[Row]:
    """Return the median seconds of each strategy, and of all."""
    one = trading(joined, tune)
    works = {name: partial(play, strategy, one) for name, strategy in STRATEGIES.items()}
    rows: list[Row] = [{"strategy": name, "seconds": took} for name, took in seconds_of(works, ROUNDS).items()]
    return [*rows, {"strategy": "all", "seconds": sum(row["seconds"] for row in rows)}]


def main() -> None:
    """Measure, print and optionally write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=30)
    parser.add_argument("--bars", type=int, default=6_000)
    parser.add_argument("--tuned", action="store_true", help="tune=past, which takes a minute a round")
    parser.add_argument("--json", type=Path, help="write the report there")
    arguments = parser.parse_args()
    joined = made(arguments.symbols, arguments.bars)
    check_parity(joined)
    rows = measure(joined, ON_THE_PAST if arguments.tuned else NO_TUNING)
    console, about = open_console(), environment(PACKAGES)
    show(console, f"{arguments.symbols} symbols, {arguments.bars:,} bars", rows)
    console.print(describe(about))
    write_json(arguments.json, {"rows": rows, "environment": about})


if __name__ == "__main__":
    main()
