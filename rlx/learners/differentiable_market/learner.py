"""GRPO on the simulator: groups of sampled allocation paths through the same windows, judged against each other."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Dirichlet
from torch.utils.checkpoint import checkpoint

from rlx.learners.differentiable_market.config import DifferentiableMarketConfig
from rlx.learners.differentiable_market.grpo import Group, group_losses, group_metrics, loss_names
from rlx.learners.differentiable_market.rewards import PathReward
from rlx.learners.path_learner import PathLearner
from rlx.learners.paths import Stretch
from rlx.policies.networks.gru_dirichlet import GruDirichlet


class DifferentiableMarketLearner(PathLearner):
    """Samples groups of paths from the GRU's distributions, and learns which of a group did better."""

    module = "differentiable_market"
    config_type = DifferentiableMarketConfig
    config: DifferentiableMarketConfig
    net: GruDirichlet

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        market, span = self.market, self.splits.train
        covariance = np.cov(market.returns[span.start : span.stop].T).reshape(market.n_assets, market.n_assets)
        self.reward = PathReward(self.config, market.periods_per_year, torch.as_tensor(covariance, dtype=torch.float32))

    def build_network(self) -> GruDirichlet:
        """Return the GRU under the limits of trading."""
        config = self.config
        return GruDirichlet(
            n_assets=self.market.n_assets,
            n_features=len(self.feature_names),
            window_steps=config.window_steps,
            hidden_size=config.hidden_size,
            n_layers=config.n_layers,
            long_only=self.rules.limits.long_only,
            max_gross=self.max_gross,
            min_concentration=config.min_concentration,
            initial_concentration=config.initial_concentration,
        )

    @property
    def env_steps_per_update(self) -> int:
        """Account steps played in one update: every path is an account."""
        return self.config.n_paths * super().env_steps_per_update

    def learn(self, stretch: Stretch) -> Mapping[str, float]:
        """Sample groups of paths microbatch by microbatch, and add their gradients up."""
        size = self.config.microbatch_windows or stretch.size
        diagnose = self.totals.updates % self.config.diagnose_every_updates == 0
        diagnose = diagnose and self.compiler.used == "off"  # a compiled graph cannot be gone through twice
        metrics: defaultdict[str, float] = defaultdict(float)
        norms = {f"grad_norm_{name}": math.nan for name in loss_names(self.reward.active, self.config)}
        gradients: dict[str, Tensor] = {}
        for first in range(0, stretch.size, size):
            part = stretch.select(slice(first, first + size))
            group, share = self.sample(part), part.size / stretch.size
            losses = {name: share * loss for name, loss in group_losses(group, self.config).items()}
            if diagnose:
                for name, loss in losses.items():
                    gradients[name] = gradients.get(name, torch.zeros(())) + self._gradient(loss)
            total = torch.stack(list(losses.values())).sum()
            self.manual_backward(total)
            metrics["loss"] += float(total.detach())
            for name, value in group_metrics(group).items():
                metrics[name] += share * value
        norms |= {f"grad_norm_{name}": float(gradient.norm()) for name, gradient in gradients.items()}
        return {**metrics, **norms}

    def sample(self, stretch: Stretch) -> Group:
        """Sample ``n_paths`` paths for each stretch and let the simulator play them."""
        pathwise, n_paths = self.config.gradient == "pathwise", self.config.n_paths
        concentration: Tensor = self._recomputed(self.net, stretch.features).float()  # (B, T, n)
        with torch.no_grad():
            reference = self.averaged(stretch.features).float()
        repeated = concentration.unsqueeze(1).expand(-1, n_paths, -1, -1)  # (B, K, T, n)
        with torch.set_grad_enabled(pathwise):
            parts = Dirichlet(repeated, validate_args=False).rsample()
            targets = self.net.portfolio(parts).flatten(0, 1)  # (B x K, T, A)
            tape = stretch.tape.map(lambda series: series.repeat_interleave(n_paths, dim=0))
            outcome = self._recomputed(self.simulate, targets, Stretch(stretch.features, tape))
            terms = {name: term.view(stretch.size, n_paths) for name, term in self.reward(outcome).items()}
        return Group(concentration, reference, parts, terms, outcome)

    def _gradient(self, loss: Tensor) -> Tensor:
        """Return the gradient of one loss on its own, flat."""
        parameters = list(self.net.parameters())
        found = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
        return torch.cat([gradient.flatten() for gradient in found])

    def _recomputed(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call ``function``; with gradient checkpointing its insides are computed again in the backward pass."""
        if not self.config.gradient_checkpointing:
            return function(*arguments)
        return checkpoint(function, *arguments, use_reentrant=False)
