"""How fast PPO trains on the simulator, against its ceiling: the same PPO on an environment that returns constants.

    python benchmarks/training.py [--rounds 7] [--json results.json]

First the rewards of the environment are held against ``rlx.sim.simulate``. Then both are trained in alternating
rounds in this one process, and medians are reported, with the default network and budget of ``module=gymrl`` on
daily9 under all rules: costs, calibrated guard, cooldown. The last row is the same training under Lightning. At the end
``train.py +experiment=smoke`` is started twice, to see how long a warm start takes to the first update.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import lightning.pytorch as lightning
import numpy as np
import torch
from harness import describe, environment, write_json
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.table import Table
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from rlx.app.quiet import quiet_lightning
from rlx.console import open_console
from rlx.data.features import DEFAULT_FEATURES
from rlx.data.market import Market
from rlx.data.sources import sample
from rlx.data.splits import SplitConfig, make_splits
from rlx.envs.portfolio import PortfolioTask
from rlx.envs.vec_env import PortfolioVecEnv
from rlx.learners.gymrl.learner import GymrlLearner, build_ppo
from rlx.sim import simulate
from rlx.sim.rules import Cooldown, Costs, Guard, Limits, Rules

RULES = Rules(
    costs=Costs(slippage_bps=5.0, margin_annual=0.065),
    limits=Limits(long_only=True),
    guard=Guard(
        drawdown_threshold=0.036,
        leverage_scale=0.6,
        window=42,
        negative_return_threshold=-0.03,
        negative_return_turnover_penalty=0.0075,
        turnover_threshold=0.55,
        turnover_probe_weight=0.002,
    ),
    cooldown=Cooldown(steps=3),
)
PACKAGES = ("rlx", "numpy", "numba", "torch", "stable-baselines3", "lightning", "gymnasium")


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
    """One PPO, the time it takes and where that goes."""

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
        """Train for ``updates`` updates and note the speed and the shares of time."""
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
        """Return the env steps a second of every round."""
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
    env, steps = PortfolioVecEnv(task, n_accounts), task.episode_steps
    env.seed(0)
    env.reset()
    bars = env.core.accounts.bar[:, None] + np.arange(steps)
    shape = (steps, n_accounts, task.head.n_actions)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, shape).astype(np.float32)
    rewards = np.stack([env.step(action)[1] for action in actions], axis=1) / task.reward_scale  # (B, T)
    ledger = simulate(
        task.market.returns[bars],
        np.stack([task.head.weights(action) for action in actions], axis=1),
        costs=RULES.costs,
        limits=RULES.limits,
        guard=RULES.guard,
        cooldown=RULES.cooldown,
        reward=RULES.reward,
        periods_per_year=task.market.periods_per_year,
    )
    difference = float(np.abs(rewards - ledger.reward).max())
    if difference > 1e-7:
        raise SystemExit(f"The environment's rewards are not the simulator's: they differ by {difference:.3g}.")
    return difference


def train_under_lightning(learner: GymrlLearner, updates: int) -> float:
    """Return the median throughput of a Trainer run, its first update left out."""
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


def warm_start() -> dict[str, float]:
    """Return seconds from the command to the first update, of a first start in an empty folder and of a second one."""
    command = [sys.executable, str(Path(__file__).parents[1] / "train.py"), "module=gymrl", "+experiment=smoke"]
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first start", "second start"):
            run_dir = Path(folder) / name.replace(" ", "_")
            began = time.time()
            subprocess.run([*command, f"hydra.run.dir={run_dir}"], cwd=folder, check=True, capture_output=True)
            scorecard = json.loads((run_dir / "scorecard.json").read_text())
            seconds[name] = scorecard["performance"]["seconds_to_first_update"]
            seconds[f"{name}, whole command"] = time.time() - began
    return seconds


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run parity check and all rounds; return what there is to report."""
    market = Market(sample("daily9"))
    splits = make_splits(market, SplitConfig(), market.first_bar(DEFAULT_FEATURES, 1))
    common = {"market": market, "rules": RULES, "splits": splits, "feature_names": DEFAULT_FEATURES, "seed": 0}
    learner = GymrlLearner(**common)
    config, task = learner.config, learner.task
    difference = check_parity(task)
    contenders = []
    for name, kind in (("constants (ceiling)", ConstantVecEnv), ("gymrl, all rules", TimedVecEnv)):
        env = kind(task, config.n_accounts)
        contenders.append(Contender(name, build_ppo(config, env, 0), env, config.rollout_size))
        contenders[-1].play(1)  # warm up
        contenders[-1].rounds.clear()
    for round_ in range(arguments.rounds):
        for contender in contenders if round_ % 2 == 0 else contenders[::-1]:
            contender.play(arguments.updates)
    results = {contender.name: contender.medians() for contender in contenders}
    ceiling = results[contenders[0].name]["env_steps_per_second"]
    paired = zip(*(contender.speeds() for contender in contenders), strict=True)
    ratio = statistics.median(real / constant for constant, real in paired)
    under_lightning = train_under_lightning(GymrlLearner(**common), arguments.updates + 1)
    return {
        "parity_max_difference": difference,
        "results": results,
        "ratio_to_ceiling": ratio,
        "lightning_env_steps_per_second": under_lightning,
        "lightning_ratio_to_ceiling": under_lightning / ceiling,
        "seconds_to_first_update": warm_start(),
        "shape": {
            "n_accounts": config.n_accounts,
            "rollout_steps": config.rollout_steps,
            "minibatch_size": config.minibatch_size,
            "n_epochs": config.n_epochs,
            "hidden_sizes": list(config.hidden_sizes),
            "observation": task.n_observations,
            "action": task.head.n_actions,
        },
        "rounds": arguments.rounds,
        "updates_per_round": arguments.updates,
        "environment": environment(PACKAGES),
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
    starts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report["seconds_to_first_update"].items())
    console.print(f"train.py +experiment=smoke, to the first update: {starts}")
    shape = ", ".join(f"{key} {value}" for key, value in report["shape"].items())
    console.print(shape)
    console.print(describe(report["environment"]))
    console.print(f"rewards against rlx.sim.simulate: largest difference {report['parity_max_difference']:.1e}")


def main() -> None:
    """Measure, print and optionally write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="alternating rounds of which medians are taken")
    parser.add_argument("--updates", type=int, default=4, help="PPO updates a round")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--json", type=Path, help="write the report there")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    report = measure(arguments)
    show(report, open_console())
    write_json(arguments.json, report)


if __name__ == "__main__":
    main()
