"""PPO on the simulator against its ceiling: the same PPO on an environment that returns constants."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import lightning.pytorch as lightning
import numpy as np
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.table import Table
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from rlx.data.features import DEFAULT_FEATURES
from rlx.data.market import Market
from rlx.data.splits import SplitConfig, make_splits
from rlx.envs.portfolio import PortfolioBatch, PortfolioTask
from rlx.envs.vec_env import PortfolioVecEnv
from rlx.learners.gymrl.learner import GymrlLearner
from rlx.learners.gymrl.ppo import build_ppo
from rlx.sim import simulate
from rlx.sim.rules import Rules
from rlx.training.trainer import quiet_lightning


class TimedVecEnv(PortfolioVecEnv):
    """The environment of gymrl, with the time spent in it."""

    seconds = 0.0

    def step_wait(self) -> VecEnvStepReturn:
        began = time.perf_counter()
        result = super().step_wait()
        self.seconds += time.perf_counter() - began
        return result


class ConstantVecEnv(TimedVecEnv):
    """An environment of the same shapes that computes nothing: no account ever trades or ends."""

    def reset(self) -> np.ndarray:
        self.constants = super().reset(), np.zeros(self.num_envs, np.float32), np.zeros(self.num_envs, bool)
        return self.constants[0]

    def step_wait(self) -> VecEnvStepReturn:
        observation, reward, done = self.constants
        return observation, reward.copy(), done, self._no_infos


class Contender:
    """One PPO, and its time by part."""

    def __init__(self, name: str, ppo: PPO, env: TimedVecEnv, rollout_size: int) -> None:
        self.name, self.ppo, self.env, self.rollout_size = name, ppo, env, rollout_size
        self.update_seconds = 0.0
        self.rounds: list[dict[str, float]] = []
        self.ppo.train = self._timed(ppo.train)  # type: ignore[method-assign]

    def _timed(self, train: Callable[[], None]) -> Callable[[], None]:
        def timed() -> None:
            began = time.perf_counter()
            train()
            self.update_seconds += time.perf_counter() - began

        return timed

    def play(self, updates: int) -> None:
        """Train for ``updates`` updates and record the speed and the shares of time."""
        self.env.seconds = self.update_seconds = 0.0
        began = time.perf_counter()
        for _ in range(updates):
            self.ppo.learn(self.rollout_size, reset_num_timesteps=False)
        seconds = time.perf_counter() - began
        self.rounds.append(
            {
                "env_steps_per_second": updates * self.rollout_size / seconds,
                "env": self.env.seconds / seconds,
                "update": self.update_seconds / seconds,
                "policy": 1.0 - (self.env.seconds + self.update_seconds) / seconds,
            }
        )

    def speeds(self) -> list[float]:
        """Return the env steps per second of every round."""
        return [numbers["env_steps_per_second"] for numbers in self.rounds]

    def medians(self) -> dict[str, float]:
        """Return the median of every number over the rounds."""
        return {key: statistics.median(numbers[key] for numbers in self.rounds) for key in self.rounds[0]}


class Speeds(Callback):
    """Keeps the throughput that the learner logs."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        self.seen.append(float(trainer.callback_metrics["perf/env_steps_per_second"]))


def check_parity(task: PortfolioTask, n_accounts: int = 32) -> float:
    """Return the largest difference between the environment's rewards and the simulator's; stop if it matters."""
    env = PortfolioVecEnv(replace(task, group_size=1), n_accounts)
    env.seed(0)
    env.reset()
    return reward_difference(env.core, lambda actions: env.step(actions)[1])


def reward_difference(core: PortfolioBatch, step: Callable[[np.ndarray], np.ndarray]) -> float:
    """Play an episode of random actions in all accounts and compare the rewards with those of ``simulate``."""
    task, rules = core.task, core.task.rules
    bars = core.accounts.bar[:, None] + np.arange(task.episode_steps)
    shape = (task.episode_steps, core.batch, task.head.n_actions)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, shape).astype(np.float32)
    targets, rewards = [], []
    for action in actions:
        targets.append(task.head.targets(action, core.accounts.weights))
        rewards.append(step(action) / task.reward_scale)
    ledger = simulate(
        task.market.returns[bars],
        np.stack(targets, axis=1),
        costs=rules.costs,
        limits=rules.limits,
        guard=rules.guard,
        cooldown=rules.cooldown,
        reward=rules.reward,
        periods_per_year=task.market.periods_per_year,
    )
    baseline = 0.0 if task.baseline is None else task.baseline[bars]
    difference = float(np.abs(np.stack(rewards, axis=1) + baseline - ledger.reward).max())
    if difference > 1e-7:
        raise SystemExit(f"The environment's rewards differ from the simulator's by {difference:.3g}.")
    return difference


