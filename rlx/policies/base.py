"""The one interface every competitor has: checkpoints, baselines and files of weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.sim.rules import Costs
from rlx.types import FloatArray, IntArray

MISSING = "???"  # OmegaConf's mark of a required value


@dataclass
class PolicyConfig:
    """Base of every policy option: the object it builds, and whether it may read the forecasts of a market."""

    reads_forecasts: ClassVar[bool] = False
    _target_: str = MISSING


@runtime_checkable
class Policy(Protocol):
    """Turns observations into target weights; deterministic unless built to explore.

    ``feature_names`` and ``window_steps`` name the causal features that the policy needs, and the number of bars; the
    scorecard records ``describe``. A policy whose decision depends on the bar alone may have ``reads_account = False``:
    the evaluator then asks it once per bar, regardless of the number of accounts.
    """

    name: str
    feature_names: tuple[str, ...]
    window_steps: int

    def bind(self, market: Market) -> None:
        """Refuse, with a clear error, a market that this policy cannot trade (other symbols, no overlap in time)."""

    def reset(self, batch: int) -> None:
        """Forget the past and prepare for ``batch`` accounts; later calls may have fewer, a prefix of them."""

    def act(self, observation: Observation) -> FloatArray:
        """Return target weights (B, A) float64, fractions of equity; the rest is cash."""

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts about the policy for its scorecard."""


@runtime_checkable
class Oracle(Policy, Protocol):
    """A policy that receives the end of each account's window, so that it may look into its future.

    It measures what could have been earned. Its scorecard has ``oracle: true`` in ``policy`` and states that it cannot
    be ranked.
    """

    def foresee(self, first_bar: IntArray, last_bar: IntArray) -> None:
        """Receive, after ``reset``, the bars (B,) of each window's first decision and last close."""


@runtime_checkable
class Forecasting(Policy, Protocol):
    """A policy that forecasts before it decides; an audit compares the forecasts."""

    def forecast(self, observation: Observation) -> FloatArray | None:
        """Return its forecasts, (B, ...); None when it makes none."""


@runtime_checkable
class Dated(Policy, Protocol):
    """A policy from elsewhere, with decisions for some dates only."""

    def span(self, market: Market) -> Span:
        """Return the decision bars that it covers, which split ``auto`` judges."""


class Fit(NamedTuple):
    """One fit of a refitted policy: the label of the bar of its first decision, and the spans it was fitted on.

    ``seen`` has the time stamps of the first decision and of the last close of each span, by name.
    """

    first: np.datetime64
    seen: Mapping[str, tuple[np.datetime64, np.datetime64]]


@runtime_checkable
class Refitted(Policy, Protocol):
    """A policy that was fitted several times; ``fits`` are in time order, and each decides until the next one."""

    fits: Sequence[Fit]


@runtime_checkable
class Documented(Policy, Protocol):
    """A policy made from a record with more information than weights.

    ``documents_when_refused``: whether there are documents even when it cannot be judged.
    """

    documents_when_refused: bool

    def documents(self) -> Mapping[str, Any]:
        """Return, after the evaluation, documents to write next to the scorecard, by file name.

        Text is written unchanged, a mapping of plain values as JSON.
        """


@runtime_checkable
class Charged(Policy, Protocol):
    """A policy with its own books, in which trading has costs."""

    def charge(self, costs: Costs) -> None:
        """Receive, before it is bound, the trading costs of the evaluation."""


@runtime_checkable
class Reference(Policy, Protocol):
    """A policy made from actual results, with which others are compared."""

    def references(self) -> list[dict[str, Any]]:
        """Return rows ``{"name", "unit", "value"}`` of plain values; None where nothing was recorded."""
