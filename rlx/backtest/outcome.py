"""What came of a strategy on every symbol: its books, both bounds of its fills, and what it counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rlx.backtest.day_trades import DayBook, FillRule, Fills, book, day_ledger, fill_within
from rlx.backtest.finer import FinerBars, fill_by_finer
from rlx.backtest.held import held_ledger
from rlx.backtest.joined import Joined
from rlx.backtest.orders import UNTILTED, Orders, Tilt
from rlx.backtest.plan import BothTouch
from rlx.backtest.settings import FINER, StrategySettings
from rlx.backtest.strategies import Held, Limit
from rlx.backtest.tuning import best_on_itself, best_on_past, returns_of_pairs, tilt_pairs
from rlx.errors import ConfigError
from rlx.measures.metrics import per_year
from rlx.sim.ledger import Ledger
from rlx.sim.rule_numbers import rule_numbers
from rlx.sim.rules import Costs, Rules
from rlx.types import FloatArray, IntArray


@dataclass(frozen=True)
class Trading:
    """What all strategies have in common: decisions and bars, settings, costs and the finer bars, if any."""

    joined: Joined
    settings: StrategySettings
    costs: Costs
    periods_per_year: float
    finer: FinerBars | None = None

    def __post_init__(self) -> None:
        require_finer(self.settings, self.finer)

    @property
    def rates(self) -> FloatArray:
        """Cost per side of each symbol as a fraction, (A,)."""
        symbols = self.joined.symbols
        numbers = rule_numbers(Rules(costs=self.costs), len(symbols), self.periods_per_year, symbols=symbols)
        return numbers.cost_rate

    def fill(self, both_touch: str) -> FillRule:
        """Return the rule that fills orders under an assumption about bars that touch both prices."""
        if both_touch == FINER:
            assert self.finer is not None
            return fill_by_finer(self.joined.traded, self.finer)
        return fill_within(self.joined.traded, optimistic=both_touch == BothTouch.optimistic)

    def symbol(self, column: int) -> Trading:
        """Return one symbol's part, with its own costs."""
        costs = replace(self.costs, per_asset_bps=[float(self.rates[column]) * 1e4])
        finer = None if self.finer is None else self.finer.symbol(column)
        return replace(self, joined=self.joined.symbol(column), costs=costs, finer=finer)


def require_finer(settings: StrategySettings, finer: object) -> None:
    """Raise ConfigError if fills need bars of a finer frequency and there are none."""
    if settings.both_touch == FINER and finer is None:
        raise ConfigError("both_touch=finer: needs bars of a finer frequency. Name them: finer=sample_hourly.")


@dataclass(frozen=True)
class Outcome:
    """One strategy on A symbols over T bars, each symbol an account.

    ``counts`` (A,) are numbers of bars, and of orders for strategies with limits. ``positions`` (T, A) are those of a
    strategy that holds, None for one with limits, which has ``fills``. ``bounds`` are net returns (A, T) by
    assumption about bars that touch both prices, ``tilt`` (T, A) the multipliers used and ``in_sample_gain`` (A,) the
    yearly mean return that tuning on the judged bars would add; None where nothing depends on it. ``rules_tried``
    counts the settings that were compared.
    """

    name: str
    ledger: Ledger
    counts: Mapping[str, IntArray]
    positions: FloatArray | None = None
    orders: tuple[Orders, ...] = ()
    fills: tuple[Fills, ...] = ()
    bounds: Mapping[str, FloatArray] = field(default_factory=dict)
    tilt: Tilt | None = None
    in_sample_gain: FloatArray | None = None
    rules_tried: int = 1


def play(strategy: Held | Limit, trading: Trading) -> Outcome:
    """Trade a strategy on every symbol."""
    if isinstance(strategy, Held):
        return _play_held(strategy, trading)
    return _play_limits(strategy, trading)