def train_under_lightning(learner: GymrlLearner, updates: int) -> float:
    """Return the median throughput of a Trainer run without its first update."""
    speeds = Speeds()
    with quiet_lightning():
        lightning.Trainer(
            accelerator="cpu",
            max_epochs=1,
            limit_train_batches=updates,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[speeds],
        ).fit(learner)
    return statistics.median(speeds.seen[1:])


def measure(market: Market, rules: Rules, rounds: int, updates: int) -> dict[str, Any]:
    """Run parity check and all rounds; return the report."""
    splits = make_splits(market, SplitConfig(), market.first_bar(DEFAULT_FEATURES, 1))
    common = {"market": market, "rules": rules, "splits": splits, "feature_names": DEFAULT_FEATURES, "seed": 0}
    learner = GymrlLearner(**common)
    config, task = learner.config, learner.tasks[0]
    difference = check_parity(task)
    contenders = []
    for name, kind in (("constants (ceiling)", ConstantVecEnv), ("gymrl, all rules", TimedVecEnv)):
        env = kind(task, config.n_accounts)
        contenders.append(Contender(name, build_ppo(config, task, env, learner.spread, 0), env, config.rollout_size))
        contenders[-1].play(1)  # warm up
        contenders[-1].rounds.clear()
    for round_ in range(rounds):
        for contender in contenders if round_ % 2 == 0 else contenders[::-1]:
            contender.play(updates)
    results = {contender.name: contender.medians() for contender in contenders}
    ceiling = results[contenders[0].name]["env_steps_per_second"]
    paired = zip(*(contender.speeds() for contender in contenders), strict=True)
    ratio = statistics.median(real / constant for constant, real in paired)
    under_lightning = train_under_lightning(GymrlLearner(**common), updates + 1)
    return {
        "parity_max_difference": difference,
        "results": results,
        "ratio_to_ceiling": ratio,
        "lightning_env_steps_per_second": under_lightning,
        "lightning_ratio_to_ceiling": under_lightning / ceiling,
        "shape": {
            "n_accounts": config.n_accounts,
            "rollout_steps": config.rollout_steps,
            "minibatch_size": config.minibatch_size,
            "n_epochs": config.n_epochs,
            "hidden_size": config.hidden_size,
            "observation": task.n_observations,
            "action": task.head.n_actions,
        },
        "rounds": rounds,
        "updates_per_round": updates,
    }


def show(report: dict[str, Any], console: Console) -> None:
    """Print the report as a table."""
    table = Table(title="PPO on daily9, rollout and update", title_justify="left")
    for column in ("environment", "env steps/s", "of ceiling", "env", "policy", "update"):
        table.add_column(column, justify="left" if column == "environment" else "right")
    ceiling = next(iter(report["results"].values()))["env_steps_per_second"]
    for name, numbers in report["results"].items():
        speed = numbers["env_steps_per_second"]
        shares = [f"{numbers[part]:.0%}" for part in ("env", "policy", "update")]
        table.add_row(name, f"{speed:,.0f}", f"{speed / ceiling:.0%}", *shares)
    speed = report["lightning_env_steps_per_second"]
    table.add_row("the same under Lightning", f"{speed:,.0f}", f"{speed / ceiling:.0%}", "", "", "")
    console.print(table)
    console.print(f"gymrl reaches {report['ratio_to_ceiling']:.0%} of its ceiling (median of the rounds' ratios)")
    shape = ", ".join(f"{key} {value}" for key, value in report["shape"].items())
    console.print(shape)
    console.print(f"rewards against rlx.sim.simulate: largest difference {report['parity_max_difference']:.1e}")
