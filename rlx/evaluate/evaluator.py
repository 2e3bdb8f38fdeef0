"""The only evaluator: plays any policy closed-loop over any windows, all in one batch of accounts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.decisions.observation import Observation
from rlx.errors import ConfigError, RlxError
from rlx.evaluate.windows import WindowSet
from rlx.measures.evaluation import Evaluation, WindowLedger
from rlx.policies.base import Intraday, Oracle
from rlx.sim.books import open_record
from rlx.sim.rules import Rules
from rlx.types import Execution, FloatArray

if TYPE_CHECKING:
    from rlx.data.market import Market
    from rlx.policies.base import Policy, Trips
    from rlx.sim.accounts import Accounts

Progress = Callable[[int, int], None]


def evaluate(
    policy: Policy,
    market: Market,
    window_sets: Sequence[WindowSet],
    rules: Rules,
    progress: Progress | None = None,
) -> Evaluation:
    """Play ``policy`` closed-loop over every window and return the whole book.

    Windows are sorted by length, longest first, so finished accounts are at the end of the batch and each step plays
    only the windows that are still running. A window's ledger does not depend on the other windows, as long as the
    policy's decision for an account does not depend on the rest of the batch. An ``Intraday`` policy is booked from the
    returns of its round trips, under the same rules otherwise. ``progress`` is called with (steps done,
    steps in total). Raises ConfigError for windows that do not fit the market or start before the policy's features
    exist, and RlxError for a decision that is not a finite weight for each asset.
    """
    began = time.perf_counter()
    policy.bind(market)
    sets = sorted(window_sets, key=lambda windows: -windows.steps)
    _check_windows(sets, policy, market)
    starts = np.concatenate([windows.starts for windows in sets])
    lengths = np.concatenate([np.full(len(windows), windows.steps) for windows in sets])
    trips = policy.trips() if isinstance(policy, Intraday) else None
    accounts = _open_accounts(market, rules, len(starts), trips)
    accounts.reset(starts)
    policy.reset(len(starts))
    if isinstance(policy, Oracle):
        policy.foresee(starts, starts + lengths)
    seer = _Seer(policy, market)
    firsts = np.cumsum([0, *(len(windows) for windows in sets)])
    books = [_Book(windows, int(first), market.n_assets) for first, windows in zip(firsts, sets, strict=False)]
    asker = _Asker(policy, market)

    for step in range(int(lengths[0])):
        running = int(np.searchsorted(-lengths, -step))  # windows longer than `step`: a prefix
        observation = seer.observe(accounts, running)
        targets = asker.decide(observation)
        if trips is not None:
            targets = targets * trips.filled[observation.bar]
        for book in books:
            if step < book.windows.steps:
                book.step(accounts, targets, step)
        if progress is not None:
            progress(step + 1, int(lengths[0]))

    return Evaluation(
        policy=policy.name,
        symbols=tuple(market.symbols),
        periods_per_year=float(market.periods_per_year),
        rules=rules,
        sets={book.windows.name: book.close(market) for book in books},
        latency_seconds=np.array(asker.latencies),
        wall_seconds=time.perf_counter() - began,
        intraday=trips is not None,
    )


def _open_accounts(market: Market, rules: Rules, batch: int, trips: Trips | None) -> Accounts:
    """Return accounts of a market; those of ``trips`` earn its returns and are sold completely at each close."""
    from rlx.sim.accounts import Accounts

    if trips is None:
        return Accounts.of(market, rules, batch)
    flat = replace(rules, execution=Execution.close, limits=replace(rules.limits, closing_gross=0.0))
    return Accounts(
        trips.returns,
        flat,
        batch,
        periods_per_year=market.periods_per_year,
        symbols=market.symbols,
        asset_classes=market.asset_classes,
    )


class _Seer:
    """Builds what the policy sees from the market's features and the state of its accounts."""

    def __init__(self, policy: Policy, market: Market) -> None:
        self.timestamps = market.timestamps
        self.features: FloatArray = np.zeros((market.n_bars, market.n_assets, 0), dtype=np.float32)
        if policy.feature_names:
            self.features = market.features(policy.feature_names)
        self.lags = np.arange(1 - max(policy.window_steps, 1), 1)

    def observe(self, accounts: Accounts, running: int) -> Observation:
        """Copy the state of the first ``running`` accounts, so that a policy cannot change the books."""
        bar = np.array(accounts.bar[:running], dtype=np.int64)
        return Observation(
            features=self.features[np.maximum(bar[:, None] + self.lags, 0)],  # (B, W, A, F)
            weights=np.array(accounts.weights[:running]),
            value=np.array(accounts.value[:running]),
            drawdown=np.array(accounts.drawdown[:running]),
            trailing_return=np.array(accounts.trailing_return[:running]),
            cooldown_long=np.array(accounts.cooldown_long[:running]),
            cooldown_short=np.array(accounts.cooldown_short[:running]),
            bar=bar,
            timestamp=self.timestamps[bar],
            step=np.array(accounts.steps[:running], dtype=np.int64),
        )


