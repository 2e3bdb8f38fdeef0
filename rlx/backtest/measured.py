"""What a strategy's books amount to: metrics, intervals, bounds and significance, for each symbol and their average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rlx.backtest.outcome import Outcome
from rlx.backtest.strategies import BUY_AND_HOLD, MAXDIFF, SIMPLE
from rlx.measures.metrics import drawdowns, per_year
from rlx.measures.performance import METRICS, performance_metrics
from rlx.measures.significance import Significance, measure_significance
from rlx.measures.statistics import Interval, bootstrap_intervals, paired_excess, return_statistics
from rlx.measures.trials import Trials
from rlx.sim.ledger import FLAGS, Ledger
from rlx.types import FloatArray

PORTFOLIO = "(average)"
"""The account that has an equal share in the accounts of all symbols; no symbol has parentheses around its name."""
CONFIDENCE = 0.95
WINDOWS = 3
UPLIFT = (MAXDIFF, SIMPLE)
"""Two strategies whose difference documents report."""


@dataclass(frozen=True)
class Measured:
    """One strategy in one account; ``excess`` is its yearly mean return above buying and holding on the same bars.

    ``bounds`` are metrics of its returns under each assumption about bars that touch both prices, and
    ``window_excess`` that yearly mean in each of ``WINDOWS`` consecutive windows of equal length.
    """

    name: str
    net: FloatArray
    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval]
    significance: Significance
    counts: Mapping[str, int]
    bounds: Mapping[str, Mapping[str, float]]
    excess: Interval | None = None
    window_excess: tuple[float, ...] = ()
    in_sample_gain: float | None = None


@dataclass(frozen=True)
class Resampling:
    """The number of resamples of an interval, and the seed."""

    replications: int = 1000
    seed: int = 0

    def options(self) -> dict[str, Any]:
        """Return them as arguments of the bootstraps."""
        return {"replications": self.replications, "confidence": CONFIDENCE, "seed": self.seed}


def with_average(outcome: Outcome) -> Outcome:
    """Return the outcome with one more account, which has an equal share in every symbol's, rebalanced at no cost."""
    names = [name for name in Ledger.names() if getattr(outcome.ledger, name) is not None]
    means = {name: np.asarray(getattr(outcome.ledger, name), np.float64).mean(axis=0) for name in names}
    means["value"] = np.cumprod(1.0 + means["net_return"])
    means["drawdown"] = drawdowns(means["value"])
    means["reward"] = np.log1p(means["net_return"])
    means |= {name: np.asarray(getattr(outcome.ledger, name)).any(axis=0) for name in FLAGS}
    means["ruined"] = np.asarray(outcome.ledger.ruined).all(axis=0)
    added = {name: np.concatenate([getattr(outcome.ledger, name), means[name][None]]) for name in names}
    gain = outcome.in_sample_gain
    return replace(
        outcome,
        ledger=replace(outcome.ledger, **added),
        counts={name: np.append(count, count.sum()) for name, count in outcome.counts.items()},
        bounds={name: np.concatenate([net, net.mean(axis=0)[None]]) for name, net in outcome.bounds.items()},
        in_sample_gain=None if gain is None else np.append(gain, gain.mean()),
    )


def measured(
    outcomes: Mapping[str, Outcome],
    account: int,
    periods_per_year: float,
    resampling: Resampling,
) -> dict[str, Measured]:
    """Return the measures of one account by strategy.

    All rules and settings that were compared on these bars count as trials, because anyone who reads the result may
    pick the best of them.
    """
    trials = Trials(sum(one.rules_tried for one in outcomes.values()), "declared")
    holding = outcomes.get(BUY_AND_HOLD)
    found = {}
    for name, outcome in outcomes.items():
        net = outcome.ledger.net_return[account]
        compared = None if holding is None or name == BUY_AND_HOLD else holding.ledger.net_return[account]
        gain = outcome.in_sample_gain
        found[name] = Measured(
            name=name,
            net=net,
            metrics=_metrics(outcome.ledger.select(account), periods_per_year),
            intervals=bootstrap_intervals(net, return_statistics(periods_per_year), **resampling.options()),
            significance=measure_significance(net, trials, CONFIDENCE, periods_per_year),
            counts={name: int(count[account]) for name, count in outcome.counts.items()},
            bounds={one: _bound(nets[account], periods_per_year) for one, nets in outcome.bounds.items()},
            excess=None if compared is None else paired_excess(net, compared, periods_per_year, **resampling.options()),
            window_excess=() if compared is None else _by_window(net - compared, periods_per_year),
            in_sample_gain=None if gain is None else float(gain[account]),
        )
    return found


def uplifts(found: Mapping[str, Measured], periods_per_year: float, resampling: Resampling) -> dict[str, Interval]:
    """Return the yearly mean return of one strategy above another's on the same bars, by the names of both."""
    first, second = UPLIFT
    if first not in found or second not in found:
        return {}
    above = paired_excess(found[first].net, found[second].net, periods_per_year, **resampling.options())
    return {f"{first}_minus_{second}": above}


def accounts(symbols: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield number and name of each account: every symbol, and their average where there are several."""
    yield from enumerate(symbols if len(symbols) == 1 else (*symbols, PORTFOLIO))


def _by_window(differences: FloatArray, periods_per_year: float) -> tuple[float, ...]:
    """Return the yearly mean in each window; none where a window would be empty."""
    if len(differences) < WINDOWS:
        return ()
    return tuple(float(per_year(part, periods_per_year)) for part in np.array_split(differences, WINDOWS))


def _metrics(ledger: Ledger, periods_per_year: float) -> dict[str, float]:
    return {name: float(value) for name, value in performance_metrics(ledger, periods_per_year).items()}


def _bound(net: FloatArray, periods_per_year: float) -> dict[str, float]:
    formulas = {name: METRICS[name].of_returns for name in ("cumulative_return", "annual_return", "sharpe")}
    return {name: float(one(net, periods_per_year)) for name, one in formulas.items() if one is not None}
