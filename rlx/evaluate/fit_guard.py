"""Guard thresholds from the train split: percentiles of reference books that exist before any policy does.

The reference is the same for every policy. All policies judged under ``guard=fitted`` therefore have the same guard
and the same comparability key, and a learner can be trained under it before it has a book of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rlx.errors import ConfigError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.guard_config import FittedGuard
from rlx.evaluate.windows import HOLDOUT, holdout_windows
from rlx.measures.metrics import drawdowns
from rlx.policies.baselines import EqualWeight
from rlx.policies.trailing import Momentum
from rlx.sim.rule_numbers import market_rule_numbers
from rlx.sim.rules import GUARDS, Guard, GuardRule, Rules
from rlx.sim.trades import trades_of
from rlx.types import FloatArray

if TYPE_CHECKING:
    from rlx.data.market import Market
    from rlx.data.splits import Span
    from rlx.measures.evaluation import WindowLedger
    from rlx.policies.base import Policy

DECIMALS = 6
"""Thresholds are rounded to these, so that last digits that vary by machine change neither guard nor key."""

HELD_BY_TRADER = 3
"""The reference book for turnover holds one in this many assets, at least one."""

SHORTEST_LOOKBACK = 2
"""Fewest steps the reference trader looks back."""


class GuardFit(NamedTuple):
    """A plain guard, and the bar labels of the first decision and the last close it was fitted on."""

    guard: Guard
    first: np.datetime64
    last: np.datetime64


def fit_guard(asked: FittedGuard, market: Market, span: Span, rules: Rules) -> GuardFit:
    """Return ``asked`` with thresholds fitted on the decisions of ``span``, the train split.

    One account is played over the span under ``rules`` without a guard. Each threshold is a percentile of what its
    guard would have seen before each step: the drawdown of equal weight; its net return over the last ``window``
    steps; and the anticipated turnover of a trader who holds the best third over ``window``, chosen again at every
    step. Equal weight hardly ever trades, so a threshold from its turnover would fire at every step of any other
    policy. The turnover threshold stays None without a cooldown, because that guard acts only through the cooldown.

    Raises ConfigError when no step of the span has a whole ``window`` before it, and for a drawdown or turnover
    threshold of 0, which every step would reach.
    """
    fewest = max(asked.window, SHORTEST_LOOKBACK) + 2
    if len(span) < fewest:
        raise ConfigError(
            f"guard.window={asked.window}: the train split has {len(span)} decisions, and a guard cannot be fitted "
            f"to fewer than {fewest}. Shorten the window or lengthen the train split (data.split)."
        )
    unguarded = replace(rules, guard=Guard())
    seen = {
        **_seen_by_market_guards(market, span, unguarded, asked.window),
        **(_seen_by_turnover_guard(market, span, unguarded, asked.window) if rules.cooldown.enabled else {}),
    }
    fitted = (rule for rule in GUARDS if rule.name in seen and asked.percentile(rule.name) is not None)
    thresholds = {rule.name: _threshold(asked, rule, seen[rule.name]) for rule in fitted}
    return GuardFit(asked.with_thresholds(thresholds), market.timestamps[span.start], market.timestamps[span.stop])


def _seen_by_market_guards(market: Market, span: Span, rules: Rules, window: int) -> dict[str, FloatArray]:
    """Return drawdown before each step (T,), and trailing return before each step after the first ``window``."""
    value = _play(EqualWeight(), market, span, rules).ledger.value[0]
    before = np.concatenate(([1.0], value[:-1]))  # (T,): the state a guard decides on
    return {"drawdown": drawdowns(before), "negative_return": before[window:] / before[:-window] - 1.0}


def _seen_by_turnover_guard(market: Market, span: Span, rules: Rules, window: int) -> dict[str, FloatArray]:
    """Return the turnover that each step's target would cause, for the steps after the trader's first choice."""
    lookback = max(window, SHORTEST_LOOKBACK)
    trader = Momentum(lookback_steps=lookback, rebalance_steps=1, top_k=max(1, market.n_assets // HELD_BY_TRADER))
    played = _play(trader, market, span, rules)
    bars = played.starts[:, None] + np.arange(len(span))
    opens = None if market.overnight_returns is None else market.overnight_returns[bars]
    trades, _ = trades_of(played.ledger, market.returns[bars], market_rule_numbers(rules, market), opens)
    anticipated = np.abs(trades.weights_after - trades.weights_before).sum(axis=-1)[0]  # (T,)
    chosen = max(0, lookback - span.start) + 1  # before: equal weights, then one trade to the first choice
    return {"turnover": np.asarray(anticipated[chosen:])}


def _play(policy: Policy, market: Market, span: Span, rules: Rules) -> WindowLedger:
    return evaluate(policy, market, (holdout_windows(span),), rules).sets[HOLDOUT]


def _threshold(asked: FittedGuard, rule: GuardRule, seen: FloatArray) -> float:
    kind, percentile = rule.name, asked.percentile(rule.name)
    assert percentile is not None
    value = round(float(np.percentile(seen, percentile)), DECIMALS)
    if not rule.fires_below and value <= 0.0:
        raise ConfigError(
            f"guard.{kind}_percentile={percentile:g}: the fitted threshold is 0, which every step would reach, because "
            f"the reference has no {kind} on that share of the steps of the train split. Raise the percentile, or "
            f"set it to null to switch this guard off or to give guard.{kind}_threshold instead."
        )
    if rule.fires_below and value > 1.0:
        raise ConfigError(
            f"guard.{kind}_percentile={percentile:g}: the fitted threshold is a trailing return of {value:+.0%}, and "
            "the maximum is +100%. Lower the percentile or shorten guard.window."
        )
    return value
