"""Shuffled futures: the span's own bars in another order, and a policy that trades them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rlx.audit.edges import Book
from rlx.audit.play import Recorder, record
from rlx.data.market import Market
from rlx.data.outlook import is_outlook
from rlx.data.panel import BAR_FIELDS, PRICE_FIELDS, MarketPanel
from rlx.data.splits import Span
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import HOLDOUT, WindowSet
from rlx.policies.base import Policy
from rlx.policies.baselines import Cash, EqualWeight
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.sim.rules import Rules
from rlx.types import FloatArray, IntArray

CHUNK_VALUES = 20_000_000
"""Feature values held in memory at a time (80 MB)."""

Progress = Callable[[int, int], None]


class StackedMarket(Market):
    """Several segments of one market, concatenated, with that market's calendar."""

    def __init__(self, panel: MarketPanel, periods_per_year: float) -> None:
        super().__init__(panel)
        self._periods_per_year = periods_per_year

    @property
    def periods_per_year(self) -> float:
        """Bars per year of the segments' market: their own time stamps mean nothing."""
        return self._periods_per_year


def shuffled(panel: MarketPanel, span: Span, order: IntArray) -> MarketPanel:
    """Return the panel with the bars that the span's steps close on in another order, (T,) from 0.

    A bar moves as a whole, all assets together: its open, high, low and close as multiples of the close before it, and
    its volume. Prices up to the first decision are unchanged.
    """
    first, last = span.start + 1, span.stop + 1
    before = panel.close[first - 1 : last - 1]
    growth = (panel.close[first:last] / before)[order]
    close = panel.close[span.start] * np.cumprod(growth, axis=0)
    base = np.vstack([panel.close[span.start : first], close[:-1]])  # the close before each bar, at its new position
    fields: dict[str, Any] = {}
    for name in BAR_FIELDS:
        values = getattr(panel, name)
        if values is not None:
            moved = (values[first:last] / before)[order] * base if name in PRICE_FIELDS else values[first:last][order]
            fields[name] = np.vstack([values[:first], moved, values[last:]])
    return replace(panel, **fields)


def play_shuffled(
    policy: Policy, market: Market, span: Span, rules: Rules, orders: IntArray, progress: Progress | None = None
) -> Iterator[Book]:
    """Yield the policy's book on the future of each of ``orders`` (K, T).

    Policies that see only their observation trade many futures at once, one account each.
    """
    done = 0
    size = _together(policy, market, span)
    for first in range(0, len(orders), size):
        chunk = orders[first : first + size]
        panels = [shuffled(market.panel, span, order) for order in chunk]
        books = (
            _play_stacked(policy, market, span, rules, panels)
            if size > 1
            else _play_alone(policy, market.with_panel(panels[0]), span, rules)
        )
        yield from books
        done += len(chunk)
        if progress is not None:
            progress(done, len(orders))


def _together(policy: Policy, market: Market, span: Span) -> int:
    """Return the number of futures per batch; 1 for a policy that may read the market, its dates or forecasts."""
    forecasts = any(map(is_outlook, policy.feature_names))
    if forecasts or not (isinstance(policy, CheckpointPolicy) or type(policy) in (Cash, EqualWeight)):
        return 1
    bars = len(span) + _context(policy, market) + 1
    return max(2, CHUNK_VALUES // (bars * market.n_assets * max(len(policy.feature_names), 1)))


def _context(policy: Policy, market: Market) -> int:
    return market.first_bar(policy.feature_names, policy.window_steps) if policy.feature_names else 0


def _play_alone(policy: Policy, market: Market, span: Span, rules: Rules) -> list[Book]:
    return _books(record(policy), market, np.array([span.start]), len(span), rules)


def _play_stacked(
    policy: Policy, market: Market, span: Span, rules: Rules, panels: Sequence[MarketPanel]
) -> list[Book]:
    """Play all panels in one batch, each with as many bars before the span as the policy's features need."""
    context = _context(policy, market)
    part = slice(span.start - context, span.stop + 1)
    fields: dict[str, Any] = {
        name: np.concatenate([getattr(panel, name)[part] for panel in panels])
        for name in BAR_FIELDS
        if getattr(market.panel, name) is not None
    }
    length = part.stop - part.start
    stamps = np.arange(length * len(panels)).astype("datetime64[s]")
    stacked = StackedMarket(replace(market.panel, timestamps=stamps, **fields), market.periods_per_year)
    starts = context + length * np.arange(len(panels))
    return _books(record(policy), stacked, starts, len(span), rules)


def _books(recorder: Recorder, market: Market, starts: IntArray, steps: int, rules: Rules) -> list[Book]:
    ledger = evaluate(recorder, market, (WindowSet(HOLDOUT, starts, steps),), rules).sets[HOLDOUT].ledger
    held = np.stack([_by_account(values["weights"], values["bar"]) for values in recorder.observations], axis=1)
    bars = starts[:, None] + np.arange(steps)
    overnight = market.overnight_returns
    return [
        Book(
            gross_return=ledger.gross_return[account],
            net_return=ledger.net_return[account],
            held_weights=held[account],
            executed_weights=ledger.executed_weights[account],
            returns=market.returns[bars[account]],
            overnight_returns=None if overnight is None else overnight[bars[account]],
        )
        for account in range(len(starts))
    ]


def _by_account(weights: FloatArray, bar: IntArray) -> FloatArray:
    """Return weights (B, A) in the order of the accounts, which here is that of their bars."""
    return weights[np.argsort(bar)]
