"""The simulator: every return, cost and guard in the project is computed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlx.sim.rules import Cooldown, Costs, Guard, Limits, Reward, Rules

if TYPE_CHECKING:
    from rlx.sim.accounts import Accounts
    from rlx.sim.ledger import Ledger
    from rlx.sim.replay import simulate
    from rlx.sim.threads import get_num_threads, set_num_threads

_LAZY = {
    "Accounts": "rlx.sim.accounts",
    "Ledger": "rlx.sim.ledger",
    "get_num_threads": "rlx.sim.threads",
    "set_num_threads": "rlx.sim.threads",
    "simulate": "rlx.sim.replay",
}

__all__ = [
    "Accounts",
    "Cooldown",
    "Costs",
    "Guard",
    "Ledger",
    "Limits",
    "Reward",
    "Rules",
    "get_num_threads",
    "set_num_threads",
    "simulate",
]


def __getattr__(name: str) -> Any:
    """Import the engines on first use, so that configuration stays light."""
    if name not in _LAZY:
        raise AttributeError(f"module 'rlx.sim' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
