"""Many accounts as one Stable-Baselines3 ``VecEnv``, without a Python loop over accounts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from rlx.envs.final_values import Bootstrap, add_final_values
from rlx.envs.gym_env import action_space, observation_space
from rlx.envs.portfolio import PortfolioBatch, PortfolioTask, Transition
from rlx.types import FloatArray


class PortfolioVecEnv(VecEnv):
    """``n_accounts`` accounts stepped together; finished ones restart at once.

    A finished account's info holds ``terminal_observation``, ``TimeLimit.truncated`` and ``episode`` with the summed
    unscaled reward ``r``, length ``l`` and wall clock ``t``. All other accounts share one empty info, which must not be
    changed. Attributes and methods belong to the whole batch, so they cannot be set for some of the accounts.
    With a ``bootstrap``, which maps final observations to values, ``gamma`` times the value of what follows is added to
    the reward of a truncated account, and no info says that it was truncated: SB3 adds the same to each that does, but
    by a forward pass of its own.
    """

    def __init__(self, task: PortfolioTask, n_accounts: int, seed: int | None = None) -> None:
        self.core = PortfolioBatch(task, n_accounts, seed)
        self._actions: FloatArray = np.zeros((n_accounts, task.head.n_actions), dtype=np.float32)
        self.bootstrap: Bootstrap | None = None
        self.gamma = 1.0
        self._no_infos: list[dict[str, Any]] = [{}] * n_accounts
        self._started = time.monotonic()
        self.render_mode = None
        super().__init__(n_accounts, observation_space(task), action_space(task))

    def reset(self) -> FloatArray:
        """Start an episode in every account; an earlier seed is used once."""
        if self._seeds[0] is not None:
            self.core.rng = np.random.default_rng(self._seeds[0])
        self._reset_seeds()
        self._reset_options()
        return self.core.reset()

    def state(self) -> dict[str, Any]:
        """Return accounts and random state, as arrays and plain numbers."""
        return self.core.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``, regardless of an earlier seed."""
        self._reset_seeds()
        self.core.restore(state)

    def step_async(self, actions: FloatArray) -> None:
        """Keep the actions (B, n_actions) for ``step_wait``."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Return observations (B, D), rewards (B,), dones (B,) and infos."""
        now = self.core.step(self._actions)
        infos = self._finished_infos(now) if now.finished.size else self._no_infos
        add_final_values(now.reward, now, self.bootstrap, self.gamma)
        return now.observation, now.reward, now.terminated | now.truncated, infos

    def _finished_infos(self, now: Transition) -> list[dict[str, Any]]:
        infos = self._no_infos.copy()
        elapsed = round(time.monotonic() - self._started, 6)
        for row, account in enumerate(now.finished):
            infos[account] = {
                "terminal_observation": now.final_observation[row],
                "TimeLimit.truncated": self.bootstrap is None and bool(now.truncated[account]),
                "episode": {"r": float(now.episode_return[row]), "l": int(now.episode_steps[row]), "t": elapsed},
            }
        return infos

    def close(self) -> None:
        """Release nothing: accounts are plain arrays."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return the batch's attribute, once per requested account."""
        return [getattr(self, attr_name)] * len(self._rows(indices))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the whole batch."""
        if len(self._rows(indices)) != self.num_envs:
            raise ValueError(f"'{attr_name}' belongs to all {self.num_envs} accounts and cannot be set for some.")
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the batch once, and return its result once per requested account."""
        return [getattr(self, method_name)(*method_args, **method_kwargs)] * len(self._rows(indices))

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Accounts have no wrappers of their own."""
        return [False] * len(self._rows(indices))

    def _rows(self, indices: VecEnvIndices) -> Sequence[int]:
        return list(self._get_indices(indices))
