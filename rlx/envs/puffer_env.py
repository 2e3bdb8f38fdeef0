"""Many accounts as one native PufferLib environment; import it after ``load_puffer_library`` has succeeded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pufferlib import PufferEnv

from rlx.envs.final_values import Bootstrap, add_final_values
from rlx.envs.gym_env import action_space, observation_space
from rlx.envs.portfolio import PortfolioBatch, PortfolioTask, Transition
from rlx.types import FloatArray

REWARD_BOUND = 1.0  # PufferLib's trainer clamps rewards to this absolute value
BUFFERS = ("observations", "rewards", "terminals", "truncations")

Infos = list[dict[str, Any]]


class PortfolioPuffer(PufferEnv):  # type: ignore[misc]
    """``n_accounts`` accounts stepped together in PufferLib's own buffers; finished ones restart at once.

    Observations (B, D), rewards, terminals and truncations (B,) are written in place, and ``step`` returns those very
    buffers. Every finished account adds an info with its ``episode_return``, the summed unscaled reward, its
    ``episode_steps``, and ``episode_truncated``, 1 where time ran out and 0 at ruin.

    PufferLib's trainer ignores truncations: values would flow from one episode into the next. With a ``bootstrap``,
    which maps final observations (K, D) to values (K,), a truncation is handled as in Stable-Baselines3: ``gamma``
    times the value of the final observation is added to the reward, and the account is marked terminal as well. The
    trainer also clamps rewards to [-``REWARD_BOUND``, ``REWARD_BOUND``]:
    ``clipped_rewards`` counts those outside.
    """

    def __init__(self, task: PortfolioTask, n_accounts: int, buf: Any = None, seed: int = 0) -> None:
        self.task = task
        self.single_observation_space = observation_space(task)
        self.single_action_space = action_space(task)
        self.num_agents = n_accounts
        self.bootstrap: Bootstrap | None = None
        self.gamma = 1.0
        self.clipped_rewards = 0
        self.core = PortfolioBatch(task, n_accounts, seed)
        super().__init__(buf)

    def reset(self, seed: int | None = None) -> tuple[FloatArray, Infos]:
        """Start an episode in every account, with the random numbers of ``seed`` if given."""
        if seed is not None:
            self.core.rng = np.random.default_rng(seed)
        self.core.reset(out=self.observations)
        for name in BUFFERS[1:]:
            getattr(self, name)[...] = 0
        return self.observations, []

    def step(self, actions: FloatArray) -> tuple[Any, Any, Any, Any, Infos]:
        """Trade ``actions`` (B, n_actions) for one bar in every account."""
        now = self.core.step(actions, out=self.observations)
        self.rewards[...] = now.reward
        self.terminals[...] = now.terminated
        self.truncations[...] = now.truncated
        self.terminals[add_final_values(self.rewards, now, self.bootstrap, self.gamma)] = True
        self.clipped_rewards += int(np.count_nonzero(np.abs(self.rewards) > REWARD_BOUND))
        infos = self._finished_infos(now) if now.finished.size else []
        return self.observations, self.rewards, self.terminals, self.truncations, infos

    def close(self) -> None:
        """Release nothing: accounts are plain arrays."""

    def state(self) -> dict[str, Any]:
        """Return accounts, random state, the count and the buffers, as arrays and plain numbers."""
        return {
            "accounts": self.core.state(),
            "buffers": {name: getattr(self, name).copy() for name in BUFFERS},
            "clipped_rewards": self.clipped_rewards,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from the ``state`` of as many accounts on the same task, in the existing buffers."""
        self.core.restore(state["accounts"])
        for name in BUFFERS:
            getattr(self, name)[...] = state["buffers"][name]
        self.clipped_rewards = state["clipped_rewards"]

    @staticmethod
    def _finished_infos(now: Transition) -> Infos:
        ends = zip(now.episode_return, now.episode_steps, now.truncated[now.finished], strict=True)
        return [
            {"episode_return": float(earned), "episode_steps": int(steps), "episode_truncated": int(truncated)}
            for earned, steps, truncated in ends
        ]
