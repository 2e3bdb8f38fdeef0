"""Proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347) by PufferLib, one update per call."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
import torch
from torch.optim import Optimizer

from rlx.envs.portfolio import PortfolioTask
from rlx.envs.puffer_library import load_puffer_library
from rlx.learners.pufferlib.actor_critic import PufferPolicy
from rlx.learners.pufferlib.ppo_config import PufferPpoConfig
from rlx.learners.pufferlib.trainer import make_trainer, move_trainer
from rlx.types import FloatArray
from rlx.untrusted.plain_types import Count, require

LOSSES = ("policy_loss", "approx_kl", "explained_variance")  # named as in PufferLib


def new_network(config: PufferPpoConfig, n_signals: int, leverage_head: bool, seed: int) -> PufferPolicy:
    """Return an untrained network, whose weights depend only on ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PufferPolicy(n_signals, config.hidden_size, leverage_head, config.action_std)


class Vector(TypedDict):
    """The state of PufferLib's vector of environments."""

    flag: int
    initialized: bool
    infos: list[dict[str, Any]]


class Played(TypedDict):
    """The trainer's state in a checkpoint, with rewards and lengths of its last episodes, and the accounts."""

    epoch: Count
    global_step: Count
    episodes: list[tuple[float, float]]
    vecenv: Vector
    env: dict[str, Any]


class PufferPpo:
    """``config.n_accounts`` accounts on ``task``, a ``PufferPolicy`` and their trainer.

    A new network is created unless ``network`` is given. ``seed`` determines its initial weights and the environment's
    random numbers; actions and minibatches are drawn from torch's global generator, which the caller seeds and saves.
    A wrapper of the optimizer may be set as ``optimizer``. ConfigError if PufferLib is not installed.
    """

    def __init__(
        self, config: PufferPpoConfig, task: PortfolioTask, seed: int, network: PufferPolicy | None = None
    ) -> None:
        vector = load_puffer_library().vector
        from rlx.envs.puffer_env import PortfolioPuffer

        self.config = config
        levered = task.head.n_actions > task.market.n_assets
        self.network = network or new_network(config, task.signals.shape[2], levered, seed)
        options = {"task": task, "n_accounts": config.n_accounts}
        self._vecenv = vector.make(PortfolioPuffer, env_kwargs=options, backend=vector.Serial, num_envs=1, seed=seed)
        self.env: PortfolioPuffer = self._vecenv.envs[0]
        self.env.bootstrap, self.env.gamma = self._final_values, config.gamma
        self._trainer = make_trainer(config, self._vecenv, self.network, seed)
        self._adam: Optimizer = self._trainer.optimizer
        self._episodes: deque[tuple[float, int]] = deque(maxlen=config.n_accounts)

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer that the trainer steps: Adam, or its replacement."""
        stepped: Optimizer = self._trainer.optimizer
        return stepped

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        self._trainer.optimizer = optimizer

    @property
    def updates(self) -> int:
        """Number of updates done."""
        return int(self._trainer.epoch)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next update."""
        if not self.config.anneal_learning_rate:
            return self.config.learning_rate
        done = min(1.0, self.updates / self.config.updates)
        return self.config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))

    def to(self, device: torch.device) -> PufferPpo:
        """Collect rollouts and train on ``device`` from now on; accounts stay on the CPU."""
        self.network.to(device)
        move_trainer(self._trainer, device)
        return self

    def update(self) -> dict[str, float]:
        """Collect one rollout and train on it; return metrics, named without prefix."""
        learning_rate = self.learning_rate
        for group in self._adam.param_groups:
            group["lr"] = learning_rate
        clipped_before = self.env.clipped_rewards
        played = self._trainer.evaluate()
        self._episodes.extend(zip(played.get("episode_return", ()), played.get("episode_steps", ()), strict=True))
        self._trainer.train()
        share = (self.env.clipped_rewards - clipped_before) / self.config.rollout_size
        return {**self._metrics(), "learning_rate": learning_rate, "clipped_reward_share": share}

    def _metrics(self) -> dict[str, float]:
        losses, config = self._trainer.losses, self.config
        metrics = {name: float(losses[name]) for name in LOSSES}
        value_term = config.value_coefficient * losses["value_loss"]
        metrics["loss"] = losses["policy_loss"] + value_term
        metrics["value_loss"] = 2.0 * losses["value_loss"]  # PufferLib's is half the mean squared error
        metrics["clip_fraction"] = float(losses["clipfrac"])
        metrics["reward"] = self.env.core.take_earned()
        metrics["env_steps"] = float(self._trainer.global_step)
        if self._episodes:
            metrics["episode_reward"], metrics["episode_steps"] = map(float, np.mean(self._episodes, axis=0))
        return metrics

    def state(self) -> dict[str, Any]:
        """Return the state that outlives an update, except network and optimizer, as arrays and plain values."""
        vecenv = self._vecenv
        return {
            "epoch": self._trainer.epoch,
            "global_step": self._trainer.global_step,
            "episodes": list(self._episodes),
            "vecenv": {"flag": vecenv.flag, "initialized": vecenv.initialized, "infos": list(vecenv.infos)},
            "env": self.env.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from the ``state`` of as many accounts on the same task; FileError if it is not a state."""
        require(state, Played, "its content", "pufferlib")
        self._trainer.epoch, self._trainer.global_step = state["epoch"], state["global_step"]
        self._episodes = deque((tuple(episode) for episode in state["episodes"]), maxlen=self.config.n_accounts)
        vecenv, then = self._vecenv, state["vecenv"]
        vecenv.flag, vecenv.initialized, vecenv.infos = then["flag"], then["initialized"], then["infos"]
        self.env.restore(state["env"])

    def _final_values(self, observations: FloatArray) -> FloatArray:
        with torch.no_grad():
            seen = torch.as_tensor(observations, device=next(self.network.parameters()).device)
            return np.asarray(self.network.values(seen).squeeze(1).cpu().numpy())
