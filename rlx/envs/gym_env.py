"""One account as a Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from rlx.envs.portfolio import PortfolioBatch, PortfolioTask
from rlx.errors import ConfigError
from rlx.sim.entrance import given
from rlx.types import FloatArray
from rlx.untrusted.shown import as_typed


def observation_space(task: PortfolioTask) -> spaces.Box:
    """Return the space of encoded observations of ``task``."""
    bound = task.observation_bound
    return spaces.Box(-bound, bound, (task.n_observations,), np.float32)


def action_space(task: PortfolioTask) -> spaces.Box:
    """Return the space of raw actions of ``task``."""
    bound = task.head.bound
    return spaces.Box(-bound, bound, (task.head.n_actions,), np.float32)


class PortfolioEnv(gymnasium.Env[Any, Any]):
    """Allocate one account over an episode; terminates on ruin, truncates after ``task.episode_steps``.

    Observations are (D,) float32, actions (n_actions,) within the bound of ``task.head``, rewards the
    simulator's times ``task.reward_scale``. Info holds value, drawdown and bar at the close of the step.
    """

    def __init__(self, task: PortfolioTask) -> None:
        self.task = task
        self.observation_space = observation_space(task)
        self.action_space = action_space(task)
        self._core = PortfolioBatch(task, batch=1, restart=False)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Start an episode at a random bar; ``options={"start": bar}`` chooses the bar."""
        super().reset(seed=seed)
        self._core.rng = self.np_random
        start = None if options is None else options.get("start")
        if start is not None and (isinstance(start, bool) or not isinstance(start, (int, np.integer))):
            raise ConfigError(f"options['start']={as_typed(start)}: must be a whole number, the first bar.")
        observation = self._core.reset(None if start is None else np.array([start], dtype=np.int64))
        return observation[0], self._info()

    def step(self, action: FloatArray) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Trade ``action`` for one bar; DataError for an invalid action, and after the episode's end."""
        now = self._core.play(given("actions", action, (self.task.head.n_actions,))[None])
        return now.observation[0], float(now.reward[0]), bool(now.terminated[0]), bool(now.truncated[0]), self._info()

    def _info(self) -> dict[str, Any]:
        accounts = self._core.accounts
        return {
            "value": float(accounts.value[0]),
            "drawdown": float(accounts.drawdown[0]),
            "bar": int(accounts.bar[0]),
        }
