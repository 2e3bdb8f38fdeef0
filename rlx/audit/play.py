"""Plays a policy and records everything that was known, forecast and done on the way."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import HOLDOUT, holdout_windows
from rlx.policies.base import Forecasting, Intraday, Oracle, Policy, Trips
from rlx.sim.ledger import Ledger
from rlx.sim.rules import GUARDS, Rules
from rlx.types import Execution, FloatArray, IntArray

DIGEST_BYTES = 16

ACCOUNT = ("weights", "value", "drawdown", "trailing_return", "cooldown_long", "cooldown_short")

BEFORE_THE_FILLS = (
    *(rule.flag for rule in GUARDS if not rule.sees_trade),
    *(rule.sets for rule in GUARDS if not rule.sees_trade),
    "trailing_return",
)
"""Ledger quantities of a step that follow from its decision's bar, even if it trades by orders during the next bar."""

BEFORE_THE_OPEN = (*BEFORE_THE_FILLS, "limit_clipped")
"""The same where the step trades at the next open."""

AT_THE_CLOSE = (
    *BEFORE_THE_OPEN,
    *(rule.flag for rule in GUARDS if rule.sees_trade),
    *(rule.sets for rule in GUARDS if rule.sees_trade),
    *("cooldown_clipped", "cooldown_penalty", "executed_weights", "gross_exposure"),
)
"""The same where the step trades at the close of its decision."""


@dataclass(frozen=True)
class Play:
    """One closed-loop play of T steps from bar ``start``.

    features: by name, (N, A) raw over the whole market. seen, account, forecasts, targets: the policy's inputs (digests
    of the feature window), the state of its account, its forecasts and its target weights, (T, ...). ledger: (T,).
    """

    start: int
    features: dict[str, FloatArray]
    seen: dict[str, Any]
    account: dict[str, Any]
    forecasts: dict[str, Any]
    targets: dict[str, Any]
    ledger: Ledger
    intraday: bool = False

    def known_at(self, bar: int, execution: Execution) -> dict[str, dict[str, Any]]:
        """Return everything that follows from bars up to ``bar``: group -> name -> array, time first.

        Features begin at bar 0 and everything else at ``start``. Of the step decided on ``bar`` only the decision is
        known; the steps before it have closed. Orders of an intraday policy are filled during the next bar.
        """
        steps = bar - self.start + 1
        decided = BEFORE_THE_OPEN if execution is Execution.next_open else AT_THE_CLOSE
        decided = BEFORE_THE_FILLS if self.intraday else decided
        books = {name: getattr(self.ledger, name) for name in Ledger.names()}
        return {
            "features": {name: values[: bar + 1] for name, values in self.features.items()},
            "observed": {name: values[:steps] for name, values in self.seen.items()},
            "forecasts": {name: values[:steps] for name, values in self.forecasts.items()},
            "account": {name: values[:steps] for name, values in self.account.items()},
            "targets": {name: values[:steps] for name, values in self.targets.items()},
            "guards": {name: books[name][:steps] for name in decided},
            "books": {name: values[: steps - 1] for name, values in books.items()},
        }


class Recorder:
    """The policy it wraps, and a record of its inputs and answers, one observation per step."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.name, self.feature_names, self.window_steps = policy.name, policy.feature_names, policy.window_steps
        self.reads_account = getattr(policy, "reads_account", True)
        self._forecast = policy.forecast if isinstance(policy, Forecasting) else None
        self.observations: list[dict[str, Any]] = []
        self.forecasts: list[FloatArray] = []
        self.targets: list[FloatArray] = []

    def bind(self, market: Market) -> None:
        """Bind the policy."""
        self.policy.bind(market)

    def reset(self, batch: int) -> None:
        """Reset the policy."""
        self.policy.reset(batch)

    def act(self, observation: Observation) -> FloatArray:
        """Return the policy's decision."""
        values = {field.name: getattr(observation, field.name) for field in fields(observation)}
        self.observations.append({**values, "features": _digest(observation.features)})
        forecast = None if self._forecast is None else self._forecast(observation)
        if forecast is not None:
            self.forecasts.append(forecast)
        targets = self.policy.act(observation)
        self.targets.append(np.array(targets))
        return targets

    def describe(self) -> dict[str, Any]:
        """Return the policy's own description."""
        return self.policy.describe()


class OracleRecorder(Recorder):
    """A recorder that also receives the windows."""

    def foresee(self, first_bar: IntArray, last_bar: IntArray) -> None:
        """Pass the windows to the policy."""
        assert isinstance(self.policy, Oracle)
        self.policy.foresee(first_bar, last_bar)


class IntradayRecorder(Recorder):
    """A recorder whose weights are orders for one bar."""

    def trips(self) -> Trips:
        """Return what the policy's orders earn."""
        assert isinstance(self.policy, Intraday)
        return self.policy.trips()


def record(policy: Policy) -> Recorder:
    """Return a recorder of a fresh copy of the policy, without state from other plays."""
    fresh = copy.deepcopy(policy)
    if isinstance(policy, Intraday):
        return IntradayRecorder(fresh)
    return OracleRecorder(fresh) if isinstance(policy, Oracle) else Recorder(fresh)


def play(policy: Policy, market: Market, span: Span, rules: Rules, names: Sequence[str]) -> Play:
    """Play a fresh copy of the policy alone over the span; ``names`` are the market's features to record."""
    recorder = record(policy)
    ledger = evaluate(recorder, market, (holdout_windows(span),), rules).sets[HOLDOUT].ledger.select(0)
    features = market.features(names)  # (N, A, F)
    shown = {
        name: np.concatenate([values[name] for values in recorder.observations])
        for name in ("features", "timestamp", "bar", "step", *ACCOUNT)
    }
    return Play(
        start=span.start,
        features={name: features[..., column] for column, name in enumerate(names)},
        seen={name: values for name, values in shown.items() if name not in ACCOUNT},
        account={name: shown[name] for name in ACCOUNT},
        forecasts={"forecast": np.concatenate(recorder.forecasts)} if recorder.forecasts else {},
        targets={"targets": np.concatenate(recorder.targets)},
        ledger=ledger,
        intraday=isinstance(policy, Intraday),
    )


def _digest(features: FloatArray) -> Any:
    """Return a fingerprint (B, 16) of each feature window (B, W, A, F): whole windows would fill the memory."""
    digests = [
        blake2b(np.ascontiguousarray(window).tobytes(), digest_size=DIGEST_BYTES).digest() for window in features
    ]
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(len(features), DIGEST_BYTES)
