"""How fast the two engines simulate, after checking that they agree: ``python benchmarks/simulator.py --help``."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from rlx.sim import Accounts, Cooldown, Costs, Guard, Ledger, Limits, Reward, Rules, simulate

RULES: dict[str, Any] = {
    "costs": Costs(commission_bps=5, half_spread_bps=3, slippage_bps=2, margin_annual=0.065),
    "limits": Limits(intraday_gross=1.18, closing_gross=1.08),
    "guard": Guard(0.036, 0.6, 42, -0.03, 0.0075, 0.55, 0.002),
    "cooldown": Cooldown(steps=12, penalty=0.6),
    "reward": Reward(turnover_penalty=0.0069),
}
PARITY = 1e-9


def market(batch: int, steps: int, assets: int) -> tuple[np.ndarray, np.ndarray]:
    """Return returns and targets, (batch, steps, assets) float64."""
    rng = np.random.default_rng(0)
    targets = rng.dirichlet(np.full(assets, 0.5), (batch, steps)) * rng.uniform(0.5, 1.3, (batch, steps, 1))
    return rng.normal(0.0004, 0.015, (batch, steps, assets)), targets


def parity() -> float:
    """Return the largest difference of any ledger quantity between the engines over guarded random markets."""
    worst = 0.0
    for accounting in ("exact", "additive"):
        for drift in (True, False):
            returns, targets = market(4, 250, 8)
            ledgers = [
                simulate(returns, targets, accounting=accounting, drift=drift, engine=engine, **RULES)
                for engine in ("numba", "torch")
            ]
            for name in Ledger.names():
                left, right = (np.asarray(getattr(ledger, name), dtype=float) for ledger in ledgers)
                worst = max(worst, float(np.abs(left - right).max()))
    return worst


def median_seconds(work: Callable[[], Any], rounds: int) -> float:
    """Return the median duration of ``rounds`` calls after one that warms up."""
    work()
    durations = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        durations.append(time.perf_counter() - began)
    return statistics.median(durations)


def replays(steps: int, assets: int, rounds: int) -> list[dict[str, Any]]:
    """Time whole replays of 1 and of 64 target matrices in both engines."""
    rows = []
    for batch in (1, 64):
        returns, targets = market(batch, steps, assets)
        for engine in ("numba", "torch"):
            seconds = median_seconds(lambda e=engine, r=returns, x=targets: simulate(r, x, engine=e, **RULES), rounds)  # type: ignore[misc]
            work = f"replay {batch} x {steps} x {assets}"
            rows.append(
                {"work": work, "engine": engine, "ms": seconds * 1e3, "steps_per_second": batch * steps / seconds}
            )
    return rows


def steppings(assets: int, rounds: int) -> list[dict[str, Any]]:
    """Time single steps of growing batches in the compiled engine."""
    rows = []
    for batch in (1, 256, 4096):
        returns, targets = market(1, rounds + 2, assets)
        accounts = Accounts(returns[0], Rules(**RULES), batch, periods_per_year=252)
        accounts.reset(np.zeros(batch, dtype=np.int64))
        asked = np.repeat(targets[0, :1], batch, axis=0)
        seconds = median_seconds(lambda a=accounts, x=asked: a.step(x), rounds)  # type: ignore[misc]
        work = f"step {batch} accounts x {assets}"
        rows.append({"work": work, "engine": "numba", "ms": seconds * 1e3, "steps_per_second": batch / seconds})
    return rows


def main() -> None:
    """Check parity, time, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--assets", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    console = Console()
    worst = parity()
    if worst > PARITY:
        raise SystemExit(f"The engines disagree by {worst:.1e}: timings of different behaviours mean nothing.")
    rows = replays(options.steps, options.assets, options.rounds) + steppings(options.assets, 10 * options.rounds)
    packages = {name: version(name) for name in ("numba", "numpy", "torch")}
    title = f"engines agree to {worst:.1e}; one thread; Python {platform.python_version()}, " + ", ".join(
        f"{name} {number}" for name, number in packages.items()
    )
    table = Table(title=title, title_justify="left")
    for heading in ("work, all rules on", "engine", "median ms", "account steps/s"):
        table.add_column(heading, justify="left" if heading in ("work, all rules on", "engine") else "right")
    for row in rows:
        table.add_row(row["work"], row["engine"], f"{row['ms']:.3f}", f"{row['steps_per_second']:,.0f}")
    console.print(table)
    if options.json:
        document = {"parity": worst, "versions": packages, "machine": platform.processor(), "rows": rows}
        options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
