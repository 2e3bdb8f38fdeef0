"""A batch of accounts trading one market, stepped together by environments and the evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.errors import DataError
from rlx.sim.books import Books, Record, make_scratch, make_tape, open_books, open_record, pad
from rlx.sim.entrance import bars_given, check_returns, count_given, given
from rlx.sim.ledger import SCALARS, Ledger
from rlx.sim.numba_engine import step_books
from rlx.sim.rule_numbers import RUIN, rule_numbers
from rlx.sim.rules import Rules
from rlx.sim.threads import share_accounts
from rlx.types import BoolArray, FloatArray, IntArray
from rlx.untrusted.shown import as_typed

if TYPE_CHECKING:
    from rlx.data.market import Market

_ROW = {name: index for index, name in enumerate(SCALARS)}


class Outcome:
    """One step of n accounts: every scalar ledger quantity as attribute (n,), weights (n, A) where they are kept.

    The arrays are views that the next step overwrites; flags and counts are float64 here.
    """

    __slots__ = ("closing_weights", "executed_weights", "scalars")

    def __init__(self, record: Record, n: int) -> None:
        self.scalars = record.scalars[:, :n]  # (Q, n), rows as rlx.sim.ledger.SCALARS
        self.executed_weights = record.executed_weights[:n] if record.executed_weights.size else None
        self.closing_weights = record.closing_weights[:n] if record.closing_weights.size else None

    def __getattr__(self, name: str) -> FloatArray:
        if name in _ROW:
            return np.asarray(self.scalars[_ROW[name]])
        raise AttributeError(f"Outcome has no quantity '{name}'")

    def ledger(self) -> Ledger:
        """Return a copy with the ledger's types, shapes (n,) and (n, A)."""
        return Ledger.of_scalars(self.scalars, self.executed_weights, self.closing_weights).map(np.copy)


