"""The batched episode core that every environment adapter wraps: actions in, observations and rewards out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.decisions.encoding import STATE_BOUND, encode_accounts, observation_size
from rlx.decisions.scores import ActionHead
from rlx.envs.bounds import EPISODE_STEPS, GROUP_SIZE, REWARD_SCALE, WINDOW_STEPS
from rlx.errors import ConfigError, DataError
from rlx.fields import FEATURE_NOISE
from rlx.ranges import Number, Whole, check, check_fields
from rlx.sim.accounts import Accounts
from rlx.sim.entrance import bars_given, count_given, given, numbers
from rlx.sim.rules import Rules
from rlx.types import BoolArray, FloatArray, IntArray
from rlx.untrusted.shown import as_typed

SIGNAL_BOUND = Number(0, 1e9)
NOISE_BOUND = 5.0  # noise beyond this many standard deviations is clipped


@dataclass(frozen=True, eq=False)
class PortfolioTask:
    """The definition of an episode, except its accounts: what is traded, observed and rewarded.

    ``signals`` (N, A, F) float32, one row per bar of the market, are the observations of it: normalized features,
    forecasts, anything known at the close of the bar. They must be finite, and at most ``signal_bound`` in absolute
    value, at all bars that an episode can see. ``cvar`` and ``uncertainty`` (T, A), one row per step, are forecasts
    that the rules' ``Reward`` penalises. DataError where an array does not fit the market or has gaps, ConfigError
    where a number is out of its range or the span exceeds the market.

    Episodes start at a random decision bar of ``span`` and are truncated after ``episode_steps`` decisions. Rewards are
    the simulator's, multiplied by ``reward_scale``: daily log returns are of the order of 0.01, and a value network
    learns best from numbers of the order of one. ``feature_noise`` is the standard deviation of normal noise added to
    every observed signal: a few thousand bars are otherwise memorised.

    ``starts`` (K,) are the bars at which episodes may start, if not all that leave time for a whole episode.
    ``baseline`` (T,), one number per step, is subtracted from the simulator's reward before it is scaled. With a
    ``group_size`` above 1, accounts of a group start their episodes at the same bar, and the mean of what the others of
    its group earn is subtracted too: what remains is what an account did differently. The ruin of one truncates the
    others, so that the group starts the next episode together.
    """

    market: Market
    rules: Rules
    span: Span
    signals: FloatArray
    signal_bound: float
    head: ActionHead
    window_steps: Annotated[int, WINDOW_STEPS] = 1
    episode_steps: Annotated[int, EPISODE_STEPS] = 252
    reward_scale: Annotated[float, REWARD_SCALE] = 100.0
    feature_noise: Annotated[float, FEATURE_NOISE] = 0.0
    cvar: FloatArray | None = None
    uncertainty: FloatArray | None = None
    starts: IntArray | None = None
    baseline: FloatArray | None = None
    group_size: Annotated[int, GROUP_SIZE] = 1

    def __post_init__(self) -> None:
        check_fields(self, "module")
        check("signal_bound", self.signal_bound, SIGNAL_BOUND)
        _check_span(self.span, self.market.n_bars)
        self._check_episodes()
        self._check_signals()
        steps = slice(self.span.start, self.span.stop)
        for name, tape in (("cvar", self.cvar), ("uncertainty", self.uncertainty)):
            if tape is not None:
                _check_rows(name, _array(name, tape), self.market.returns.shape, steps)
        if self.baseline is not None:
            _check_rows("baseline", _array("baseline", self.baseline), self.market.returns.shape[:1], steps)
        if self.starts is not None:
            self.check_starts("starts", self.starts)

    @property
    def first_bars(self) -> IntArray:
        """The bars (K,) at which episodes may start."""
        if self.starts is not None:
            return self.starts
        return np.arange(self.span.start, self.span.stop - self.episode_steps + 1)

    def check_starts(self, name: str, bars: IntArray) -> None:
        """Raise ConfigError unless an episode from each of ``bars`` fits into the span."""
        first, last = self.span.start, self.span.stop - self.episode_steps
        if bars.size == 0 or bars.min() < first or bars.max() > last:
            raise ConfigError(
                f"{name}={as_typed(bars.tolist())}: episodes start between bars {first} and {last} of this task."
            )

    def _check_episodes(self) -> None:
        length = len(self.span)
        if not 1 <= self.episode_steps <= length:
            raise ConfigError(
                f"module.episode_steps={self.episode_steps}: must be between 1 and {length}, the number of decisions "
                "in its span. Lower it, or give the training split more bars."
            )
        if self.span.start < self.window_steps - 1:
            raise ConfigError(
                f"the span starts at bar {self.span.start}, before a window of module.window_steps="
                f"{self.window_steps} bars is complete."
            )

    def _check_signals(self) -> None:
        bars = slice(self.span.start - self.window_steps + 1, self.span.stop + 1)  # the last one is observed at the end
        last = _array("signals", self.signals).shape[-1:]
        _check_rows("signals", self.signals, (self.market.n_bars, self.market.n_assets, *last), bars)
        largest = np.abs(self.signals[bars]).max(initial=0.0)
        if largest > np.float32(self.signal_bound):
            raise DataError(f"signals reach {largest:g}, above signal_bound={self.signal_bound:g}.")

    @property
    def observation_bound(self) -> float:
        """Largest absolute value of any observation component."""
        return max(float(self.signal_bound) + NOISE_BOUND * self.feature_noise, STATE_BOUND)

    @property
    def n_observations(self) -> int:
        """Length of an observation."""
        return observation_size(self.market.n_assets, self.signals.shape[2], self.window_steps)

    def rows(self) -> FloatArray:
        """Return the signals as (N, A * F) float32, one row per bar."""
        signals = np.ascontiguousarray(self.signals, dtype=np.float32)
        return signals.reshape(signals.shape[0], -1)


def _check_span(span: Span, n_bars: int) -> None:
    """Raise ConfigError unless there are decisions in the span, each with a bar after it in the market."""
    last = n_bars - 1
    check("span.start", span.start, Whole(0, last - 1))
    check("span.stop", span.stop, Whole(span.start + 1, last))


def _array(name: str, value: Any) -> FloatArray:
    """Return an array of real numbers unchanged; DataError for anything else, which is not converted."""
    if not isinstance(value, np.ndarray):
        raise DataError(f"{name}: must be an array of numpy, not {type(value).__name__}.")
    array: FloatArray = numbers(name, value)
    return array


def _check_rows(name: str, array: FloatArray, shape: tuple[int, ...], rows: slice) -> None:
    """Raise DataError unless the array has the shape and is finite in those rows."""
    if array.shape != shape:
        raise DataError(f"{name} have shape {array.shape}, and this market needs {shape}.")
    finite = np.isfinite(array[rows]).reshape(rows.stop - rows.start, -1).all(axis=1)
    if not finite.all():
        bar = rows.start + int(np.argmin(finite))
        raise DataError(f"{name} are not finite at bar {bar}, which episodes between {rows.start} and {rows.stop} see.")


def _within(span: Span, tape: FloatArray | None) -> FloatArray | None:
    """Return forecasts (T, A) with zeros outside the span, where there may be none and no episode runs."""
    if tape is None:
        return None
    kept = np.zeros_like(tape)
    kept[span.start : span.stop] = tape[span.start : span.stop]
    return kept


class Transition(NamedTuple):
    """One step of B accounts; finished ones are already reset, and ``final_observation`` is their last observation."""

    observation: FloatArray  # (B, D) float32
    reward: FloatArray  # (B,) float32, scaled
    terminated: BoolArray  # (B,) ruined
    truncated: BoolArray  # (B,) out of steps, or another account of the group is ruined
    finished: IntArray  # (K,) accounts whose episode ended
    final_observation: FloatArray  # (K, D) float32
    episode_return: FloatArray  # (K,) sum of unscaled rewards
    episode_steps: IntArray  # (K,)


class PortfolioBatch:
    """``batch`` accounts that play episodes of one task in lockstep.

    With ``restart`` an account whose episode ended starts the next one within the same step, at a random bar.
    """

    def __init__(self, task: PortfolioTask, batch: int, seed: int | None = None, restart: bool = True) -> None:
        self.task = task
        self.batch = batch = count_given("batch", batch)
        if batch % task.group_size:
            raise ConfigError(f"batch={batch}: must be a multiple of module.group_size={task.group_size}.")
        self.restart = restart
        cvar, uncertainty = (_within(task.span, tape) for tape in (task.cvar, task.uncertainty))
        self.accounts = Accounts.of(
            task.market, task.rules, batch, cvar=cvar, uncertainty=uncertainty, keep_weights=False
        )
        self.rng = np.random.default_rng(seed)
        self._signals, self._first_bars = task.rows(), task.first_bars
        self._everyone = np.arange(batch)
        self._returns: FloatArray = np.zeros(batch)
        self._earned, self._played = 0.0, 0  # since the last ``take_earned``
        self._waits: BoolArray = np.ones(batch, dtype=np.bool_)  # for a reset

    def reset(self, bars: IntArray | None = None, out: FloatArray | None = None) -> FloatArray:
        """Start an episode in every account, at random bars or at ``bars`` (B,); return observations (B, D).

        Here and below they are written into ``out`` (B, D) float32 if given.
        """
        self._start(self._everyone, bars)
        return self.observe(out=out)

    def observe(self, rows: IntArray | None = None, out: FloatArray | None = None) -> FloatArray:
        """Return the observations of the given accounts (all when None) at the close of their bar, float32."""
        shown = self._everyone if rows is None else rows
        window_steps = self.task.window_steps
        width = window_steps * self._signals.shape[1] if self.task.feature_noise else 0
        noise = self.rng.standard_normal((shown.size, width), dtype=np.float32)
        np.clip(noise, -NOISE_BOUND, NOISE_BOUND, out=noise)
        noise *= np.float32(self.task.feature_noise)
        return encode_accounts(self.accounts, shown, self._signals, window_steps, noise, out)

    def step(self, actions: FloatArray, out: FloatArray | None = None) -> Transition:
        """Trade ``actions`` (B, n_actions) for one bar in every account.

        DataError for actions that are not such an array of finite numbers, and when an episode is over or has not
        begun.
        """
        return self.play(given("actions", actions, (self.batch, self.task.head.n_actions)), out)

    def play(self, actions: FloatArray, out: FloatArray | None = None) -> Transition:
        """Do the same with actions known to be finite and of that shape."""
        if self._waits.any():
            raise DataError("step: the episode is over, or none has begun. Call reset() first.")
        earned = self._trade(actions)
        reward = (self._over_group(earned) * self.task.reward_scale).astype(np.float32)
        self._returns += earned
        self._earned, self._played = self._earned + float(earned.mean()), self._played + 1
        terminated = self.accounts.ruined
        truncated = ~terminated & (self._any_of_group(terminated) | (self.accounts.steps >= self.task.episode_steps))
        finished = np.flatnonzero(terminated | truncated)
        observation = self.observe(out=out)
        final, returns, steps = observation[finished], self._returns[finished], self.accounts.steps[finished]
        if self.restart and finished.size:
            self._start(finished, None)
            observation[finished] = self.observe(finished)
        elif finished.size:
            self._waits[finished] = True
        return Transition(observation, reward, terminated, truncated, finished, final, returns, steps)

    def _trade(self, actions: FloatArray) -> FloatArray:
        """Trade and return the unscaled rewards (B,)."""
        baseline = 0.0 if self.task.baseline is None else self.task.baseline[self.accounts.bar]
        outcome = self.accounts.trade(self.task.head.targets(actions, self.accounts.weights))
        return np.asarray(outcome.reward - baseline)

    def _over_group(self, earned: FloatArray) -> FloatArray:
        """Return what each account earned more than the mean of the others of its group."""
        size = self.task.group_size
        if size == 1:
            return earned
        groups = earned.reshape(-1, size)
        over: FloatArray = (groups - groups.mean(axis=1, keepdims=True)) * (size / (size - 1))
        return over.ravel()

    def _any_of_group(self, accounts: BoolArray) -> BoolArray:
        """Return for each account whether any of its group is among ``accounts`` (B,): a group ends together."""
        size = self.task.group_size
        return accounts if size == 1 else np.repeat(accounts.reshape(-1, size).any(axis=1), size)

    def take_earned(self) -> float:
        """Return the mean unscaled reward of all accounts and steps since the last call, groups not subtracted."""
        mean = self._earned / max(1, self._played)
        self._earned, self._played = 0.0, 0
        return mean

    def state(self) -> dict[str, Any]:
        """Return accounts, sums of rewards and the random generator's state, as arrays and plain numbers."""
        return {
            "accounts": self.accounts.state(),
            "returns": self._returns.copy(),
            "waits": self._waits.copy(),
            "random_state": dict(self.rng.bit_generator.state),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from the ``state`` of a batch of the same size on the same task."""
        self.accounts.restore(state["accounts"])
        self._returns[...] = state["returns"]
        self._waits[...] = state.get("waits", False)  # older states lack it: all of them trained
        self.rng.bit_generator.state = state["random_state"]

    def _start(self, rows: IntArray, bars: IntArray | None) -> None:
        if bars is None:
            groups, group = np.unique(rows // self.task.group_size, return_inverse=True)
            bars = self._first_bars[self.rng.integers(self._first_bars.size, size=groups.size)][group]
        else:
            self.task.check_starts("bars", bars := bars_given("bars", bars, (rows.size,)))
        self.accounts.reset(bars, rows)
        self._waits[rows] = False
        self._returns[rows] = 0.0
