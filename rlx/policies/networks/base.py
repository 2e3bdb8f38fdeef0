"""The base of every network that a checkpoint can name: plain torch, built from shapes alone."""

from __future__ import annotations

from typing import Any

from torch import nn

from rlx.decisions.observation import Observation
from rlx.types import FloatArray


class PolicyNetwork(nn.Module):
    """A network that turns normalized features and account state into target weights, deterministically.

    ``arguments`` are the JSON-able arguments of the subclass's constructor by name; an ``AllocationHead`` among them is
    replaced by its numbers.
    """

    reads_account = True
    """Whether the decision depends on the account, or on the features alone."""

    symmetric = False
    """Whether its weights are shared by the assets, so that it can act on any number of them."""

    rescaling: frozenset[str] = frozenset()
    """Arguments that may change with trained weights: they rescale decisions, not parameters' shapes."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self._arguments = arguments

    def allocate(self, features: FloatArray, observation: Observation) -> FloatArray:
        """Return target weights (B, A) float64 for normalized ``features`` (B, W, A, F) float32.

        ``observation`` is the source of the features; its own features are raw.
        """
        raise NotImplementedError

    def decide_all(self, features: FloatArray) -> FloatArray:
        """Return the weights (T, A) float64 of every bar with a whole window in ``features`` (W - 1 + T, A, F)."""
        raise NotImplementedError

    def forecast(self, features: FloatArray) -> FloatArray | None:
        """Return the network's forecasts from normalized ``features`` before it decides, (B, ...), or None."""
        return None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that build the same network again."""
        return dict(self._arguments)
