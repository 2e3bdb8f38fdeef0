"""How many CPU threads simulate: accounts are independent, so each thread plays a share of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from rlx.errors import ConfigError

WORTH_A_THREAD = 512  # account steps; below, distributing work takes longer than doing it


class _Workers:
    n_threads = 1
    pool: ThreadPoolExecutor | None = None


def set_num_threads(n_threads: int) -> None:
    """Let the compiled engine use up to ``n_threads`` threads of this process; results do not depend on it."""
    if isinstance(n_threads, bool) or not isinstance(n_threads, int) or n_threads < 1:
        raise ConfigError(f"n_threads={n_threads!r}: must be a whole number, at least 1.")
    if n_threads != _Workers.n_threads:
        _forget_pool()
    _Workers.n_threads = n_threads


def get_num_threads() -> int:
    """Return how many threads the compiled engine may use."""
    return _Workers.n_threads


def share_accounts(play: Callable[[int, int], None], first: int, last: int, n_steps: int) -> None:
    """Call ``play(from, to)`` over accounts ``first`` .. ``last`` - 1 in as many shares as are worth a thread.

    ``play`` must release the GIL and may run in several threads at once. An error in any share is raised.
    """
    n_shares = min(_Workers.n_threads, last - first, (last - first) * n_steps // WORTH_A_THREAD)
    if n_shares < 2:
        play(first, last)
        return
    if _Workers.pool is None:
        _Workers.pool = ThreadPoolExecutor(_Workers.n_threads - 1, thread_name_prefix="rlx-sim")
    borders = [first + (last - first) * share // n_shares for share in range(n_shares + 1)]
    others = [_Workers.pool.submit(play, *share) for share in pairwise(borders[1:])]
    play(*borders[:2])
    for other in others:
        other.result()


def _forget_pool() -> None:
    _Workers.pool = None


os.register_at_fork(after_in_child=_forget_pool)  # threads do not survive a fork
