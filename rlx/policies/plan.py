"""Trading plans, replayed order by order, as a policy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rlx.backtest.bars import DayBars, day_bars
from rlx.backtest.document import plan_document, plan_markdown
from rlx.backtest.monte_carlo import Resampling, monte_carlo
from rlx.backtest.plan import BothTouch, ReplaySettings, Strategy
from rlx.backtest.plan_file import read_plans
from rlx.backtest.replay import Replay, replay
from rlx.backtest.schedule import schedule
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.errors import PlanError
from rlx.policies.config import PlanConfig
from rlx.policies.covered import covered_span
from rlx.sim.rule_numbers import RUIN, rule_numbers
from rlx.sim.rules import Costs, Rules
from rlx.types import FloatArray

JSON, MARKDOWN = "plan_replay.json", "plan_replay.md"


class PlanReplay:
    """Replay plans on the market's daily bars and hold the replay's positions at each close.

    The replay keeps its own books, in money; ``documents`` has them. Its weights are position value / equity at the
    close of every bar from the first plan's day on, cash before; a position entered and closed within one bar is only
    in the books. ``fee_bps`` is charged per side on traded value, None uses the costs of the configuration. Raises
    PlanError.
    """

    name = "plan"
    feature_names: tuple[str, ...] = ()
    window_steps = 0
    reads_account = False
    documents_when_refused = False

    def __init__(
        self,
        path: str,
        strategy: str = Strategy.base.value,
        both_touch: str = BothTouch.pessimistic.value,
        initial_cash: float = 100_000.0,
        fee_bps: float | None = None,
        probe_quantity: float | None = None,
        profit_shutdown_days: int | None = None,
        monte_carlo_paths: int | None = 1000,
        monte_carlo_block_days: int = 5,
        seed: int = 0,
    ) -> None:
        self.settings = ReplaySettings(strategy, both_touch, initial_cash, probe_quantity, profit_shutdown_days)
        PlanConfig(
            path=str(path),
            fee_bps=fee_bps,
            monte_carlo_paths=monte_carlo_paths,
            monte_carlo_block_days=monte_carlo_block_days,
            seed=seed,
        )
        self.path, self.fee_bps = Path(path), fee_bps
        self.resampling = None
        if monte_carlo_paths is not None:
            self.resampling = Resampling(monte_carlo_paths, monte_carlo_block_days, seed)
        self._plans = read_plans(self.path, strategy)
        self._costs = None if fee_bps is None else Costs(commission_bps=fee_bps)
        self._market: Market | None = None

    def charge(self, costs: Costs) -> None:
        """Use the costs of the configuration, unless ``fee_bps`` is set."""
        if self.fee_bps is None:
            self._costs, self._market = costs, None

    def bind(self, market: Market) -> None:
        """Replay the plans on the market; PlanError for unknown symbols, no OHLC, no daily bars or no overlap."""
        if market is self._market:
            return
        bars = day_bars(market.panel)
        self._bars = bars
        self._fee_rates = self._rates(market)
        self._schedule = schedule(self._plans, market.symbols, bars.days)
        self._span = covered_span(np.array(self._schedule.days, dtype=np.int64), market.n_bars)
        first, last = self._span.start, self._span.stop
        self._own_plans = {day - first: plan for day, plan in self._schedule.by_day.items()}
        self._replay = replay(self._own_plans, bars.between(first, last), self.settings, self._fee_rates)
        self._targets = _weights(self._replay, bars, first)
        self._market = market

    def _rates(self, market: Market) -> dict[str, float]:
        """Return the cost of each symbol as a fraction of traded value."""
        if self._costs is None:
            raise PlanError("policy.fee_bps=None: pass the costs with charge(costs), or give fee_bps a number.")
        rules = Rules(costs=self._costs)
        rates = rule_numbers(rules, market.n_assets, market.periods_per_year, symbols=market.symbols).cost_rate
        return dict(zip(market.symbols, rates.tolist(), strict=True))

    def reset(self, batch: int) -> None:
        """There is no state: the target follows from the bar."""

    def act(self, observation: Observation) -> FloatArray:
        """Return the weights of each account's bar, (B, A)."""
        self._bound()
        return self._targets[observation.bar]

    def span(self, market: Market) -> Span:
        """Return the decisions that the plans cover: first plan to last plan plus one typical gap between plans.

        A single plan covers everything from its day on.
        """
        self.bind(market)
        if len(self._span) == 0:
            raise PlanError(
                f"{self.path}: the only plan on this market is for its last day: nothing is earned after it."
            )
        return self._span

    def describe(self) -> dict[str, Any]:
        """Return the source of the plans, the replay's options and, once bound, the number executed."""
        facts: dict[str, Any] = {"kind": self.name, "path": str(self.path), **vars(self.settings)}
        facts["fee_bps"] = "costs of the configuration" if self.fee_bps is None else self.fee_bps
        facts["plans"] = len(self._plans)
        if self._market is not None:
            facts |= {"plans_on_market": len(self._schedule.by_day), "fills": len(self._replay.fills)}
            facts |= {"replay_net_pnl": self._replay.net_pnl}
        return facts

    def documents(self) -> Mapping[str, Any]:
        """Return the replay's books as ``plan_replay.json`` and ``plan_replay.md``, with the Monte Carlo paths."""
        self._bound()
        paths = None
        if self.resampling is not None:
            paths = monte_carlo(
                self._own_plans,
                self._bars,
                self._span.start,
                self._replay,
                self.settings,
                self._fee_rates,
                self.resampling,
            )
        document = plan_document(
            self.describe(),
            {name: 1e4 * rate for name, rate in self._fee_rates.items()},
            self._schedule,
            self._replay,
            paths,
        )
        return {JSON: document, MARKDOWN: plan_markdown(document)}

    def _bound(self) -> Replay:
        if self._market is None:
            raise PlanError(f"{self.path}: bind the plans to a market before acting on them.")
        return self._replay


def _weights(books: Replay, bars: DayBars, first: int) -> FloatArray:
    """Return targets (N, A): cash before the replay, then its positions at each close, and its last ones afterwards."""
    n_bars, n_assets = bars.close.shape
    after = n_bars - first - len(books.bars)
    positions = np.vstack(
        [np.zeros((first, n_assets)), books.positions, np.repeat(books.positions[-1:], after, axis=0)]
    )
    cash = np.concatenate([np.full(first, books.initial_cash), books.cash, np.full(after, books.cash[-1])])
    values = positions * bars.close
    equity = (cash + values.sum(axis=1))[:, None]
    alive = equity > RUIN * books.initial_cash  # with less it has no meaningful weights
    return np.where(alive, values / np.where(alive, equity, 1.0), 0.0)
