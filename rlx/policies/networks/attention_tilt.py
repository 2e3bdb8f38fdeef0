"""A tilt whose members attend over the past of each asset and over the assets of each bar."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rlx.decisions.tilt import TiltHead
from rlx.policies.networks.tilt import TiltNetwork
from rlx.policies.networks.transformer import Block, shared_lags


class AttentionTilt(TiltNetwork):
    """Members are pre-norm transformers (Vaswani et al. 2017, arXiv:1706.03762) with one token per asset and bar.

    Every block attends over the past of each asset, then over the assets of each bar, then runs a perceptron. With
    ``n_layers`` of 0 a member is a perceptron with ``d_model`` hidden units, which sees one bar of one asset.
    """

    rescaling = TiltNetwork.rescaling | {"dropout"}

    def __init__(
        self,
        head: TiltHead,
        n_features: int,
        window_steps: int,
        smooth_steps: int,
        n_members: int,
        sharpness: float,
        times_market: bool,
        d_model: int,
        n_heads: int,
        n_layers: int,
        dropout: float,
    ) -> None:
        super().__init__(
            lambda lookback: Encoder(n_features, lookback, d_model, n_heads, n_layers, dropout),
            head,
            n_features,
            window_steps,
            smooth_steps,
            n_members,
            sharpness,
            times_market=times_market,
            d_model=d_model,
            n_heads=n_heads,
            n_layers=n_layers,
            dropout=dropout,
        )


class Encoder(nn.Module):
    """A perceptron with one hidden layer, between whose layers there may be blocks of attention."""

    def __init__(
        self, n_features: int, lookback: int, d_model: int, n_heads: int, n_layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(n_features, d_model)
        nn.init.normal_(self.embed.weight, std=n_features**-0.5)
        nn.init.zeros_(self.embed.bias)
        self.blocks = nn.ModuleList(
            Block(d_model, n_heads, lags, dropout) for lags in (shared_lags(lookback - 1, n_layers) if n_layers else ())
        )
        self.score = nn.Linear(d_model, 1, bias=False)
        nn.init.zeros_(self.score.weight)
        self.lookback = lookback

    def forward(self, seen: Tensor) -> Tensor:
        """Return scores (B, L - lookback + 1, A) of relative features (B, L, A, F)."""
        x = torch.tanh(self.embed(seen))
        bars = torch.arange(x.shape[1], device=x.device)
        lag = bars[:, None] - bars[None, :]  # (L, L), negative where the other bar is in the future
        for block in self.blocks:
            x = block(x, lag)
        scores: Tensor = self.score(x[:, self.lookback - 1 :])
        return scores.squeeze(-1)
