"""The PPO stage of module=pufferlib compared with its ceiling, and with gymrl's PPO on the same task and shapes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import ppo as gymrl
import torch
from harness import Row, show
from rich.console import Console

from rlx.data.features import DEFAULT_FEATURES
from rlx.data.market import Market
from rlx.data.splits import SplitConfig, make_splits
from rlx.decisions.scores import ScoreHead
from rlx.decisions.tilt import TiltHead
from rlx.envs.baseline import over_equal_weights
from rlx.envs.portfolio import PortfolioTask
from rlx.envs.puffer_library import load_puffer_library
from rlx.learners.gymrl.config import GymrlConfig
from rlx.learners.gymrl.ppo import build_ppo
from rlx.learners.pufferlib.config import PufferlibConfig
from rlx.learners.pufferlib.ppo import PufferPpo
from rlx.learners.pufferlib.ppo_config import PufferPpoConfig
from rlx.policies.networks.book import SIGNAL_BOUND
from rlx.sim.rules import Rules

SHARED = ("n_accounts", "rollout_steps", "minibatch_size", "n_epochs", "hidden_size")
CEILING, OURS, RIVAL = "constants (ceiling)", "pufferlib, all rules", "gymrl, all rules"


class Timed:
    """Wraps a function of an object, and sums the time spent in it."""

    def __init__(self, owner: Any, name: str) -> None:
        self.function: Callable[..., Any] = getattr(owner, name)
        self.seconds = 0.0
        setattr(owner, name, self)

    def __call__(self, *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return self.function(*arguments)
        finally:
            self.seconds += time.perf_counter() - began


class Contender:
    """One trainer, and its time by part."""

    def __init__(self, update: Callable[[], Any], rollout_size: int, env: Timed, train: Timed) -> None:
        self.update, self.rollout_size, self.env, self.train = update, rollout_size, env, train
        self.rounds: list[dict[str, float]] = []

    def play(self, updates: int) -> None:
        """Train for ``updates`` updates and record the speed and the shares of time."""
        self.env.seconds = self.train.seconds = 0.0
        began = time.perf_counter()
        for _ in range(updates):
            self.update()
        seconds = time.perf_counter() - began
        shares = {"env": self.env.seconds / seconds, "update": self.train.seconds / seconds}
        speed = updates * self.rollout_size / seconds
        self.rounds.append({"env_steps_per_second": speed, **shares, "policy": 1.0 - sum(shares.values())})

    def medians(self) -> Row:
        """Return the median of every number over the rounds."""
        return {key: statistics.median(numbers[key] for numbers in self.rounds) for key in self.rounds[0]}


def puffer_contender(config: PufferPpoConfig, task: PortfolioTask, *, constant: bool) -> Contender:
    """Return PufferLib's trainer on the accounts, or on an environment that never changes its buffers."""
    learner = PufferPpo(config, task, 0)
    if constant:
        env = learner.env
        unchanging = env.observations, env.rewards, env.terminals, env.truncations, []
        env.step = lambda actions: unchanging  # type: ignore[method-assign]
    return Contender(learner.update, config.rollout_size, Timed(learner.env, "step"), Timed(learner._trainer, "train"))


def gymrl_contender(config: PufferPpoConfig, task: PortfolioTask) -> Contender:
    """Return gymrl's PPO with as many accounts, minibatches and hidden units, on the same task."""
    env = gymrl.PortfolioVecEnv(task, config.n_accounts)
    shaped = GymrlConfig(**{name: getattr(config, name) for name in SHARED})
    ppo = build_ppo(shaped, task, env, torch.ones(task.signals.shape[2]), 0)

    def update() -> None:
        ppo.learn(config.rollout_size, reset_num_timesteps=False)

    return Contender(update, config.rollout_size, Timed(env, "step_wait"), Timed(ppo, "train"))


def check_parity(task: PortfolioTask, n_accounts: int = 32) -> float:
    """Return the largest difference between the environment's rewards and the simulator's; stop if it matters."""
    load_puffer_library()
    from rlx.envs.puffer_env import PortfolioPuffer

    env = PortfolioPuffer(task, n_accounts)
    env.reset(seed=0)
    return gymrl.reward_difference(env.core, lambda actions: env.step(actions)[1])


def make_task(market: Market, rules: Rules, config: PufferlibConfig) -> PortfolioTask:
    """Return the task of one pair: its shapes are those of training, the signals are noise."""
    forecaster = config.forecaster
    n_signals = len(forecaster.levels) + forecaster.hidden_size
    pair = market.select(market.symbols[:2])
    splits = make_splits(pair, SplitConfig(), pair.first_bar(DEFAULT_FEATURES, config.window_steps))
    noise = np.random.default_rng(0).standard_normal((pair.n_bars, 2, n_signals), dtype=np.float32)
    task = PortfolioTask(
        market=pair,
        rules=rules,
        span=splits.train,
        signals=noise.clip(-SIGNAL_BOUND, SIGNAL_BOUND),
        signal_bound=SIGNAL_BOUND,
        head=ScoreHead(2, TiltHead(rules.limits.long_only, 1.0), config.speed),
        episode_steps=config.episode_steps,
        reward_scale=config.reward_scale,
    )
    return over_equal_weights(task)


def measure(market: Market, rules: Rules, rounds: int, updates: int) -> Row:
    """Run parity check and all rounds; return the report."""
    config = PufferlibConfig()
    task = make_task(market, rules, config)
    difference = check_parity(task)
    contenders = {
        CEILING: puffer_contender(config, task, constant=True),
        OURS: puffer_contender(config, task, constant=False),
        RIVAL: gymrl_contender(config, task),
    }
    for contender in contenders.values():
        contender.play(1)  # warm up
        contender.rounds.clear()
    for round_ in range(rounds):
        for contender in list(contenders.values())[:: 1 if round_ % 2 == 0 else -1]:
            contender.play(updates)
    speeds = {name: [row["env_steps_per_second"] for row in one.rounds] for name, one in contenders.items()}
    return {
        "parity_max_difference": difference,
        "results": {name: contender.medians() for name, contender in contenders.items()},
        "ratio_to_ceiling": _ratio(speeds[OURS], speeds[CEILING]),
        "ratio_to_gymrl": _ratio(speeds[OURS], speeds[RIVAL]),
        "shape": {name: getattr(config, name) for name in SHARED} | {"observation": task.n_observations},
        "rounds": rounds,
        "updates_per_round": updates,
    }


def show_report(report: Row, console: Console) -> None:
    """Print the report as a table."""
    rows = [{"environment": name, **numbers} for name, numbers in report["results"].items()]
    show(console, "the portfolio stage of pufferlib on a pair of daily9, rollout and update", rows)
    ceiling, gymrl_ratio = report["ratio_to_ceiling"], report["ratio_to_gymrl"]
    console.print(
        f"pufferlib reaches {ceiling:.0%} of its ceiling, {gymrl_ratio:.2f} x gymrl (medians of the rounds' ratios)"
    )
    console.print(", ".join(f"{key} {value}" for key, value in report["shape"].items()))
    console.print(f"rewards against rlx.sim.simulate: largest difference {report['parity_max_difference']:.1e}")


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
