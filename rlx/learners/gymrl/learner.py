"""Proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347) by Stable-Baselines3, under Lightning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from stable_baselines3 import PPO
from torch import nn
from torch.optim import Optimizer

from rlx.compilation import Compiler
from rlx.decisions.risk import priced_risk
from rlx.decisions.scores import ScoreHead
from rlx.decisions.tilt import TiltHead
from rlx.envs.baseline import over_equal_weights
from rlx.envs.portfolio import PortfolioTask
from rlx.envs.vec_env import PortfolioVecEnv
from rlx.errors import CheckpointError
from rlx.learners.base import Learner, Stopwatch
from rlx.learners.gymrl.config import GymrlConfig
from rlx.learners.gymrl.ppo import build_ppo, measured, move, network_of, restore, state_of
from rlx.learners.precision import in_bfloat16
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.policies.networks.account_tilt import AccountTilt
from rlx.policies.networks.tilt import relative_spread


class GymrlLearner(Learner):
    """A PPO for each member; one training step collects and trains on one rollout of ``n_accounts`` for each.

    SB3 steps Lightning's wrappers of the optimizers, so ``global_step`` counts gradient steps, and actors, critics and
    optimizers are in Lightning's checkpoints. The accounts are added to them, because episodes continue from one update
    to the next.
    """

    module = "gymrl"
    config_type = GymrlConfig
    config: GymrlConfig
    validations = 5  # each takes as long as several updates: what is held is an input, so steps are played in turn

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.tasks = self._make_tasks()
        self.spread = self._relative_spread()
        self.ppos = [self._open(task, number) for number, task in enumerate(self.tasks)]
        self.actor_critics = nn.ModuleList(ppo.policy for ppo in self.ppos)

    def _make_tasks(self) -> list[PortfolioTask]:
        """Return for each member the task whose episodes start and stay in what it is fitted to."""
        config, span = self.config, self.cross_fit.span
        self.head = TiltHead.under(self.rules.limits, leverage_head=config.leverage_head)
        starts = self.cross_fit.starts(config.episode_steps, "module.episode_steps")
        cvar, uncertainty = priced_risk(self.market, self.rules.reward)
        common = over_equal_weights(
            PortfolioTask(
                market=self.market,
                rules=self.rules,
                span=span,
                signals=self.normalizer.apply(self.market.features(self.feature_names)),
                signal_bound=self.normalizer.clip,
                head=ScoreHead(self.market.n_assets, self.head, config.speed),
                window_steps=config.window_steps,
                episode_steps=config.episode_steps,
                reward_scale=config.reward_scale,
                cvar=cvar,
                uncertainty=uncertainty,
                group_size=config.group_size,
            )
        )
        return [replace(common, starts=span.start + own) for own in starts]

    def _relative_spread(self) -> torch.Tensor:
        seen = self.cross_fit.span.bars_seen(self.window_steps)
        return relative_spread(torch.from_numpy(self.tasks[0].signals[seen]))

    def _open(self, task: PortfolioTask, number: int) -> PPO:
        seed = self.seed + number
        return build_ppo(self.config, task, PortfolioVecEnv(task, self.config.n_accounts), self.spread, seed)

    @property
    def updates(self) -> int:
        """Number of rollouts of each member in the whole run."""
        return self.config.updates

    def configure_optimizers(self) -> list[Optimizer]:
        """Return SB3's optimizers."""
        return [ppo.policy.optimizer for ppo in self.ppos]

    def on_fit_start(self) -> None:
        """Move to the Trainer's device, use its precision in the networks, and compile."""
        for ppo in self.ppos:
            move(ppo, self.device)
            if self.trainer.precision == "bf16-mixed":
                for scorer in network_of(ppo).scorers():
                    scorer.forward = in_bfloat16(scorer.forward, self.device.type)  # type: ignore[method-assign, assignment]
        super().on_fit_start()

    def compile_networks(self, compiler: Compiler) -> None:
        """Compile each actor and critic as one graph; SB3's distribution stays eager."""
        for ppo in self.ppos:
            compiler.compile_module(network_of(ppo))

    def on_train_start(self) -> None:
        """Let SB3 step Lightning's wrappers: ``global_step`` counts nothing else."""
        wrappers = self.optimizers()
        for ppo, wrapper in zip(self.ppos, wrappers if isinstance(wrappers, list) else [wrappers], strict=True):
            ppo.policy.optimizer = cast(Optimizer, wrapper)

    def on_train_end(self) -> None:
        """Give SB3 its own optimizers back: the wrappers do not work without a Trainer."""
        for ppo in self.ppos:
            optimizer = ppo.policy.optimizer
            if isinstance(optimizer, LightningOptimizer):
                ppo.policy.optimizer = optimizer.optimizer

    def training_step(self, batch: int, batch_idx: int) -> None:
        """Collect a rollout for each member and train on it."""
        with Stopwatch() as watch, torch.autocast(self.device.type, enabled=False):  # except in the networks
            for ppo in self.ppos:
                ppo.learn(self.config.rollout_size, reset_num_timesteps=False)
        self.log_update(self._metrics(), self.config.rollout_size * len(self.ppos), watch.seconds)

    def _metrics(self) -> dict[str, float]:
        """Return the means over the members."""
        updates = [measured(ppo) for ppo in self.ppos]
        known = [name for name in updates[0] if all(name in one for one in updates)]  # some have ended no episode yet
        metrics = {name: float(np.mean([one[name] for one in updates])) for name in known}
        excess = metrics.pop("reward") * self.market.periods_per_year
        return {**metrics, "excess_growth": excess}

    def network(self) -> AccountTilt:
        """Return the actors without the critics."""
        config = self.config
        network = AccountTilt(
            head=self.head,
            n_features=len(self.feature_names),
            window_steps=self.window_steps,
            hidden_size=config.hidden_size,
            n_members=len(self.ppos),
            sharpness=config.sharpness,
            speed=config.speed,
        )
        network.inputs.spread.copy_(self.spread)
        for member, ppo in zip(network.members, self.ppos, strict=True):
            member.load_state_dict(network_of(ppo).actor.state_dict())
        return network

    def held_out(self) -> list[CheckpointPolicy]:
        """Return a policy of each member alone."""
        network, facts = self.network(), self.facts()
        return [CheckpointPolicy(facts, network.among(slice(number, number + 1))) for number in range(len(self.ppos))]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the budget spent and the accounts of every member."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["gymrl"] = [state_of(ppo) for ppo in self.ppos]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the budget spent and the accounts of every member."""
        super().on_load_checkpoint(checkpoint)
        states = checkpoint.get("gymrl")
        if not isinstance(states, list) or len(states) != len(self.ppos):
            raise CheckpointError(f"its accounts are not those of {len(self.ppos)} members. Train again.")
        for ppo, state in zip(self.ppos, states, strict=True):
            restore(ppo, state)
