"""What a policy captured of the attainable gain, where the data are a generated market with a known optimum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rlx.data.config import SyntheticData
from rlx.data.known import KNOWN
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.data.synthetic import known_market
from rlx.evaluate.judge import Judgement
from rlx.evaluate.known_answer import Reference, expected_growth, reference
from rlx.evaluate.windows import HOLDOUT
from rlx.sim.rules import Rules

SMALLEST_GAIN = 0.01
"""Gain a year of the optimum over equal weights below which a share of it says nothing."""


def with_known_answer(judgement: Judgement, data: Any, market: Market, span: Span, rules: Rules) -> Judgement:
    """Return the judgement whose verdict says expected growth and captured share; unchanged for other markets."""
    if not isinstance(data, SyntheticData) or data.kind not in KNOWN or judgement.evaluation.intraday:
        return judgement
    known = known_market(data.kind, data.n_assets, data.n_bars, data.seed)
    if known.panel.fingerprint != market.fingerprint:  # only some of its dates or symbols
        return judgement
    growth = expected_growth(judgement.evaluation.sets[HOLDOUT].ledger.select(0), known, span)
    best = reference(known, span, rules)
    card = judgement.scorecard
    return judgement._replace(scorecard=replace(card, verdict=f"{card.verdict} {_in_words(growth, best)}"))


def _in_words(growth: float, best: Reference) -> str:
    known = (
        f"In this generated market equal weights have an expected log growth of {best.equal_weight:.1%} a year and the "
        f"best rule one of {best.optimum:.1%}; that of these weights is {growth:.1%}"
    )
    if best.optimum - best.equal_weight < SMALLEST_GAIN:
        return f"{known}."
    return f"{known}, a share of {best.share(growth):.2f} of the attainable gain."
