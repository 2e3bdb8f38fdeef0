"""Small tasks on generated markets, for the tests of environments, policies and learners."""

from __future__ import annotations

from typing import Any

from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.splits import SplitConfig, Splits, make_splits
from rlx.data.synthetic import synthetic
from rlx.decisions.head import AllocationHead
from rlx.envs.portfolio import PortfolioTask
from rlx.sim.rules import Cooldown, Costs, Guard, Limits, Rules

FEATURES = ("return_1", "return_5", "volatility_5")
ALL_RULES = Rules(
    costs=Costs(commission_bps=2.0, slippage_bps=5.0, margin_annual=0.06),
    limits=Limits(long_only=True, intraday_gross=1.5, closing_gross=1.2),
    guard=Guard(
        drawdown_threshold=0.036,
        leverage_scale=0.6,
        window=10,
        negative_return_threshold=-0.03,
        turnover_threshold=0.55,
    ),
    cooldown=Cooldown(steps=3, penalty=0.1),
)
LONG_ONLY = Rules(costs=Costs(slippage_bps=5.0), limits=Limits(long_only=True))


def make_market(kind: str = "random_walk", n_assets: int = 3, n_bars: int = 160, seed: int = 0) -> Market:
    return Market(synthetic(kind, n_assets, n_bars, seed))


def splits_of(market: Market, window_steps: int = 1) -> Splits:
    return make_splits(market, SplitConfig(), market.first_bar(FEATURES, window_steps))


def normalizer_of(market: Market, window_steps: int = 1) -> Normalizer:
    span = splits_of(market, window_steps).train
    seen = slice(span.start - window_steps + 1, span.stop)
    return Normalizer.fit(FEATURES, market.features(FEATURES), seen)


def make_task(market: Market, rules: Rules = ALL_RULES, *, leverage_head: bool = True, **options: Any) -> PortfolioTask:
    window_steps = options.get("window_steps", 1)
    normalizer = normalizer_of(market, window_steps)
    return PortfolioTask(
        market=market,
        rules=rules,
        span=splits_of(market, window_steps).train,
        signals=normalizer.apply(market.features(FEATURES)),
        signal_bound=normalizer.clip,
        **{
            "head": AllocationHead.under(rules.limits, market.n_assets, leverage_head=leverage_head, logit_scale=2.0),
            "episode_steps": 20,
            **options,
        },
    )
