"""One member's PPO: Stable-Baselines3's, its accounts, and its state in checkpoints."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any, TypedDict, cast

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from torch import Tensor
from torch.optim import AdamW

from rlx.envs.portfolio import PortfolioTask
from rlx.envs.vec_env import PortfolioVecEnv
from rlx.errors import CheckpointError
from rlx.learners.actor_critic import ActorCritic
from rlx.learners.gymrl.config import GymrlConfig
from rlx.learners.gymrl.policy import SharedPolicy
from rlx.states import as_arrays, as_tensors
from rlx.types import FloatArray
from rlx.untrusted.plain_types import Count, require

METRICS = {  # SB3's name of a metric: ours
    "train/loss": "loss",
    "train/policy_gradient_loss": "policy_loss",
    "train/value_loss": "value_loss",
    "train/approx_kl": "approx_kl",
    "train/clip_fraction": "clip_fraction",
    "train/explained_variance": "explained_variance",
}


class Episode(TypedDict):
    """The reward and the length of an episode."""

    r: float
    l: float  # noqa: E741


class Played(TypedDict):
    """SB3's state in a checkpoint: the budget spent, the last episodes, and the accounts."""

    num_timesteps: Count
    n_updates: Count
    episodes: list[Episode]
    rollout: dict[str, Any]


def build_ppo(config: GymrlConfig, task: PortfolioTask, env: PortfolioVecEnv, spread: Tensor, seed: int) -> PPO:
    """Return SB3's PPO on ``env``, on the CPU and with a logger that writes nothing.

    ``spread`` (F,) are the units of the relative features.
    """
    shapes = {
        "n_features": task.signals.shape[2],
        "window_steps": task.window_steps,
        "hidden_size": config.hidden_size,
        "leverage_head": config.leverage_head,
    }
    ppo = PPO(
        SharedPolicy,
        env,
        n_steps=config.rollout_steps,
        batch_size=config.minibatch_size,
        n_epochs=config.n_epochs,
        learning_rate=config.learning_rate,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip_range,
        vf_coef=config.value_coefficient,
        max_grad_norm=config.max_grad_norm,
        target_kl=config.target_kl,
        stats_window_size=config.n_accounts,
        policy_kwargs={
            "action_std": config.action_std,
            "shapes": shapes,
            "optimizer_class": AdamW,
            "optimizer_kwargs": {"weight_decay": config.weight_decay, "eps": 1e-5},
        },
        seed=seed,
        device="cpu",
    )
    ppo.set_logger(Logger(folder=None, output_formats=[]))
    network_of(ppo).inputs.spread.copy_(spread)
    env.bootstrap, env.gamma = partial(_final_values, ppo), config.gamma
    return ppo


def _final_values(ppo: PPO, observations: FloatArray) -> FloatArray:
    with torch.no_grad():
        seen = torch.as_tensor(observations, device=ppo.device)
        return np.asarray(ppo.policy.predict_values(seen).squeeze(1).cpu().numpy())


def network_of(ppo: PPO) -> ActorCritic:
    """Return the network that ``ppo`` trains."""
    return cast(ActorCritic, ppo.policy.mlp_extractor)


def measured(ppo: PPO) -> dict[str, float]:
    """Return the metrics of the last update, named without prefix."""
    values = ppo.logger.name_to_value
    metrics = {ours: float(values[name]) for name, ours in METRICS.items() if name in values}
    metrics["env_steps"] = float(ppo.num_timesteps)
    metrics["reward"] = _env(ppo).core.take_earned()
    episodes = ppo.ep_info_buffer
    if episodes:
        metrics["episode_reward"] = float(np.mean([episode["r"] for episode in episodes]))
        metrics["episode_steps"] = float(np.mean([episode["l"] for episode in episodes]))
    return metrics


def state_of(ppo: PPO) -> dict[str, Any]:
    """Return the budget spent, the accounts, and SB3's last observations of them, as tensors and plain values."""
    rollout = {
        "last_obs": ppo._last_obs,
        "last_episode_starts": ppo._last_episode_starts,
        "env": _env(ppo).state(),
    }
    return {
        "num_timesteps": ppo.num_timesteps,
        "n_updates": ppo._n_updates,
        "episodes": list(ppo.ep_info_buffer or ()),
        "rollout": as_tensors(rollout),
    }


def restore(ppo: PPO, written: Mapping[str, Any]) -> None:
    """Continue from what ``state_of`` returned for as many accounts; CheckpointError where it does not fit."""
    state = require(written, Played, "its content", "gymrl")
    ppo.num_timesteps = state["num_timesteps"]
    ppo._n_updates = state["n_updates"]
    ppo.ep_info_buffer = deque(state["episodes"], maxlen=ppo._stats_window_size)
    ppo.ep_success_buffer = deque(maxlen=ppo._stats_window_size)  # SB3 creates both or none
    rollout, env = as_arrays(state["rollout"]), _env(ppo)
    one, observed = (env.num_envs,), env.observation_space.shape or ()
    for name, shape in (("last_obs", one + observed), ("last_episode_starts", one)):
        if np.shape(rollout[name]) != shape:
            raise CheckpointError(f"gymrl.rollout.{name} has shape {np.shape(rollout[name])}, expected {shape}.")
    ppo._last_obs, ppo._last_episode_starts = rollout["last_obs"], rollout["last_episode_starts"]
    env.restore(rollout["env"])


def move(ppo: PPO, device: torch.device) -> None:
    """Collect and train on ``device`` from now on; the caller moves the networks."""
    ppo.device = device
    ppo.rollout_buffer.device = device


def _env(ppo: PPO) -> PortfolioVecEnv:
    return cast(PortfolioVecEnv, ppo.env)
