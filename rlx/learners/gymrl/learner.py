"""Proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347) by Stable-Baselines3, under Lightning."""

from __future__ import annotations

from collections import deque
from typing import Any, TypedDict, cast

import numpy as np
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv
from torch import nn
from torch.optim import Optimizer

from rlx.compilation import Compiler
from rlx.decisions.head import AllocationHead
from rlx.envs.portfolio import PortfolioTask
from rlx.envs.vec_env import PortfolioVecEnv
from rlx.errors import CheckpointError
from rlx.learners.base import Learner, Stopwatch
from rlx.learners.gymrl.config import GymrlConfig
from rlx.learners.precision import in_bfloat16
from rlx.policies.networks.mlp import MlpAllocation
from rlx.states import as_arrays, as_tensors
from rlx.untrusted.plain_types import Count, require

METRICS = {  # SB3's name of a metric: ours
    "train/loss": "loss",
    "train/policy_gradient_loss": "policy_loss",
    "train/value_loss": "value_loss",
    "train/approx_kl": "approx_kl",
    "train/clip_fraction": "clip_fraction",
    "train/explained_variance": "explained_variance",
    "train/std": "action_std",
}


def build_ppo(config: GymrlConfig, env: VecEnv, seed: int) -> PPO:
    """Return SB3's PPO on ``env``, on the CPU and with a logger that writes nothing."""
    ppo = PPO(
        "MlpPolicy",
        env,
        n_steps=config.rollout_steps,
        batch_size=config.minibatch_size,
        n_epochs=config.n_epochs,
        learning_rate=config.learning_rate,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip_range,
        ent_coef=config.entropy_start,
        vf_coef=config.value_coefficient,
        max_grad_norm=config.max_grad_norm,
        target_kl=config.target_kl,
        stats_window_size=config.n_accounts,
        policy_kwargs={"net_arch": list(config.hidden_sizes), "log_std_init": config.log_std_init},
        seed=seed,
        device="cpu",
    )
    ppo.set_logger(Logger(folder=None, output_formats=[]))
    return ppo


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