class Accounts:
    """B accounts over the steps of one market, float64, compiled.

    ``returns`` (T, A) are the simple returns earned from the decision at bar t to bar t + 1; ``overnight_returns`` (T,
    A), needed for next_open execution, are their close-to-open part. ``cvar`` and ``uncertainty`` (T, A) are forecasts
    that ``Reward`` penalises. ``keep_weights`` stores executed and carried weights in every ``Outcome``, which takes a
    tenth of a step's time. ``books`` are the padded arrays of the compiled code; the properties show them as (B, A).
    Raises DataError when rules need opens that the market does not have, for arrays whose shape differs from the
    returns, numbers that are not finite, returns below -1, and a step past the last return.
    """

    def __init__(
        self,
        returns: FloatArray,
        rules: Rules,
        batch: int,
        *,
        periods_per_year: float,
        symbols: Sequence[str] = (),
        overnight_returns: FloatArray | None = None,
        asset_classes: Sequence[str] | None = None,
        cvar: FloatArray | None = None,
        uncertainty: FloatArray | None = None,
        keep_weights: bool = True,
    ) -> None:
        returns = given("returns", returns, (None, None))
        check_returns("returns", returns)
        n_steps, n_assets = returns.shape
        batch = count_given("batch", batch)
        self.rules = rules
        self.settings = rule_numbers(rules, n_assets, periods_per_year, symbols=symbols, asset_classes=asset_classes)
        if self.settings.next_open and overnight_returns is None:
            raise DataError("execution=next_open needs opening prices, and this market has none: use execution=close.")
        extra = {"overnight_returns": overnight_returns, "cvar": cvar, "uncertainty": uncertainty}
        tapes = {name: None if x is None else given(name, x, returns.shape) for name, x in extra.items()}
        if tapes["overnight_returns"] is not None:
            check_returns("overnight_returns", tapes["overnight_returns"], lose_all=False)
        self._n_steps, self.n_assets = n_steps, n_assets
        self._numbers = pad(self.settings)
        self._tape = make_tape(n_assets, (returns, *tapes.values()))
        self.books: Books = open_books(batch, n_assets, self.settings.window)
        self._record = open_record(batch, n_assets, weights=keep_weights)
        self.bar: IntArray = np.zeros(batch, dtype=np.int64)

    @classmethod
    def of(
        cls,
        market: Market,
        rules: Rules,
        batch: int,
        *,
        cvar: FloatArray | None = None,
        uncertainty: FloatArray | None = None,
        keep_weights: bool = True,
    ) -> Accounts:
        """Open ``batch`` accounts on a market."""
        return cls(
            market.returns,
            rules,
            batch,
            periods_per_year=market.periods_per_year,
            symbols=market.symbols,
            overnight_returns=market.overnight_returns,
            asset_classes=market.asset_classes,
            cvar=cvar,
            uncertainty=uncertainty,
            keep_weights=keep_weights,
        )

    def reset(self, bars: IntArray, rows: IntArray | None = None) -> None:
        """Reset accounts ``rows`` (all when None) to fresh books at decision bars ``bars``, one for each."""
        bars = bars_given("bars", bars, (self.bar.size if rows is None else len(rows),))
        if bars.size:
            _check_places("bars", bars, self._n_steps)
        at = slice(None) if rows is None else rows
        books = self.books
        self.bar[at] = bars
        for array in (books.value, books.peak, books.past_values):
            array[at] = 1.0
        for counter in (books.weights, books.oldest, books.cooldown_long, books.cooldown_short, books.steps):
            counter[at] = 0

    def state(self) -> dict[str, Any]:
        """Return copies of books and bars by name, for ``restore``."""
        return {name: array.copy() for name, array in self._arrays().items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from the ``state`` of as many accounts on the same market; DataError where it does not fit."""
        for name, array in self._arrays().items():
            if np.shape(state[name]) != array.shape:
                raise DataError(f"'{name}' has shape {np.shape(state[name])}, these accounts need {array.shape}.")
            array[...] = state[name]
        _check_places("bar", self.bar, self._n_steps)
        _check_places("oldest", self.books.oldest, self.settings.window - 1)

    def _arrays(self) -> dict[str, Any]:
        return {"bar": self.bar, **self.books._asdict()}

    def step(self, targets: FloatArray) -> Outcome:
        """Trade ``targets`` (n, A) for the first n accounts and move each on by one bar."""
        return self.trade(given("targets", targets, (None, self.n_assets)))

    def trade(self, targets: FloatArray) -> Outcome:
        """Do the same with targets known to be finite and of that shape."""
        n = len(targets)
        self._play(targets, 0, n, self._record, 0)
        return Outcome(self._record, n)

    def record_step(self, targets: FloatArray, first: int, last: int, record: Record, row: int) -> None:
        """Trade ``targets`` (n, A), n >= ``last``, for accounts ``first`` .. ``last`` - 1 only.

        The outcome is written into ``row`` of the record and the following rows.
        """
        self._play(given("targets", targets, (None, self.n_assets)), first, last, record, row)

    def _play(self, targets: FloatArray, first: int, last: int, record: Record, row: int) -> None:
        if not 0 <= first <= last <= min(self.bar.size, len(targets)):
            there = f"there are {self.bar.size}, with {len(targets)} rows of targets"
            raise DataError(f"accounts {first} to {last} cannot be stepped: {there}.")
        if last > first and int(self.bar[first:last].max()) >= self._n_steps:
            raise DataError(f"step past the end of the market: it has {self._n_steps} steps.")
        settings, books, bars, tape = self._numbers, self.books, self.bar, self._tape
        asked = np.ascontiguousarray(targets, dtype=np.float64)[:, None]

        def play(begin: int, end: int) -> None:
            scratch = make_scratch(self.n_assets)
            step_books(settings, books, bars, asked, tape, scratch, record, row - first, begin, end)

        share_accounts(play, first, last, 1)

    @property
    def weights(self) -> FloatArray:
        """Weights held (B, A)."""
        return self.books.weights[:, : self.n_assets]

    @property
    def value(self) -> FloatArray:
        """Equity (B,), 1 at the start."""
        return self.books.value

    @property
    def peak(self) -> FloatArray:
        """Highest equity so far (B,)."""
        return self.books.peak

    @property
    def drawdown(self) -> FloatArray:
        """Fraction of equity below the peak (B,)."""
        return (self.books.peak - self.books.value) / self.books.peak

    @property
    def trailing_return(self) -> FloatArray:
        """Net return compounded over the guard's window (B,); zero without a guard, as in the ledger."""
        books = self.books
        if not self.settings.guard_enabled:
            return np.zeros_like(books.value)
        oldest = books.past_values[np.arange(books.value.size), books.oldest]
        return np.asarray(books.value / oldest - 1.0)

    @property
    def cooldown_long(self) -> IntArray:
        """Steps of cooldown left for long positions (B, A)."""
        return self.books.cooldown_long[:, : self.n_assets]

    @property
    def cooldown_short(self) -> IntArray:
        """Steps of cooldown left for short positions (B, A)."""
        return self.books.cooldown_short[:, : self.n_assets]

    @property
    def steps(self) -> IntArray:
        """Steps taken since the last reset (B,)."""
        return self.books.steps

    @property
    def ruined(self) -> BoolArray:
        """Whether the account fell to the minimum value and stopped trading (B,)."""
        return np.asarray(self.books.value <= RUIN)


def _check_places(name: str, places: IntArray, last: int) -> None:
    """Raise DataError for an invalid index: compiled code does not check indices."""
    if places.min() < 0 or places.max() > last:
        raise DataError(f"{name}={as_typed(places.tolist())}: must be from 0 to {last}.")
