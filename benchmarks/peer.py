"""The peer of the learners: Stable-Baselines3's PPO as it comes, on our Gymnasium environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from rlx.data.features import DEFAULT_FEATURES
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.splits import Span
from rlx.decisions.encoding import encode
from rlx.decisions.head import AllocationHead
from rlx.decisions.observation import Observation
from rlx.envs.gym_env import PortfolioEnv
from rlx.envs.portfolio import PortfolioTask
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import HOLDOUT, holdout_windows
from rlx.sim.ledger import Ledger
from rlx.sim.rules import Rules
from rlx.types import FloatArray

ENV_STEPS, N_ENVS = 200_000, 4


class Peer:
    """What SB3's PPO has learnt, as a policy."""

    name = "sb3_ppo"
    feature_names = DEFAULT_FEATURES
    window_steps = 1
    reads_account = True

    def __init__(self, ppo: PPO, normalizer: Normalizer, head: AllocationHead) -> None:
        self.ppo, self.normalizer, self.head = ppo, normalizer, head

    def bind(self, market: Market) -> None:
        """There is nothing to prepare."""

    def reset(self, batch: int) -> None:
        """There is no state between steps."""

    def act(self, observation: Observation) -> FloatArray:
        """Return target weights (B, A) float64, by the mean action."""
        seen = self.normalizer.apply(observation.features)
        account = (observation.drawdown, observation.trailing_return)
        cooldown = (observation.cooldown_long, observation.cooldown_short)
        encoded = encode(seen.reshape(len(seen), -1), observation.weights, *account, *cooldown)
        actions, _ = self.ppo.predict(encoded, deterministic=True)
        return self.head.weights(actions)

    def describe(self) -> Mapping[str, Any]:
        """Return its name."""
        return {"kind": self.name}


def train_peer(market: Market, rules: Rules, span: Span, seed: int) -> Peer:
    """Train PPO with SB3's defaults and a perceptron over all assets, on the simulator's own reward."""
    features = market.features(DEFAULT_FEATURES)
    normalizer = Normalizer.fit(DEFAULT_FEATURES, features, slice(span.start, span.stop))
    head = AllocationHead.under(rules.limits, market.n_assets, leverage_head=False, logit_scale=2.0)
    task = PortfolioTask(
        market=market,
        rules=rules,
        span=span,
        signals=normalizer.apply(features),
        signal_bound=normalizer.clip,
        head=head,
    )
    ppo = PPO("MlpPolicy", DummyVecEnv([lambda: PortfolioEnv(task)] * N_ENVS), seed=seed, device="cpu")
    return Peer(ppo.learn(ENV_STEPS), normalizer, head)


def peer_ledger(market: Market, rules: Rules, fitted: Span, judged: Span, seed: int) -> Ledger:
    """Train on the span ``fitted`` and return the ledger of one account over the span ``judged``."""
    return (
        evaluate(train_peer(market, rules, fitted, seed), market, (holdout_windows(judged),), rules)
        .sets[HOLDOUT]
        .ledger.select(0)
    )
