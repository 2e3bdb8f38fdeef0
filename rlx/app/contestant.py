"""Prepare a policy for its evaluation, and find its origin."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rlx.data.market import Market
from rlx.evaluate.seen import Seen
from rlx.policies.base import Charged, Policy
from rlx.policies.baselines import standard_baselines
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.policies.refitted import RefittedPolicy
from rlx.run_folder import RunFolder, run_of
from rlx.sim.rules import Costs


def compared_with(policy: Policy) -> list[Policy]:
    """Return the policies that a policy is compared with: the baselines, and its network behind a shut gate."""
    others: list[Policy] = list(standard_baselines())
    if isinstance(policy, CheckpointPolicy | RefittedPolicy) and not policy.acts:
        others.append(policy.ungated())
    return others


class Origin(NamedTuple):
    """The spans that a policy was fitted on and its run folder; each is None if it is not known."""

    seen: Seen | None
    run: Path | None


def make_ready(policy: Policy, market: Market, costs: Costs) -> None:
    """Bind a policy to the market, after passing the trading costs to one that simulates its own account."""
    if isinstance(policy, Charged):
        policy.charge(costs)
    policy.bind(market)


def origin_of(policy: Policy) -> Origin:
    """Return the origin of a policy, which is known only for trained policies."""
    if isinstance(policy, RefittedPolicy):
        return Origin(policy.seen, policy.path if RunFolder(policy.path).command.is_file() else None)
    if not isinstance(policy, CheckpointPolicy):
        return Origin(None, None)
    return Origin(policy.seen, None if policy.path is None else run_of(policy.path))