class _Asker:
    """Asks the policy for decisions, once per bar if they depend only on the bar; ``latencies`` are in seconds."""

    def __init__(self, policy: Policy, market: Market) -> None:
        self.policy, self.market = policy, market
        self.latencies: list[float] = []
        self.by_bar: dict[int, FloatArray] | None = None if getattr(policy, "reads_account", True) else {}

    def decide(self, observation: Observation) -> FloatArray:
        """Return checked target weights (B, A) float64."""
        if self.by_bar is None:
            return self._ask(observation)
        bars = observation.bar.tolist()
        first_rows = {bar: row for row, bar in reversed(list(enumerate(bars))) if bar not in self.by_bar}
        if first_rows:
            decided = self._ask(observation.select(np.array(list(first_rows.values()))))
            self.by_bar.update(zip(first_rows, decided, strict=True))
        return np.stack([self.by_bar[bar] for bar in bars])

    def _ask(self, observation: Observation) -> FloatArray:
        asked = time.perf_counter()
        action = self.policy.act(observation)
        self.latencies.append(time.perf_counter() - asked)
        return _checked(action, self.policy, self.market, observation)


class _Book:
    """One window set's ledger, filled step by step; its accounts start at index ``first``."""

    def __init__(self, windows: WindowSet, first: int, n_assets: int) -> None:
        self.windows, self.first = windows, first
        self.record = open_record(len(windows) * windows.steps, n_assets)

    def step(self, accounts: Accounts, targets: FloatArray, step: int) -> None:
        """Trade this set's rows of ``targets``, which is for all running accounts, as step number ``step``."""
        n = len(self.windows)
        accounts.record_step(targets, self.first, self.first + n, self.record, step * n)

    def close(self, market: Market) -> WindowLedger:
        """Return the finished book with its time stamps."""
        bars = self.windows.starts[:, None] + np.arange(self.windows.steps)  # (B, T)
        by_step = self.record.ledger(self.windows.steps, len(self.windows))  # steps were written one after the other
        return WindowLedger(
            name=self.windows.name,
            starts=self.windows.starts,
            timestamps=market.timestamps[bars],
            end_timestamps=market.timestamps[bars + 1],
            ledger=by_step.map(lambda quantity: quantity.swapaxes(0, 1)),
        )


def _check_windows(sets: Sequence[WindowSet], policy: Policy, market: Market) -> None:
    names = [windows.name for windows in sets]
    if not sets or len(set(names)) != len(names):
        raise ConfigError(f"window sets {names}: give at least one, each with a different name.")
    first = market.first_bar(policy.feature_names, policy.window_steps) if policy.feature_names else 0
    last = market.n_bars - 1
    for windows in sets:
        low, high = int(windows.starts.min()), int(windows.starts.max()) + windows.steps
        if low < first or high > last:
            raise ConfigError(
                f"windows {windows.name!r}: they cover bars {low} to {high}, but policy {policy.name!r} can be "
                f"judged on this market from bar {first} to bar {last} only (it sees {policy.window_steps} bars of "
                f"{len(policy.feature_names)} features)."
            )


def _checked(action: Any, policy: Policy, market: Market, observation: Observation) -> FloatArray:
    """Return the decision as float64 (B, A); refuse any other shape and numbers that are not finite."""
    targets = np.ascontiguousarray(action, dtype=np.float64)
    expected = (len(observation.bar), market.n_assets)
    if targets.shape != expected:
        raise RlxError(
            f"policy {policy.name!r} returned weights of shape {targets.shape} at {observation.timestamp[0]}; "
            f"expected {expected}: one row per account, one column for each of {', '.join(market.symbols)}."
        )
    if not np.isfinite(targets).all():
        row, column = np.argwhere(~np.isfinite(targets))[0]
        raise RlxError(
            f"policy {policy.name!r} asked for weight {targets[row, column]} in {market.symbols[column]} "
            f"at {observation.timestamp[row]}; weights must be finite numbers."
        )
    return targets
