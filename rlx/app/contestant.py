"""A policy about to be judged: made ready for where it is, and what is known of where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rlx.data.market import Market
from rlx.evaluate.seen import Seen
from rlx.policies.base import Charged, Policy
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.run_folder import run_of
from rlx.sim.rules import Costs


class Origin(NamedTuple):
    """The spans a policy was fitted on and the run folder it lies in, each None where that is not known."""

    seen: Seen | None
    run: Path | None


def make_ready(policy: Policy, market: Market, costs: Costs) -> None:
    """Give a policy the costs of trading, where it keeps books of its own, and bind it to the market."""
    if isinstance(policy, Charged):
        policy.charge(costs)
    policy.bind(market)


def origin_of(policy: Policy) -> Origin:
    """Return where a policy comes from, which is known of trained ones alone."""
    if not isinstance(policy, CheckpointPolicy):
        return Origin(None, None)
    return Origin(policy.seen, None if policy.path is None else run_of(policy.path))
