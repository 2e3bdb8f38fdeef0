"""How much of the attainable gain a policy earns in a generated market, without the luck of a single path.

Realised returns are mostly luck: over twelve years equal weights earned 3.5% a year in a market without a signal, where
the expected growth was 8.6%. The moments of a generated market are known, and so is the expected growth of weights.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.data.synthetic import KnownMarket, known_market
from rlx.decisions.trade_off import TradingRule, follow
from rlx.errors import DataError
from rlx.sim import simulate
from rlx.sim.ledger import Ledger
from rlx.sim.rule_numbers import rule_numbers
from rlx.sim.rules import Rules
from rlx.types import FloatArray

DAYS = 252.0  # of trading a year; a generated calendar has no holidays, which shall not raise its growth
TUNING_BARS = 8_000
TUNING_SEED = 12_345
SIGNALS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
COST_SHARES = (0.03, 0.06, 0.1, 0.15, 0.25, 0.4, 0.7, 1.0)


class Reference(NamedTuple):
    """Expected net log growth a year of equal weights and of the best causal rule, over the same span."""

    equal_weight: float
    optimum: float

    def share(self, growth: float) -> float:
        """Return how much of the gain over equal weights ``growth`` captures: 0 for none, 1 for all."""
        return (growth - self.equal_weight) / (self.optimum - self.equal_weight)


def expected_growth(ledger: Ledger, market: KnownMarket, span: Span) -> float:
    """Return the expected net log growth a year of a ledger's weights over ``span``.

    The expected growth log(1 + w'r) of a step is w'm - (w'Sw + (w'm)^2) / 2, its second-order expansion, with the true
    mean m and covariance S. Costs and financing are those charged in the ledger.
    """
    weights = np.asarray(ledger.executed_weights)
    if weights.shape != (len(span), market.mean.shape[1]):
        raise DataError(f"the ledger has weights {weights.shape}; one account over {len(span)} steps is needed.")
    steps = slice(span.start, span.stop)
    earned = np.einsum("ta,ta->t", weights, market.mean[steps])
    risk = np.einsum("ta,tab,tb->t", weights, market.covariance[steps], weights) + earned**2
    costs = np.log1p(ledger.gross_return) - np.log1p(ledger.net_return)
    return float(DAYS * np.mean(earned - 0.5 * risk - costs))


def reference(market: KnownMarket, span: Span, rules: Rules) -> Reference:
    """Return the expected growth of equal weights and of the best causal rule over ``span``.

    The best rule trades each step by ``best_trades`` on the true moments; its two numbers are chosen on another path of
    the same kind. In the ``pair`` market it earns as much as the exact dynamic program.
    """
    n_assets = market.mean.shape[1]
    rule, equal = best_rule(market.name, rules, n_assets), np.full((len(span), n_assets), 1.0 / n_assets)
    return Reference(
        expected_growth(_booked(market, span, equal, rules), market, span),
        expected_growth(_booked(market, span, _traded(market, span, rule, rules), rules), market, span),
    )


def best_rule(kind: str, rules: Rules, n_assets: int) -> TradingRule:
    """Return the rule with the highest expected growth on a long path that is used for nothing else."""
    market = known_market(kind, n_assets, TUNING_BARS, TUNING_SEED)
    span = Span(0, TUNING_BARS - 1)

    def earned(rule: TradingRule) -> float:
        return expected_growth(_booked(market, span, _traded(market, span, rule, rules), rules), market, span)

    return max((TradingRule(*numbers) for numbers in product(SIGNALS, COST_SHARES)), key=earned)


def limited(rules: Rules, market: KnownMarket) -> Rules:
    """Return the rules with the limits that a market's optimum needs: long-only or not."""
    return replace(rules, limits=replace(rules.limits, long_only=market.kind.long_only))


def _traded(market: KnownMarket, span: Span, rule: TradingRule, rules: Rules) -> FloatArray:
    steps, n_assets = slice(span.start, span.stop), market.mean.shape[1]
    signal = market.mean[steps] - market.kind.typical
    rates = rule_numbers(rules, n_assets, DAYS, symbols=market.panel.symbols).cost_rate
    return follow(
        market.kind.typical + rule.signal * signal,
        market.covariance[steps],
        Market(market.panel).returns[steps],
        np.zeros(n_assets),
        rule.cost_share * rates,
        long_only=market.kind.long_only,
        invested=False,
    )


def _booked(market: KnownMarket, span: Span, targets: FloatArray, rules: Rules) -> Ledger:
    returns = Market(market.panel).returns[span.start : span.stop]
    limits = limited(rules, market).limits
    return simulate(returns, targets, costs=rules.costs, limits=limits, periods_per_year=DAYS)
