"""PufferLib's advantage operator for torch on the CPU, which its wheel cannot load without a CUDA runtime library."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rlx.sim.compiled import SOURCES, compiled

NAMESPACE, OPERATOR = "pufferlib", "compute_puff_advantage"
SCHEMA = (
    f"{OPERATOR}(Tensor values, Tensor rewards, Tensor terminals, Tensor importance, Tensor(a!) advantages, "
    "float gamma, float lambda, float rho_clip, float c_clip) -> ()"
)
_registered: list[Any] = []  # an operator lives as long as its library


def register_advantage() -> None:
    """Make ``torch.ops.pufferlib.compute_puff_advantage`` available; a second call changes nothing."""
    if _registered:
        return
    library: Any = torch.library.Library(NAMESPACE, "FRAGMENT")  # type: ignore[no-untyped-call]
    library.define(SCHEMA)
    library.impl(OPERATOR, write_advantages, "CPU")
    _registered.append(library)


def write_advantages(
    values: Tensor,
    rewards: Tensor,
    terminals: Tensor,
    importance: Tensor,
    advantages: Tensor,
    gamma: float,
    gae_lambda: float,
    rho_clip: float,
    c_clip: float,
) -> None:
    """Write the advantages of S segments of T steps into ``advantages`` (S, T) float32; no gradients flow.

    rewards, terminals: (S, T), of the step that led to column t, so that column t uses those of t + 1. The last column
    has no successor and is unchanged. importance: (S, T) probability ratios of the current policy to the one that
    acted. Generalized advantage estimation (Schulman et al. 2015, arXiv:1506.02438) with the clipped ratios of V-trace
    (Espeholt et al. 2018, arXiv:1802.01561): errors are weighted by min(ratio, ``rho_clip``), later terms by min(ratio,
    ``c_clip``).
    """
    arrays = [tensor.detach().contiguous().numpy() for tensor in (values, rewards, terminals, importance)]
    written = advantages.detach().contiguous()
    _write(*arrays, written.numpy(), gamma, gamma * gae_lambda, rho_clip, c_clip)
    if written.data_ptr() != advantages.data_ptr():
        advantages.copy_(written)


@compiled
def _write(values, rewards, terminals, importance, advantages, gamma, decay, rho_clip, c_clip, _=SOURCES):  # type: ignore[no-untyped-def]
    for s in range(values.shape[0]):
        following = 0.0
        for t in range(values.shape[1] - 2, -1, -1):
            goes_on = 1.0 - terminals[s, t + 1]
            ratio = importance[s, t]
            error = rewards[s, t + 1] + gamma * goes_on * values[s, t + 1] - values[s, t]
            following = min(ratio, rho_clip) * error + decay * min(ratio, c_clip) * goes_on * following
            advantages[s, t] = following
