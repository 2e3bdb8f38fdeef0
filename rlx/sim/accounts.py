"""A batch of accounts trading one market, stepped together: what environments and the evaluator drive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rlx.errors import DataError
from rlx.sim.books import Books, Tape, make_scratch, open_books
from rlx.sim.ledger import SCALARS, Ledger
from rlx.sim.numba_engine import step_accounts
from rlx.sim.rules import Rules
from rlx.sim.settings import RUIN, make_settings
from rlx.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from rlx.data.market import Market

_COLUMN = {name: index for index, name in enumerate(SCALARS)}


class Outcome:
    """One step of n accounts: every scalar ledger quantity as attribute (n,), weights (n, A).

    The arrays are views that the next step overwrites; flags and counts are float64 here.
    """

    __slots__ = ("closing_weights", "executed_weights", "scalars")

    def __init__(self, scalars: FloatArray, executed_weights: FloatArray, closing_weights: FloatArray) -> None:
        self.scalars = scalars  # (n, Q), columns as rlx.sim.ledger.SCALARS
        self.executed_weights = executed_weights
        self.closing_weights = closing_weights

    def __getattr__(self, name: str) -> FloatArray:
        if name in _COLUMN:
            return self.scalars[:, _COLUMN[name]]
        raise AttributeError(f"Outcome has no quantity '{name}'")

    def ledger(self) -> Ledger:
        """Return a copy with the ledger's types, shapes (n,) and (n, A)."""
        return Ledger.of_columns(self.scalars.copy(), self.executed_weights.copy(), self.closing_weights.copy())


class Accounts:
    """B accounts over the steps of one market, float64, compiled.

    ``returns`` (T, A) are the simple returns earned from the decision at bar t to bar t + 1; ``overnight_returns``
    (T, A), needed for next_open execution, are their close-to-open part. Raises DataError when rules ask for opens
    that the market does not have, and when an account is stepped past the last return.
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
    ) -> None:
        n_steps, n_assets = returns.shape
        self.rules = rules
        self.settings = make_settings(rules, n_assets, periods_per_year, symbols=symbols, asset_classes=asset_classes)
        if self.settings.next_open and overnight_returns is None:
            raise DataError("execution=next_open needs opening prices, and this market has none: use execution=close.")
        self._n_steps = n_steps
        none = np.zeros((0, n_assets))
        overnight = none if overnight_returns is None else np.ascontiguousarray(overnight_returns, dtype=np.float64)
        self._tape = Tape(np.ascontiguousarray(returns, dtype=np.float64), overnight, none, none)
        self._books: Books = open_books(batch, n_assets, self.settings.window)
        self._scratch = make_scratch(n_assets)
        self._executed = np.zeros((batch, n_assets))
        self._closing = np.zeros((batch, n_assets))
        self._scalars = np.zeros((batch, len(SCALARS)))
        self.bar: IntArray = np.zeros(batch, dtype=np.int64)

    @classmethod
    def of(cls, market: Market, rules: Rules, batch: int) -> Accounts:
        """Open ``batch`` accounts on a market."""
        return cls(
            market.returns,
            rules,
            batch,
            periods_per_year=market.periods_per_year,
            symbols=market.symbols,
            overnight_returns=market.overnight_returns,
            asset_classes=market.asset_classes,
        )

    def reset(self, bars: IntArray, rows: IntArray | None = None) -> None:
        """Give accounts ``rows`` (all when None) fresh books at decision bars ``bars``, one for each."""
        at = slice(None) if rows is None else rows
        books = self._books
        self.bar[at] = bars
        for array in (books.value, books.peak, books.past_values):
            array[at] = 1.0
        for counter in (books.weights, books.cooldown_long, books.cooldown_short, books.steps):
            counter[at] = 0

    def step(self, targets: FloatArray) -> Outcome:
        """Trade ``targets`` (n, A) for the first n accounts and move each on by one bar."""
        n = targets.shape[0]
        if n and int(self.bar[:n].max()) >= self._n_steps:
            raise DataError(f"step past the end of the market: it has {self._n_steps} steps.")
        executed, closing, scalars = self._executed[:n], self._closing[:n], self._scalars[:n]
        contiguous = np.ascontiguousarray(targets, dtype=np.float64)
        step_accounts(
            self.settings, self._books, self.bar, contiguous, self._tape, self._scratch, executed, closing, scalars
        )
        return Outcome(scalars, executed, closing)

    @property
    def weights(self) -> FloatArray:
        """Weights held (B, A)."""
        return self._books.weights

    @property
    def value(self) -> FloatArray:
        """Equity (B,), 1 at the start."""
        return self._books.value

    @property
    def peak(self) -> FloatArray:
        """Highest equity so far (B,)."""
        return self._books.peak

    @property
    def drawdown(self) -> FloatArray:
        """Fraction of equity below the peak (B,)."""
        return (self._books.peak - self._books.value) / self._books.peak

    @property
    def trailing_return(self) -> FloatArray:
        """Net return compounded over the guard's window (B,); zero without a guard, as in the ledger."""
        books = self._books
        if not self.settings.guard_enabled:
            return np.zeros_like(books.value)
        oldest = books.past_values[np.arange(books.value.size), books.steps % books.past_values.shape[1]]
        return np.asarray(books.value / oldest - 1.0)

    @property
    def cooldown_long(self) -> IntArray:
        """Steps of cooldown left for long positions (B, A)."""
        return self._books.cooldown_long

    @property
    def cooldown_short(self) -> IntArray:
        """Steps of cooldown left for short positions (B, A)."""
        return self._books.cooldown_short

    @property
    def steps(self) -> IntArray:
        """Steps taken since the last reset (B,)."""
        return self._books.steps

    @property
    def ruined(self) -> BoolArray:
        """Whether the account fell to the floor and stopped trading (B,)."""
        return np.asarray(self._books.value <= RUIN)
