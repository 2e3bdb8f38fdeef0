"""Episodes of behaviours over the train split: the judge's evaluator plays, and every decision is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from rlx.console import announced
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.splits import Span
from rlx.decisions.encoding import encode_observation, observation_size
from rlx.decisions.observation import Observation
from rlx.errors import ConfigError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import WindowSet
from rlx.offline.behaviours import DEFAULT, behaviour
from rlx.policies.base import Policy
from rlx.ranges import Whole, check_options
from rlx.sim.rules import Rules
from rlx.types import BoolArray, FloatArray, IntArray

MOST_NUMBERS = 2**29
"""Maximum numbers in the observations of a data set: 2 GiB."""


@dataclass(frozen=True)
class EpisodeOptions:
    """What is recorded: for each behaviour and seed, ``episodes`` of ``episode_steps`` from random bars.

    All behaviours of a seed start at the same bars. An observation has ``window_steps`` bars of features.
    """

    behaviours: tuple[str, ...] = DEFAULT
    seeds: Annotated[int, Whole(1, 10_000)] = 3
    episodes: Annotated[int, Whole(1, 100_000)] = 8
    episode_steps: Annotated[int, Whole(1, 100_000)] = 126
    window_steps: Annotated[int, Whole(1, 10_000)] = 1

    def __post_init__(self) -> None:
        check_options(self)
        if not self.behaviours or len(set(self.behaviours)) < len(self.behaviours):
            raise ConfigError(f"--behaviours {','.join(self.behaviours)!r}: must be different names such as momentum.")


@dataclass(frozen=True)
class Steps:
    """N recorded steps, episode after episode.

    observations: (N, D) float32. actions: (N, A) float32 target weights as asked for. rewards: (N,) float32, the
    simulator's, unscaled. terminals: (N,) 1 where the account is ruined by the step. timeouts: (N,) 1 at the last step
    of an episode that ended only because its steps were over. bars: (N,) bar of the decision. behaviours, seeds: (N,)
    position of the behaviour, and seed. turnover: (N,) traded fraction of equity.
    """

    observations: FloatArray
    actions: FloatArray
    rewards: FloatArray
    terminals: FloatArray
    timeouts: FloatArray
    bars: IntArray
    behaviours: IntArray
    seeds: IntArray
    turnover: FloatArray

    @property
    def episodes(self) -> int:
        """Number of episodes."""
        return int((self.terminals + self.timeouts).sum())


def record(market: Market, rules: Rules, span: Span, normalizer: Normalizer, options: EpisodeOptions) -> Steps:
    """Play and record all episodes within ``span``; ConfigError where they do not fit.

    The market that behaviours see ends with the last close of the span.
    """
    _refuse_too_long(market, span, normalizer, options)
    seen = until(market, span.stop)
    plan = [(number, seed) for seed in range(options.seeds) for number in range(len(options.behaviours))]
    parts = []
    for number, seed in announced(plan, lambda one: f"{options.behaviours[one[0]]}, seed {one[1]}"):
        starts = _starts(span, options, seed)
        policy = behaviour(options.behaviours[number], seed, rules.costs)
        parts.append(_played(_Recorder(policy, normalizer, options.window_steps), seen, rules, starts, number, seed))
    return Steps(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


def _refuse_too_long(market: Market, span: Span, normalizer: Normalizer, options: EpisodeOptions) -> None:
    if options.episode_steps > len(span):
        raise ConfigError(
            f"--episode-steps {options.episode_steps}: the train split has {len(span)} decisions. Ask for at most "
            "these, or give it more bars (data.split)."
        )
    width = observation_size(market.n_assets, len(normalizer.feature_names), options.window_steps)
    steps = len(options.behaviours) * options.seeds * options.episodes * options.episode_steps
    if width * steps > MOST_NUMBERS:
        raise ConfigError(
            f"--episodes {options.episodes}: {steps:,} observations of {width:,} numbers are more than "
            f"{MOST_NUMBERS:,} numbers. Ask for fewer episodes, seeds or behaviours, or a shorter window."
        )


def until(market: Market, bar: int) -> Market:
    """Return the market up to a bar, which is the last."""
    end = np.datetime_as_string(market.timestamps[bar], unit="ns")
    return Market(market.panel.select(end=str(end)))


def _starts(span: Span, options: EpisodeOptions, seed: int) -> WindowSet:
    """Return the episodes of a seed; they are the same for every behaviour."""
    last = span.stop - options.episode_steps
    starts = np.random.default_rng(seed).integers(span.start, last, options.episodes, endpoint=True)
    return WindowSet("episodes", np.asarray(starts, dtype=np.int64), options.episode_steps)


class _Recorder:
    """A behaviour whose encoded observations (B, D) and decisions (B, A) are kept, step by step."""

    def __init__(self, policy: Policy, normalizer: Normalizer, window_steps: int) -> None:
        self.policy, self.normalizer, self.window_steps = policy, normalizer, window_steps
        self.name, self.feature_names = policy.name, normalizer.feature_names
        self.observations: list[FloatArray] = []
        self.actions: list[FloatArray] = []

    def bind(self, market: Market) -> None:
        """Bind the behaviour."""
        self.policy.bind(market)

    def reset(self, batch: int) -> None:
        """Reset the behaviour."""
        self.policy.reset(batch)

    def describe(self) -> dict[str, object]:
        """Describe the behaviour."""
        return self.policy.describe()

    def act(self, observation: Observation) -> FloatArray:
        """Return the behaviour's decision, and keep it."""
        targets = self.policy.act(observation)
        self.observations.append(encode_observation(self.normalizer.apply(observation.features), observation))
        self.actions.append(np.asarray(targets, dtype=np.float32))
        return targets


def _played(recorder: _Recorder, market: Market, rules: Rules, starts: WindowSet, number: int, seed: int) -> Steps:
    """Return the steps of one behaviour and seed; those after a ruin are left out."""
    book = evaluate(recorder, market, (starts,), rules).sets[starts.name].ledger
    ruined: BoolArray = np.asarray(book.ruined, dtype=np.bool_)  # (B, T)
    kept: BoolArray = np.cumsum(ruined, axis=1) - ruined == 0  # up to and including the ruin
    out_of_steps = np.zeros_like(ruined)
    out_of_steps[:, -1] = ~ruined[:, -1]
    found = {
        "observations": np.stack(recorder.observations, axis=1),
        "actions": np.stack(recorder.actions, axis=1),
        "rewards": np.asarray(book.reward, dtype=np.float32),
        "terminals": ruined.astype(np.float32),
        "timeouts": out_of_steps.astype(np.float32),
        "bars": starts.starts[:, None] + np.arange(starts.steps),
        "behaviours": np.full(ruined.shape, number),
        "seeds": np.full(ruined.shape, seed),
        "turnover": np.asarray(book.turnover, dtype=np.float32),
    }
    return Steps(**{name: values[kept] for name, values in found.items()})
