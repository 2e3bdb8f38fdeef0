"""A causal GRU over each asset's bars, whose outputs are the concentrations of a Dirichlet distribution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from rlx.policies.networks.sequence import SequenceNetwork


class GruDirichlet(SequenceNetwork):
    """Gated recurrent unit (Cho et al. 2014, arXiv:1406.1078), shared by the assets, from a zero state each window.

    The parts of a portfolio are the assets and a reserve when ``long_only``, else long sides, short sides and a
    reserve. Concentrations are ``min_concentration`` plus a softplus; the decision is the mean of the distribution,
    and a portfolio is ``max_gross`` times the long less the short parts.
    """

    rescaling = frozenset({"max_gross", "min_concentration", "initial_concentration"})

    def __init__(
        self,
        n_assets: int,
        n_features: int,
        window_steps: int,
        hidden_size: int,
        n_layers: int,
        long_only: bool,
        max_gross: float,
        min_concentration: float,
        initial_concentration: float,
    ) -> None:
        super().__init__(
            n_assets=n_assets,
            n_features=n_features,
            window_steps=window_steps,
            hidden_size=hidden_size,
            n_layers=n_layers,
            long_only=long_only,
            max_gross=max_gross,
            min_concentration=min_concentration,
            initial_concentration=initial_concentration,
        )
        self.n_assets, self.window_steps, self.long_only = n_assets, window_steps, long_only
        self.max_gross, self.min_concentration = max_gross, min_concentration
        self.embed = nn.Linear(n_features, hidden_size)
        self.asset = nn.Parameter(torch.randn(n_assets, hidden_size) * 0.02)
        self.gru = nn.GRU(hidden_size, hidden_size, n_layers, batch_first=True)
        self.mix = nn.Linear(2 * hidden_size, hidden_size)  # an asset's own state and the mean over all assets
        self.sides = nn.Linear(hidden_size, 1 if long_only else 2)
        self.reserve = nn.Linear(hidden_size, 1)
        for layer in (self.sides, self.reserve):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.constant_(layer.bias, softplus_inverse(initial_concentration - min_concentration))

    @property
    def n_parts(self) -> int:
        """Number of parts of a portfolio, the reserve last."""
        return self.n_assets * (1 if self.long_only else 2) + 1

    def forward(self, features: Tensor) -> Tensor:
        """Return concentrations (B, T, n_parts)."""
        batch, _, n_assets, _ = features.shape
        embedded = self.embed(features) + self.asset  # (B, L, A, H)
        windows = embedded.unfold(1, self.window_steps, 1).permute(0, 1, 2, 4, 3)  # (B, T, A, W, H)
        _, last = self.gru(windows.reshape(-1, *windows.shape[3:]))
        state = last[-1].view(batch, -1, n_assets, last.shape[-1])  # (B, T, A, H)
        market = state.mean(2, keepdim=True).expand_as(state)
        mixed = torch.tanh(self.mix(torch.cat((state, market), dim=-1)))
        sides = self.sides(mixed).transpose(2, 3).flatten(2)  # (B, T, A) longs, then A shorts
        raw = torch.cat((sides, self.reserve(mixed.mean(2))), dim=-1)
        return self.min_concentration + functional.softplus(raw.to(torch.promote_types(raw.dtype, torch.float32)))

    def targets(self, outputs: Tensor) -> Tensor:
        """Return the portfolio of the mean parts."""
        return self.portfolio(outputs / outputs.sum(-1, keepdim=True))

    def portfolio(self, parts: Tensor) -> Tensor:
        """Return target weights (..., A) for parts (..., n_parts), which add up to one."""
        long, short = parts[..., : self.n_assets], parts[..., self.n_assets : -1]
        return self.max_gross * (long if self.long_only else long - short)


def softplus_inverse(value: float) -> float:
    """Return x such that log(1 + exp(x)) = ``value``."""
    return float(torch.log(torch.expm1(torch.tensor(value, dtype=torch.float64, device="cpu"))))
