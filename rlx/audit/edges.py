"""What a policy earned and why: excess over equal weight, timing, and foresight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rlx.sim.rules import GUARDS, Rules
from rlx.types import Accounting, Execution, FloatArray


@dataclass(frozen=True)
class Book:
    """One account's T steps: its returns, the weights (T, A) held before each decision and executed, asset returns.

    ``overnight_returns`` are the close-to-open part of ``returns``, None where there are no opens.
    """

    gross_return: FloatArray
    net_return: FloatArray
    held_weights: FloatArray
    executed_weights: FloatArray
    returns: FloatArray
    overnight_returns: FloatArray | None


def excess(book: Book, baseline: Book) -> float:
    """Return the mean net return per step above a baseline on the same steps."""
    return float((book.net_return - baseline.net_return).mean())


def static(book: Book) -> float:
    """Return the return per step, before costs, of the book's own mean weights held constant."""
    return float(book.executed_weights.mean(axis=0) @ book.returns.mean(axis=0))


def timing(book: Book) -> float:
    """Return the mean gross return per step above that of the book's own mean weights: the gain from changing them."""
    return float(book.gross_return.mean()) - static(book)


def costs(book: Book) -> float:
    """Return the mean cost of trading and financing per step."""
    return float((book.gross_return - book.net_return).mean())


def foresight(book: Book, rules: Rules) -> float:
    """Return the mean gross return per step that changing weights earned beyond what was due to it.

    At step t of a shuffled future the expected bar, given everything but the order, is the mean of the bars t, ..., T -
    1. Weights decided before bar t is shown earn that on average, regardless of the rule behind them: what they earn
    beyond it are martingale differences, whose mean has an expectation of exactly zero in every market. The same holds
    for the mean of the weights so far, and subtracting its difference removes the noise of the market. With
    ``next_open`` the weights held earn the night and those executed the day, and the expectation is that of the two
    compounded.
    """
    night, day = _legs(book, rules)
    held, executed = book.held_weights, book.executed_weights
    due = (held * _mean_to_come(night)).sum(axis=1) + (executed * _mean_to_come(day)).sum(axis=1)
    if rules.execution is Execution.next_open and Accounting(rules.accounting) is Accounting.exact:
        both = _mean_to_come(night[:, :, None] * day[:, None, :])  # (T, A, A)
        due = due + np.einsum("ta,tab,tb->t", held, both, executed)
    so_far = np.cumsum(executed, axis=0) / np.arange(1, len(executed) + 1)[:, None]
    market = (so_far * (book.returns - _mean_to_come(book.returns))).sum(axis=1)
    return float((book.gross_return - due - market).mean())


def foresight_is_exact(rules: Rules) -> bool:
    """Return whether executed weights follow from the bar of the decision alone.

    With ``next_open`` a guard that looks at the trade rightly sees the night before it, so executed weights depend on
    the bar in which they are executed.
    """
    guarded = any(rule.sees_trade and rules.is_on(rule) for rule in GUARDS)
    return not (rules.execution is Execution.next_open and guarded)


def _legs(book: Book, rules: Rules) -> tuple[FloatArray, FloatArray]:
    """Return the returns of each bar that held and executed weights earn, (T, A) each."""
    if rules.execution is Execution.close or book.overnight_returns is None:
        return np.zeros_like(book.returns), book.returns
    return book.overnight_returns, (1.0 + book.returns) / (1.0 + book.overnight_returns) - 1.0


def _mean_to_come(values: Any) -> Any:
    """Return the mean of row t and those after it, for each row of (T, ...)."""
    left = np.arange(len(values), 0, -1).reshape(-1, *[1] * (values.ndim - 1))
    return np.cumsum(values[::-1], axis=0)[::-1] / left
