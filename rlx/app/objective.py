"""The reward of a trained ``differentiable_market`` policy under other risk weights: nothing is trained again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from rlx.config import ObjectiveConfig, recorded_module
from rlx.errors import ConfigError
from rlx.files import to_json
from rlx.learners.differentiable_market.config import DifferentiableMarketConfig
from rlx.learners.differentiable_market.rewards import PathReward
from rlx.measures.evaluation import Evaluation, WindowLedger
from rlx.policies.base import Policy
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.types import FloatArray

READ = ("net_return", "reward", "turnover", "executed_weights", "drawdown")
"""The quantities of a ledger that the terms are computed from."""


@dataclass(frozen=True)
class Objective:
    """The options that a policy was trained with, and the weights that were given."""

    trained: DifferentiableMarketConfig
    given: Mapping[str, Any]

    def report(self, evaluation: Evaluation) -> dict[str, Any]:
        """Return weights, terms and their sum by set of windows, each under the trained and the given weights."""
        other = replace(self.trained, **self.given)
        configs = {"trained": self.trained, "given": other}
        names = list(asdict(ObjectiveConfig()))
        return {
            "schema_version": 1,
            "no_trade_changes": True,
            "policy": evaluation.policy,
            "weights": {side: {name: getattr(config, name) for name in names} for side, config in configs.items()},
            "left_out": ["risk_budget"] if self.trained.risk_budget_lambda else [],
            "sets": {
                name: {
                    "first": [to_json(stamp) for stamp in windows.timestamps[:, 0]],
                    "steps": windows.steps,
                    **{side: _terms(config, windows, evaluation) for side, config in configs.items()},
                }
                for name, windows in evaluation.sets.items()
            },
        }


def objective_of(asked: ObjectiveConfig, policy: Policy) -> Objective | None:
    """Return the objective to report, None if no weight is given; ConfigError for a policy that has none.

    The objective's other options are those that the policy was trained with.
    """
    given = asked.given()
    if not given:
        return None
    key = f"objective.{next(iter(given))}"
    if not isinstance(policy, CheckpointPolicy):
        raise ConfigError(f"{key}: only a trained policy has an objective. Use policy=checkpoint, or leave it out.")
    if "module" not in policy.facts.config:
        raise ConfigError(f"{key}: {policy.origin} does not record the options that the policy was trained with.")
    trained = recorded_module(policy.facts.config, policy.origin)
    if not isinstance(trained, DifferentiableMarketConfig):
        raise ConfigError(
            f"{key}: the weights are those of module=differentiable_market, and {policy.origin} is of module="
            f"{policy.facts.module}. Leave it out."
        )
    return Objective(trained, given)


def _terms(config: DifferentiableMarketConfig, windows: WindowLedger, evaluation: Evaluation) -> dict[str, Any]:
    """Return each term of the windows' rewards, (B,) per year, and their sum ``reward``; a weight of 0 gives 0."""
    n_assets = len(evaluation.symbols)
    unused = torch.zeros(n_assets, n_assets)  # the covariance of the risk budget, which no checkpoint stores
    rewards = PathReward(replace(config, risk_budget_lambda=0.0), evaluation.periods_per_year, unused)
    outcome = {name: torch.as_tensor(getattr(windows.ledger, name), dtype=torch.float64) for name in READ}
    found = {name: term.numpy() for name, term in rewards(outcome).items()}
    zero: FloatArray = torch.zeros(len(windows), dtype=torch.float64).numpy()
    terms = {name: found.get(name, zero) for name in rewards.weights if name != "risk_budget"}
    return to_json({**terms, "reward": sum(found.values(), zero)})  # type: ignore[no-any-return]
