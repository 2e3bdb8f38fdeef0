"""What an episode that ran out of time would still have earned: the value of its last observation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rlx.envs.portfolio import Transition
from rlx.types import FloatArray, IntArray

Bootstrap = Callable[[FloatArray], FloatArray]
"""Maps final observations (K, D) to values (K,)."""


def add_final_values(rewards: FloatArray, now: Transition, bootstrap: Bootstrap | None, gamma: float) -> IntArray:
    """Add ``gamma`` x the value of what follows to the rewards (B,) of truncated accounts, and return these (K,).

    Time ran out and nothing was lost (Pardo et al. 2018, arXiv:1712.00378). Without ``bootstrap`` there are none.
    """
    in_time = now.truncated[now.finished]
    if bootstrap is None or not in_time.any():
        return np.empty(0, dtype=np.int64)
    accounts: IntArray = now.finished[in_time]
    rewards[accounts] += gamma * bootstrap(now.final_observation[in_time])
    return accounts