def _play_held(strategy: Held, trading: Trading) -> Outcome:
    joined = trading.joined
    positions = strategy.positions(joined, trading.settings)
    ledger = held_ledger(positions, joined, trading.costs, trading.rates, trading.periods_per_year)
    counts = {"bars": _all_bars(joined), "entered": _count(positions != 0.0)}
    counts["forecast_missing"] = _count(strategy.missing(joined))
    return Outcome(strategy.name, ledger, counts, positions)


def _play_limits(strategy: Limit, trading: Trading) -> Outcome:
    tilt, gain = UNTILTED, None
    if strategy.tuned and trading.settings.tunes:
        tilt, gain = _tuned(strategy, trading)
    orders = strategy.orders(trading.joined, trading.settings, tilt)
    assumed = dict.fromkeys([*(one.value for one in BothTouch), trading.settings.both_touch])
    carried_out = {one: _carried_out(orders, trading, one) for one in assumed}
    fills, books = carried_out[trading.settings.both_touch]
    return Outcome(
        strategy.name,
        day_ledger(books),
        _counts(strategy, trading, fills),
        orders=orders,
        fills=fills,
        bounds={one.value: day_ledger(carried_out[one.value][1]).net_return for one in BothTouch},
        tilt=None if gain is None else tilt,
        in_sample_gain=gain,
        rules_tried=1 if gain is None else len(tilt_pairs(trading.settings)),
    )


def _carried_out(orders: Sequence[Orders], trading: Trading, both_touch: str) -> tuple[tuple[Fills, ...], DayBook]:
    fill = trading.fill(both_touch)
    fills = tuple(fill(one) for one in orders)
    return fills, book(orders, fills, trading.rates)


def _tuned(strategy: Limit, trading: Trading) -> tuple[Tilt, FloatArray]:
    """Return the multipliers of every bar and symbol, and what tuning on the judged bars would add in a year."""
    pairs, shape = tilt_pairs(trading.settings), trading.joined.close.shape
    high, low, gain = np.zeros(shape), np.zeros(shape), np.zeros(shape[1])
    for column in range(shape[1]):
        one = trading.symbol(column)
        fill = one.fill(trading.settings.both_touch)
        returns = returns_of_pairs(strategy, one.joined, trading.settings, fill, one.rates)
        chosen = best_on_past(returns, trading.settings)
        high[:, column], low[:, column] = pairs[chosen].T
        pretended = best_on_itself(returns, trading.settings)
        bars = np.arange(shape[0])
        gain[column] = per_year(returns[pretended, bars] - returns[chosen, bars], trading.periods_per_year)
    return Tilt(high, low), gain


def _counts(strategy: Limit, trading: Trading, fills: Sequence[Fills]) -> dict[str, IntArray]:
    joined, counted = trading.joined, {"bars": _all_bars(trading.joined)}
    counted["entered"] = sum((_count(~np.isnan(one.entry)) for one in fills), np.zeros(len(joined.symbols), np.int64))
    for name in ("target", "ambiguous", "gap"):
        counted[name] = np.sum([_count(getattr(one, name)) for one in fills], axis=0)
    missing = strategy.missing(joined)
    counted |= {"forecast_missing": _count(missing), "invalid_forecast": _count(joined.invalid & ~missing)}
    if trading.settings.both_touch == FINER and trading.finer is not None:
        counted["without_finer"] = _count(~trading.finer.covered)
    return counted


def _all_bars(joined: Joined) -> IntArray:
    return np.full(len(joined.symbols), len(joined.bars), dtype=np.int64)


def _count(chosen: np.ndarray) -> IntArray:
    return np.asarray(chosen.sum(axis=0), dtype=np.int64)


def played(
    strategies: Mapping[str, Held | Limit], trading: Trading, show: Callable[[str, int, int], None] | None = None
) -> dict[str, Outcome]:
    """Return the outcome of each strategy by name; ``show`` receives the name, the number done and their total."""
    done: dict[str, Outcome] = {}
    for number, (name, strategy) in enumerate(strategies.items()):
        if show is not None:
            show(name, number, len(strategies))
        done[name] = play(strategy, trading)
    return done