class GymrlLearner(Learner):
    """PPO over ``n_accounts`` accounts; one training step collects one rollout and trains on it.

    SB3 steps Lightning's wrapper of the optimizer, so ``global_step`` counts gradient steps, and the actor, the critic
    and the optimizer are in Lightning's checkpoints. The accounts are added to them, because episodes continue from
    one update to the next.
    """

    module = "gymrl"
    config_type = GymrlConfig
    config: GymrlConfig

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.task = self._make_task()
        self.ppo = build_ppo(self.config, PortfolioVecEnv(self.task, self.config.n_accounts), self.seed)
        self.actor_critic = self.ppo.policy

    def _make_task(self) -> PortfolioTask:
        config = self.config
        head = AllocationHead.under(
            self.rules.limits,
            self.market.n_assets,
            leverage_head=config.leverage_head,
            logit_scale=config.logit_scale,
        )
        return PortfolioTask(
            market=self.market,
            rules=self.rules,
            span=self.splits.train,
            signals=self.normalizer.apply(self.market.features(self.feature_names)),
            signal_bound=self.normalizer.clip,
            head=head,
            window_steps=config.window_steps,
            episode_steps=config.episode_steps,
            reward_scale=config.reward_scale,
            feature_noise=config.feature_noise,
        )

    @property
    def updates(self) -> int:
        """Number of rollouts of the whole run."""
        return self.config.updates

    def configure_optimizers(self) -> Optimizer:
        """Return SB3's optimizer."""
        return self.ppo.policy.optimizer

    def on_fit_start(self) -> None:
        """Move to the Trainer's device, use its precision in the hidden layers, and compile."""
        self.ppo.device = self.device
        self.ppo.rollout_buffer.device = self.device
        if self.trainer.precision == "bf16-mixed":
            for layers in self._hidden_layers():
                layers.forward = in_bfloat16(layers.forward, self.device.type)
        super().on_fit_start()

    def compile_networks(self, compiler: Compiler) -> None:
        """Compile the hidden layers of actor and critic as one graph; SB3's distribution stays eager."""
        compiler.compile_module(self.ppo.policy.mlp_extractor)

    def _hidden_layers(self) -> tuple[nn.Module, nn.Module]:
        extractor = self.ppo.policy.mlp_extractor
        return extractor.policy_net, extractor.value_net

    def on_train_start(self) -> None:
        """Let SB3 step Lightning's wrapper: ``global_step`` counts nothing else."""
        self.ppo.policy.optimizer = cast(Optimizer, self.optimizers())

    def on_train_end(self) -> None:
        """Give SB3 its own optimizer back: the wrapper does not work without a Trainer."""
        optimizer = self.ppo.policy.optimizer
        if isinstance(optimizer, LightningOptimizer):
            self.ppo.policy.optimizer = optimizer.optimizer

    def training_step(self, batch: int, batch_idx: int) -> None:
        """Collect one rollout and train on it."""
        ppo = self.ppo
        ppo.ent_coef = self.entropy_coefficient()
        with Stopwatch() as watch, torch.autocast(self.device.type, enabled=False):  # except in the hidden layers
            ppo.learn(self.config.rollout_size, reset_num_timesteps=False)
        self.log_update(self._metrics(), self.config.rollout_size, watch.seconds)

    def entropy_coefficient(self) -> float:
        """Return the entropy coefficient for the budget spent, between ``entropy_start`` and ``entropy_final``."""
        done = min(1.0, self.ppo.num_timesteps / max(1, (self.updates - 1) * self.config.rollout_size))
        return self.config.entropy_start + done * (self.config.entropy_final - self.config.entropy_start)

    def _metrics(self) -> dict[str, float]:
        values = self.ppo.logger.name_to_value
        metrics = {ours: float(values[name]) for name, ours in METRICS.items() if name in values}
        metrics["entropy"] = -float(values["train/entropy_loss"])
        metrics["entropy_coefficient"] = float(self.ppo.ent_coef)
        metrics["env_steps"] = float(self.ppo.num_timesteps)
        episodes = self.ppo.ep_info_buffer
        if episodes:
            metrics["episode_reward"] = float(np.mean([episode["r"] for episode in episodes]))
            metrics["episode_steps"] = float(np.mean([episode["l"] for episode in episodes]))
        return metrics

    def network(self) -> MlpAllocation:
        """Return the actor without the critic: the policy takes the mean action."""
        network = MlpAllocation(
            head=self.task.head,
            n_features=len(self.feature_names),
            window_steps=self.window_steps,
            hidden_sizes=self.config.hidden_sizes,
        )
        trained = [*self.ppo.policy.mlp_extractor.policy_net, self.ppo.policy.action_net]
        for layer, source in zip(network.layers, trained, strict=True):
            layer.load_state_dict(source.state_dict())
        return network

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the budget spent, the accounts, and SB3's last observations of them."""
        super().on_save_checkpoint(checkpoint)
        ppo = self.ppo
        rollout = {
            "last_obs": ppo._last_obs,
            "last_episode_starts": ppo._last_episode_starts,
            "env": self._env().state(),
        }
        checkpoint["gymrl"] = {
            "num_timesteps": ppo.num_timesteps,
            "n_updates": ppo._n_updates,
            "episodes": list(ppo.ep_info_buffer or ()),
            "rollout": as_tensors(rollout),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the budget spent and the accounts."""
        super().on_load_checkpoint(checkpoint)
        ppo, state = self.ppo, require(checkpoint.get("gymrl"), Played, "its content", "gymrl")
        ppo.num_timesteps = state["num_timesteps"]
        ppo._n_updates = state["n_updates"]
        ppo.ep_info_buffer = deque(state["episodes"], maxlen=ppo._stats_window_size)
        ppo.ep_success_buffer = deque(maxlen=ppo._stats_window_size)  # SB3 creates both or none
        rollout = as_arrays(state["rollout"])
        one, observed = (self.config.n_accounts,), self._env().observation_space.shape or ()
        for name, shape in (("last_obs", one + observed), ("last_episode_starts", one)):
            if np.shape(rollout[name]) != shape:
                raise CheckpointError(f"gymrl.rollout.{name} has shape {np.shape(rollout[name])}, expected {shape}.")
        ppo._last_obs, ppo._last_episode_starts = rollout["last_obs"], rollout["last_episode_starts"]
        self._env().restore(rollout["env"])

    def _env(self) -> PortfolioVecEnv:
        return cast(PortfolioVecEnv, self.ppo.env)
