"""Group relative policy optimization (Shao et al. 2024, arXiv:2402.03300) of Dirichlet policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence

from rlx.learners.differentiable_market.config import DifferentiableMarketConfig
from rlx.learners.measures import path_measures

SMALLEST_SPREAD = 1e-6  # standard deviation of a group's rewards below which its paths count as equal


class Group(NamedTuple):
    """K sampled paths for each of B windows, and their outcomes."""

    concentration: Tensor  # (B, T, n) of the policy
    reference: Tensor | None  # (B, T, n) of its moving average; None if the divergence from it has no weight
    parts: Tensor  # (B, K, T, n) sampled
    terms: dict[str, Tensor]  # reward terms, each (B, K)
    outcome: Mapping[str, Tensor]  # ledger quantities (B x K, T)

    @property
    def rewards(self) -> Tensor:
        """Rewards (B, K) of the paths."""
        return torch.stack(list(self.terms.values())).sum(0)


def group_losses(group: Group, config: DifferentiableMarketConfig) -> dict[str, Tensor]:
    """Return the parts () of the loss: one per reward term, the entropy bonus and the divergence from the reference.

    The parts of the terms add up to the loss of the whole reward: -mean(advantage x log-probability), where the
    advantage is in standard deviations of its group's rewards, or minus the reward itself with ``pathwise``.
    """
    unit = spread(group.rewards).detach().clamp(min=SMALLEST_SPREAD)
    if config.gradient == "pathwise":
        losses = {name: -term.mean() for name, term in group.terms.items()}
    else:
        likely = path_log_probability(group.concentration, group.parts)
        losses = {name: -(centred(term) / unit * likely).mean() for name, term in group.terms.items()}
    if config.entropy_coefficient > 0.0:
        losses["entropy"] = -config.entropy_coefficient * mean_entropy(group.concentration)
    if group.reference is not None:
        losses["kl"] = config.kl_weight * mean_kl(group.concentration, group.reference)
    return losses


@torch.no_grad()
def group_measures(group: Group) -> dict[str, Tensor]:
    """Return the measures of a group, by the name of the metric; the learner logs their means."""
    deviation = spread(group.rewards)
    return {
        "reward": group.rewards,
        **{f"reward_{name}": term for name, term in group.terms.items()},
        "reward_spread": deviation,
        **{f"spread_{name}": spread(term) for name, term in group.terms.items()},
        "equal_groups": (deviation < SMALLEST_SPREAD).float(),
        "entropy": mean_entropy(group.concentration),
        **({} if group.reference is None else {"kl": mean_kl(group.concentration, group.reference)}),
        "concentration": group.concentration.sum(-1),
        **path_measures(group.outcome),
    }


def spread(rewards: Tensor) -> Tensor:
    """Return the standard deviation (ddof 0) of each group's rewards, (B, 1) for (B, K)."""
    return rewards.std(-1, correction=0, keepdim=True)


def centred(rewards: Tensor) -> Tensor:
    """Return rewards (B, K) less their group's mean."""
    return rewards - rewards.mean(-1, keepdim=True)


def path_log_probability(concentration: Tensor, parts: Tensor) -> Tensor:
    """Return the mean log-density per step (B, K) of sampled paths ``parts`` (B, K, T, n).

    concentration: (B, T, n), shared by the K paths of a window.
    """
    density: Tensor = Dirichlet(concentration.unsqueeze(1), validate_args=False).log_prob(parts)  # type: ignore[no-untyped-call]
    return density.mean(-1)


def mean_entropy(concentration: Tensor) -> Tensor:
    """Return the mean differential entropy () of the distributions of all steps, in nats."""
    entropy: Tensor = Dirichlet(concentration, validate_args=False).entropy()  # type: ignore[no-untyped-call]
    return entropy.mean()


def mean_kl(concentration: Tensor, reference: Tensor) -> Tensor:
    """Return the mean divergence () of the policy from the reference, KL(policy || reference), in nats."""
    policy, other = (Dirichlet(one, validate_args=False) for one in (concentration, reference))
    return kl_divergence(policy, other).mean()
