"""What equal weights earn at every step, to be subtracted from rewards: an action is paid for what it adds to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rlx.envs.portfolio import PortfolioTask
from rlx.sim.accounts import Accounts


def over_equal_weights(task: PortfolioTask) -> PortfolioTask:
    """Return the task with the rewards of an account as baseline that trades to equal weights at every step.

    They are what the task's head, a ``ScoreHead``, reads from scores of zero. The account trades the whole span under
    the same rules, and has bought them before its first step.
    """
    market, span = task.market, task.span
    account = Accounts.of(market, task.rules, 1, cvar=task.cvar, uncertainty=task.uncertainty, keep_weights=False)
    account.reset(np.array([span.start]))
    nothing = np.zeros((1, task.head.n_actions)), np.zeros((1, market.n_assets))
    equal = task.head.targets(*nothing)
    account.books.weights[:, : market.n_assets] = equal
    rewards = np.zeros(len(market.returns))
    for step in range(span.start, span.stop):
        rewards[step] = account.trade(equal).reward[0]
    return replace(task, baseline=rewards)
