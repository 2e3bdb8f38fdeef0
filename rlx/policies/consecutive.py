"""Several policies for one span of bars: each decides for its own part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.policies.base import Policy
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.types import FloatArray


class Consecutive:
    """The policy of the last of ``first_bars`` that has come decides; before the first one, the first policy.

    All policies must need the same features of the same number of bars.
    """

    name = "consecutive"

    def __init__(self, policies: Sequence[Policy], first_bars: Sequence[int]) -> None:
        self.policies, self.first_bars = list(policies), np.array(first_bars)
        first = self.policies[0]
        self.feature_names, self.window_steps = tuple(first.feature_names), first.window_steps
        self.reads_account = any(getattr(policy, "reads_account", True) for policy in self.policies)

    def bind(self, market: Market) -> None:
        """Bind every policy."""
        for policy in self.policies:
            policy.bind(market)

    def reset(self, batch: int) -> None:
        """Reset every policy."""
        for policy in self.policies:
            policy.reset(batch)

    def act(self, observation: Observation) -> FloatArray:
        """Return target weights (B, A) float64, each account's by the policy of its bar."""
        numbers = np.maximum(np.searchsorted(self.first_bars, observation.bar, side="right") - 1, 0)
        weights = np.empty(observation.weights.shape)
        for number in np.unique(numbers):
            rows = np.flatnonzero(numbers == number)
            weights[rows] = self.policies[number].act(observation.select(rows))
        return weights

    def describe(self) -> dict[str, Any]:
        """Return the policies and their first bars."""
        return {
            "kind": self.name,
            "first_bars": self.first_bars.tolist(),
            "policies": [policy.describe() for policy in self.policies],
        }


class Ahead:
    """A trained policy whose decisions of a span are all made when it is bound, in one pass of its network.

    They are those it makes bar by bar, up to rounding. Its network must not read the account.
    """

    feature_names: tuple[str, ...] = ()
    window_steps = 0
    reads_account = False

    def __init__(self, policy: CheckpointPolicy, span: Span) -> None:
        self.policy, self.span, self.name = policy, span, policy.name

    def bind(self, market: Market) -> None:
        """Decide."""
        self.policy.bind(market)
        self._weights = self.policy.decide(market, self.span)

    def reset(self, batch: int) -> None:
        """There is no state."""

    def act(self, observation: Observation) -> FloatArray:
        """Return the decisions (B, A) of the accounts' bars; ValueError if one is not in the span."""
        if np.any((observation.bar < self.span.start) | (observation.bar >= self.span.stop)):
            raise ValueError(f"a bar of {observation.bar} is not among those decided, {self.span}.")
        return np.asarray(self._weights[observation.bar - self.span.start])

    def describe(self) -> dict[str, Any]:
        """Return the description of the policy."""
        return self.policy.describe()
