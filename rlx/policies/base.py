"""The one interface every competitor has: checkpoints, baselines and files of weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.sim.rules import Costs
from rlx.types import FloatArray, IntArray

MISSING = "???"  # OmegaConf's mark of a value the user has to give


@dataclass
class PolicyConfig:
    """What every policy option has: the object it builds."""

    _target_: str = MISSING


@runtime_checkable
class Policy(Protocol):
    """Turns observations into target weights; deterministic unless built to explore.

    ``feature_names`` and ``window_steps`` say which causal features the policy wants to see, and how many bars of
    them; ``describe`` is what the scorecard records about it. A policy whose decision depends on the bar alone may have
    ``reads_account = False``: the evaluator then asks it once for each bar, however many accounts are there.
    """

    name: str
    feature_names: tuple[str, ...]
    window_steps: int

    def bind(self, market: Market) -> None:
        """Refuse, with a clear error, a market this policy cannot trade (other symbols, no overlap in time)."""

    def reset(self, batch: int) -> None:
        """Forget the past and get ready for ``batch`` accounts; later calls may hold fewer, a prefix of them."""

    def act(self, observation: Observation) -> FloatArray:
        """Return target weights (B, A) float64, fractions of equity; cash is what is left."""

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts about the policy for its scorecard."""


@runtime_checkable
class Oracle(Policy, Protocol):
    """A policy that is told how far each account's window reaches, so that it may look into its future.

    It measures what there was to be earned. Its scorecard has ``oracle: true`` in ``policy`` and says in words that it
    cannot be ranked.
    """

    def foresee(self, first_bar: IntArray, last_bar: IntArray) -> None:
        """Learn, after ``reset``, the bars (B,) of each window's first decision and last close."""


@runtime_checkable
class Forecasting(Policy, Protocol):
    """A policy that forecasts before it decides, which an audit looks at."""

    def forecast(self, observation: Observation) -> FloatArray | None:
        """Return what it forecasts, (B, ...); None when this one forecasts nothing."""


@runtime_checkable
class Dated(Policy, Protocol):
    """A policy made elsewhere, that has decisions for some dates only."""

    def span(self, market: Market) -> Span:
        """Return the decision bars that it covers, which split ``auto`` judges."""


@runtime_checkable
class Documented(Policy, Protocol):
    """A policy made from a record that says more than weights do.

    ``documents_when_refused``: whether there is something to leave even when it cannot be judged.
    """

    documents_when_refused: bool

    def documents(self) -> Mapping[str, Any]:
        """Return, after it was judged, what to leave beside the scorecard by file name.

        Text is written as it stands, and a mapping of plain values as JSON.
        """


@runtime_checkable
class Charged(Policy, Protocol):
    """A policy that keeps books of its own, in which trading costs something."""

    def charge(self, costs: Costs) -> None:
        """Learn, before it is bound, what trading costs where it is judged."""


@runtime_checkable
class Reference(Policy, Protocol):
    """A policy made from what was really earned, that other results are set beside."""

    def references(self) -> list[dict[str, Any]]:
        """Return rows ``{"name", "unit", "value"}`` of plain values; None where nothing was recorded."""
