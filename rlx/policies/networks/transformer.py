"""A causal transformer over bars and assets, whose receptive field is exactly its window."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rlx.decisions.head import AllocationHead
from rlx.errors import ConfigError
from rlx.policies.networks.sequence import SequenceNetwork

OUTPUT_SCALE = 0.02  # standard deviation of the last layer's first weights: the first decisions are near equal weight


class TransformerAllocation(SequenceNetwork):
    """Pre-norm transformer (Vaswani et al. 2017, arXiv:1706.03762) with one token per asset and bar.

    Every block attends over the past of each asset, then over the assets of each bar, then runs a perceptron. The
    ``window_steps`` - 1 earlier bars are divided among the blocks: their lookbacks together cover exactly the window.
    Scores pass through tanh and an ``AllocationHead``.
    """

    rescaling = frozenset({"dropout", "logit_scale", "max_gross"})

    def __init__(
        self,
        head: AllocationHead,
        n_features: int,
        window_steps: int,
        d_model: int,
        n_heads: int,
        n_layers: int,
        dropout: float,
    ) -> None:
        super().__init__(
            n_assets=head.n_assets,
            n_features=n_features,
            window_steps=window_steps,
            d_model=d_model,
            n_heads=n_heads,
            n_layers=n_layers,
            dropout=dropout,
            **head.bounds(),
        )
        self.head, self.window_steps = head, window_steps
        self.embed = nn.Linear(n_features, d_model)
        self.asset = nn.Parameter(torch.randn(head.n_assets, d_model) * OUTPUT_SCALE)
        self.blocks = nn.ModuleList(
            Block(d_model, n_heads, lags, dropout) for lags in shared_lags(window_steps - 1, n_layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.score = output_layer(d_model, 1)
        of_market = head.n_actions - head.n_assets  # cash and leverage, where there are such actions
        self.market_score = output_layer(d_model, of_market) if of_market else None

    def forward(self, features: Tensor) -> Tensor:
        """Return actions (B, T, n_actions) in [-1, 1]."""
        x = self.embed(features) + self.asset  # (B, L, A, D)
        bars = torch.arange(x.shape[1], device=x.device)
        lag = bars[:, None] - bars[None, :]  # (L, L), negative where the other bar is in the future
        for block in self.blocks:
            x = block(x, lag)
        x = self.norm(x[:, self.window_steps - 1 :])  # (B, T, A, D)
        scores = self.score(x).squeeze(-1)
        if self.market_score is not None:
            scores = torch.cat((scores, self.market_score(x.mean(2))), dim=-1)
        return torch.tanh(scores)

    def targets(self, outputs: Tensor) -> Tensor:
        """Read actions through the allocation head."""
        return self.head.tensor_weights(outputs)


def output_layer(d_model: int, n_outputs: int) -> nn.Linear:
    """Return a layer with small initial outputs."""
    layer = nn.Linear(d_model, n_outputs)
    nn.init.normal_(layer.weight, std=OUTPUT_SCALE)
    nn.init.zeros_(layer.bias)
    return layer


def shared_lags(lags: int, n_layers: int) -> list[int]:
    """Divide ``lags`` earlier bars among the layers as evenly as possible."""
    return [lags // n_layers + (layer < lags % n_layers) for layer in range(n_layers)]


class Block(nn.Module):
    """Attention over the last ``lags`` + 1 bars of an asset, attention over the assets of a bar, and a perceptron."""

    def __init__(self, d_model: int, n_heads: int, lags: int, dropout: float) -> None:
        super().__init__()
        self.over_time = Attention(d_model, n_heads)
        self.over_assets = Attention(d_model, n_heads)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(d_model), nn.Linear(d_model, 2 * d_model), nn.GELU(), nn.Linear(2 * d_model, d_model)
        )
        self.dropout = nn.Dropout(dropout)
        self.lag_bias = nn.Parameter(torch.zeros(n_heads, lags + 1))  # each head's attention bias by lag

    def forward(self, x: Tensor, lag: Tensor) -> Tensor:
        """Return the tokens (B, L, A, D) after one block; ``lag`` (L, L) is the distance between bars."""
        by_asset = self.over_time(x.transpose(1, 2), self.band(lag)).transpose(1, 2)
        x = x + self.dropout(by_asset)
        x = x + self.dropout(self.over_assets(x))
        return cast(Tensor, x + self.dropout(self.perceptron(x)))

    def band(self, lag: Tensor) -> Tensor:
        """Return the bias of attention scores (n_heads, L, L): that of each lag, -inf outside the band."""
        longest = self.lag_bias.shape[1] - 1
        near = lag.clamp(0, longest)
        return torch.where(lag == near, self.lag_bias[:, near], float("-inf"))


class Attention(nn.Module):
    """Pre-norm multi-head self-attention over the last axis but one."""

    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        if d_model % n_heads:
            raise ConfigError(f"d_model={d_model}: must be a multiple of n_heads={n_heads}, which share it.")
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(d_model)
        self.query_key_value = nn.Linear(d_model, 3 * d_model, bias=False)
        self.output = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return tokens (..., S, D) that attended to each other; ``bias`` (n_heads, S, S) is added to the scores."""
        flat = self.norm(x).reshape(-1, x.shape[-2], x.shape[-1])  # (N, S, D)
        parts = self.query_key_value(flat).view(*flat.shape[:2], 3, self.n_heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (N, n_heads, S, D / n_heads)
        attended = functional.scaled_dot_product_attention(query, key, value, None if bias is None else bias.to(query))
        return cast(Tensor, self.output(attended.transpose(1, 2).reshape(flat.shape)).view(x.shape))
