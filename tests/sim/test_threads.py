"""Accounts shared over threads give the numbers of one thread, and errors come out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from rlx.errors import ConfigError
from rlx.sim import Accounts, Cooldown, Guard, Rules, get_num_threads, set_num_threads, simulate
from rlx.sim.threads import WORTH_A_THREAD, share_accounts
from tests.sim.markets import market

RULES = Rules(guard=Guard(0.02, 0.6, 5, -0.01, 0.0075, 0.4, 0.002), cooldown=Cooldown(4))


@pytest.fixture(autouse=True)
def one_thread_again() -> Iterator[None]:
    yield
    set_num_threads(1)


def test_a_replay_is_the_same_on_any_number_of_threads() -> None:
    returns, targets, _ = market(1, batch=2 * WORTH_A_THREAD // 40 + 3)
    one = simulate(returns[0], targets, guard=RULES.guard, cooldown=RULES.cooldown)
    for n in (2, 3):
        set_num_threads(n)
        many = simulate(returns[0], targets, guard=RULES.guard, cooldown=RULES.cooldown)
        for name in one.names():
            np.testing.assert_array_equal(getattr(many, name), getattr(one, name), err_msg=name)


def test_stepping_is_the_same_on_any_number_of_threads() -> None:
    returns, targets, _ = market(2, batch=2 * WORTH_A_THREAD + 1, steps=6)
    outcomes = []
    for n in (1, 2):
        set_num_threads(n)
        accounts = Accounts(returns[0], RULES, len(targets), periods_per_year=252)
        accounts.reset(np.zeros(len(targets), dtype=np.int64))
        outcomes.append([accounts.step(targets[:, k]).ledger() for k in range(6)][-1])
    for name in outcomes[0].names():
        np.testing.assert_array_equal(getattr(outcomes[1], name), getattr(outcomes[0], name), err_msg=name)


def test_every_account_is_in_one_share_and_small_work_in_one_call() -> None:
    set_num_threads(3)
    shares: list[tuple[int, int]] = []
    share_accounts(lambda first, last: shares.append((first, last)), 7, 7 + 3 * WORTH_A_THREAD, 1)
    assert len(shares) == 3
    assert sorted(a for share in shares for a in range(*share)) == list(range(7, 7 + 3 * WORTH_A_THREAD))
    shares.clear()
    share_accounts(lambda first, last: shares.append((first, last)), 0, WORTH_A_THREAD, 1)
    assert shares == [(0, WORTH_A_THREAD)]


def test_an_error_in_a_share_is_raised() -> None:
    set_num_threads(2)

    def fail_in_the_last(first: int, last: int) -> None:
        if last == 2 * WORTH_A_THREAD:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        share_accounts(fail_in_the_last, 0, 2 * WORTH_A_THREAD, 1)


@pytest.mark.parametrize("n", [0, -1, 1.5, True])
def test_nonsense_is_refused_by_name(n: int) -> None:
    with pytest.raises(ConfigError, match=f"n_threads={n!r}"):
        set_num_threads(n)
    assert get_num_threads() == 1
