"""The behaviours whose decisions an offline data set records: baselines of rlx, and random weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from rlx import registry
from rlx.data.market import Market
from rlx.decisions.observation import Observation
from rlx.errors import ConfigError, RlxError, did_you_mean
from rlx.policies.base import MISSING, Charged, Dated, Oracle, Policy
from rlx.sim.rules import Costs
from rlx.types import FloatArray

HOLD_STEPS = 21
"""Steps for which random weights are held: new ones at every step would only pay costs."""


class RandomTilt:
    """Random weights of assets and cash, uniform over the simplex, drawn again for each account every 21 steps.

    They are long-only and sum to at most one. ``seed`` gives the draws.
    """

    name = "random_tilt"
    feature_names: tuple[str, ...] = ()
    window_steps = 0

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.reset(0)

    def bind(self, market: Market) -> None:
        """Accept any market."""

    def reset(self, batch: int) -> None:
        """Start the draws again."""
        self._rng = np.random.default_rng(self.seed)
        self._targets: FloatArray = np.zeros((batch, 0))

    def act(self, observation: Observation) -> FloatArray:
        """Return the weights held, (B, A), after new draws where they are due."""
        batch, n_assets = observation.weights.shape
        due = observation.step % HOLD_STEPS == 0
        if self._targets.shape != observation.weights.shape:
            self._targets, due = np.zeros((batch, n_assets)), np.ones(batch, dtype=np.bool_)
        self._targets[due] = self._rng.dirichlet(np.ones(n_assets + 1), int(due.sum()))[:, :n_assets]
        return self._targets.copy()

    def describe(self) -> dict[str, Any]:
        """Return kind and seed."""
        return {"kind": self.name, "seed": self.seed}


DEFAULT = ("equal_weight", "inverse_volatility", "momentum", "ridge", RandomTilt.name)
"""Behaviours that are recorded unless others are named."""


def behaviour(name: str, seed: int, costs: Costs) -> Policy:
    """Return a behaviour with its default options; ConfigError for one that cannot be recorded."""
    if name == RandomTilt.name:
        return RandomTilt(seed)
    kind = registry.find("policy", name)
    if kind is None:
        known = [*names(), *registry.components("policy")]
        raise ConfigError(f"--behaviours {name}: unknown.{did_you_mean(name, known)} Known: {', '.join(names())}.")
    try:
        policy = _built(kind)
    except RlxError as error:
        raise ConfigError(f"--behaviours {name}: it cannot act with its default options ({error})") from error
    if not _recordable(policy):
        raise ConfigError(f"--behaviours {name}: only policies that decide from past prices can be recorded.")
    if isinstance(policy, Charged):
        policy.charge(costs)
    return policy


def names() -> Sequence[str]:
    """Return the policies that can be recorded with their default options, and random weights."""
    return [*(name for name, kind in registry.loaded("policy").items() if _acts_alone(kind)), RandomTilt.name]


def _acts_alone(kind: Any) -> bool:
    """Return whether a policy can be recorded with its default options."""
    try:
        return _recordable(_built(kind))
    except RlxError:  # the reason is given when it is asked for
        return False


def _recordable(policy: Policy) -> bool:
    others = isinstance(policy, Oracle | Dated) or policy.feature_names
    return not others and not getattr(policy, "needs_forecaster", False)


def _built(kind: Any) -> Policy:
    if needed := [field.name for field in fields(kind) if field.default == MISSING]:
        raise ConfigError(f"it needs {', '.join(needed)}.")
    made: Policy = registry.built(kind())
    return made
