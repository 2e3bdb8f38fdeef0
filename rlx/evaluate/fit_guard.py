"""Thresholds of guards from the train split: percentiles of books that are known before any policy is.

The reference is the same for every policy, so that all that are judged under ``guard=fitted`` are judged under one
guard and share a comparability key, and so that a learner can be trained with it: its own book does not exist yet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rlx.errors import ConfigError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.guard_config import FittedGuard
from rlx.evaluate.windows import holdout_windows
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
    from rlx.measures.evaluation import Evaluation
    from rlx.policies.base import Policy

DECIMALS = 6
"""Thresholds are rounded to these, so that other machines' last digits give no other guard and no other key."""

HELD_BY_TRADER = 3
"""The book that turnover is taken from holds one asset of so many, one at least."""


SHORTEST_LOOKBACK = 2
"""Steps the trader looks back at least."""


class GuardFit(NamedTuple):
    """A plain guard, and the labels of the bars of the first decision and the last close it was fitted on."""

    guard: Guard
    first: np.datetime64
    last: np.datetime64


def fit_guard(asked: FittedGuard, market: Market, span: Span, rules: Rules) -> GuardFit:
    """Return ``asked`` with its thresholds taken from the decisions of ``span``, the train split.

    One account is played over the span under ``rules`` without a guard, and a threshold is a percentile of what that
    guard would have looked at before each step: drawdown, and net return over the last ``window`` steps, of equal
    weight; anticipated turnover of a trader who holds the best third over ``window``, chosen anew at every step.
    Equal weight all but never trades, so its turnover would have a turnover guard fire at every step of anybody else.
    That threshold stays None where there is no cooldown, through which alone the guard acts.

    Raises ConfigError when the span has no step with a whole ``window`` behind it, and for a threshold of 0 drawdown
    or turnover, which every step would meet.
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
    """Return drawdown before each step (T,), and trailing return before each that has ``window`` steps behind it."""
    value = _play(EqualWeight(), market, span, rules).sets["holdout"].ledger.value[0]
    before = np.concatenate(([1.0], value[:-1]))  # (T,): the state a guard decides on
    return {"drawdown": drawdowns(before), "negative_return": before[window:] / before[:-window] - 1.0}


def _seen_by_turnover_guard(market: Market, span: Span, rules: Rules, window: int) -> dict[str, FloatArray]:
    """Return the turnover that each step's target would cause, of the steps after the trader's first choice."""
    lookback = max(window, SHORTEST_LOOKBACK)
    trader = Momentum(lookback_steps=lookback, rebalance_steps=1, top_k=max(1, market.n_assets // HELD_BY_TRADER))
    played = _play(trader, market, span, rules)
    bars = played.sets["holdout"].starts[:, None] + np.arange(len(span))
    opens = None if market.overnight_returns is None else market.overnight_returns[bars]
    trades, _ = trades_of(
        played.sets["holdout"].ledger, market.returns[bars], market_rule_numbers(rules, market), opens
    )
    anticipated = np.abs(trades.weights_after - trades.weights_before).sum(axis=-1)[0]  # (T,)
    chosen = max(0, lookback - span.start) + 1  # equal weights until then, and one trade from there to the first choice
    return {"turnover": np.asarray(anticipated[chosen:])}


def _play(policy: Policy, market: Market, span: Span, rules: Rules) -> Evaluation:
    return evaluate(policy, market, (holdout_windows(span),), rules)


def _threshold(asked: FittedGuard, rule: GuardRule, seen: FloatArray) -> float:
    kind, percentile = rule.name, asked.percentile(rule.name)
    assert percentile is not None
    value = round(float(np.percentile(seen, percentile)), DECIMALS)
    if not rule.fires_below and value <= 0.0:
        raise ConfigError(
            f"guard.{kind}_percentile={percentile:g}: the fitted threshold is 0, which every step would meet, because "
            f"the reference has no {kind} on so many steps of the train split. Raise the percentile, or switch this "
            f"guard off with null and, if you like, give guard.{kind}_threshold."
        )
    if rule.fires_below and value > 1.0:
        raise ConfigError(
            f"guard.{kind}_percentile={percentile:g}: the fitted threshold is a trailing return of {value:+.0%}, and "
            "none above +100% is allowed. Lower the percentile or shorten guard.window."
        )
    return value
