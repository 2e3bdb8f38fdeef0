"""Draw tokens from logits with given random numbers, so that a path depends on its own seed and on nothing else."""

from __future__ import annotations

import torch
from torch import Tensor


def drawn_tokens(logits: Tensor, uniform: Tensor, temperature: float, top_k: int, top_p: float) -> Tensor:
    """Return one token (N,) int64 per row of logits (N, V), by the inverse of its distribution at ``uniform`` (N,).

    The distribution is that of the logits / ``temperature``, limited to the ``top_k`` most probable tokens (0 for all)
    and to the fewest of them that have together the probability ``top_p`` (Holtzman et al. 2020).
    """
    logits = logits.double() / temperature
    if 0 < top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(top_k).values[:, -1:], -torch.inf)
    probability = logits.softmax(-1)
    if top_p < 1.0:
        ordered, order = probability.sort(descending=True, stable=True)
        before = ordered.cumsum(-1) - ordered
        probability = probability.masked_fill((before >= top_p).gather(-1, order.argsort(-1)), 0.0)
    cumulated = probability.cumsum(-1)
    wanted = uniform.double().to(cumulated.device)[:, None] * cumulated[:, -1:]
    return torch.searchsorted(cumulated, wanted, right=True)[:, 0].clamp_max(logits.shape[-1] - 1)
