"""GRPO on the simulator: groups of sampled allocation paths through the same windows, compared with each other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Dirichlet
from torch.utils.checkpoint import checkpoint

from rlx.compilation import Compiler
from rlx.decisions.segments import Segment
from rlx.decisions.tilt import TiltHead
from rlx.learners.differentiable_market.config import DifferentiableMarketConfig
from rlx.learners.differentiable_market.grpo import Group, group_losses, group_measures
from rlx.learners.differentiable_market.rewards import PathReward
from rlx.learners.measures import means
from rlx.learners.path_learner import PathLearner
from rlx.policies.networks.gru_tilt import GruTilt


class DifferentiableMarketLearner(PathLearner):
    """Samples groups of paths from the GRU's distributions, and learns from the better paths of each group."""

    module = "differentiable_market"
    config_type = DifferentiableMarketConfig
    config: DifferentiableMarketConfig
    net: GruTilt

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        market, span = self.market, self.cross_fit.span
        covariance = np.cov(market.returns[span.start : span.stop].T).reshape(market.n_assets, market.n_assets)
        self.reward = PathReward(self.config, market.periods_per_year, torch.as_tensor(covariance, dtype=torch.float32))

    def build_network(self) -> GruTilt:
        """Return the GRU under the limits of trading."""
        config = self.config
        return GruTilt(
            head=TiltHead.under(self.rules.limits),
            n_features=len(self.feature_names),
            window_steps=config.window_steps,
            smooth_steps=config.smooth_steps,
            n_members=len(self.cross_fit.members),
            sharpness=config.sharpness,
            hidden_size=config.hidden_size,
            n_layers=config.n_layers,
            concentration=config.concentration,
            min_concentration=config.min_concentration,
        )

    @property
    def env_steps_per_update(self) -> int:
        """Number of account steps simulated in one update: every path is an account."""
        return self.config.n_paths * super().env_steps_per_update

    def compile_networks(self, compiler: Compiler) -> None:
        """Compile so that a graph allows several backward passes: the diagnosis makes one for each term."""
        if compiler.used != "off":
            from torch._functorch import config

            config.donated_buffer = False
        super().compile_networks(compiler)

    def learn(self, segment: Segment) -> Mapping[str, float]:
        """Sample groups of paths microbatch by microbatch, and add up their gradients."""
        n_members = len(self.cross_fit.members)
        rows = torch.arange(segment.size).view(n_members, -1)  # of each member
        size = self.config.microbatch_windows or rows.shape[1]
        diagnose = self.totals.updates % self.config.diagnose_every_updates == 0
        logged: Counter[str] = Counter()
        gradients: dict[str, Tensor] = {}
        for first in range(0, rows.shape[1], size):
            part = segment.select(rows[:, first : first + size].flatten())
            group, share = self.sample(part), part.size / segment.size
            weight = n_members * share  # each member minimises its own mean
            losses = {name: weight * loss for name, loss in group_losses(group, self.config).items()}
            if diagnose:
                gradients = {name: gradients.get(name, 0.0) + self._gradient(loss) for name, loss in losses.items()}
            total = torch.stack(list(losses.values())).sum()
            self.manual_backward(total + share * self.weight_penalty())
            measured = means(
                {"loss": total / weight, **group_measures(group), "excess_growth": self._excess_growth(group, part)}
            )
            logged.update({name: share * value for name, value in measured.items()})
        norms = {name: float(gradients[name].norm()) if diagnose else math.nan for name in losses}
        return {**logged, **{f"grad_norm_{name}": norm for name, norm in norms.items()}}

    def sample(self, segment: Segment) -> Group:
        """Sample ``n_paths`` paths for each window of the segment and simulate them."""
        pathwise, n_paths = self.config.gradient == "pathwise", self.config.n_paths
        concentration = self.net.concentrations(self._recomputed(self.net, segment.features).float())  # (B, T, A)
        with torch.no_grad():
            reference = self.net.concentrations(self.averaged(segment.features).float())
        repeated = concentration.unsqueeze(1).expand(-1, n_paths, -1, -1)  # (B, K, T, n)
        with torch.set_grad_enabled(pathwise):
            parts = Dirichlet(repeated, validate_args=False).rsample()
            targets = self.net.sampled(parts).flatten(0, 1)  # (B x K, T, A)
            tape = segment.tape.map(lambda series: series.repeat_interleave(n_paths, dim=0))
            outcome = self._recomputed(self.simulate, targets, Segment(segment.features, tape))
            terms = {name: term.view(segment.size, n_paths) for name, term in self.reward(outcome).items()}
        return Group(concentration, reference, parts, terms, outcome)

    def _excess_growth(self, group: Group, segment: Segment) -> Tensor:
        """Return the annual rewards of the sampled paths over those of equal weights, averaged."""
        sampled = group.outcome["reward"].detach().mean()
        return self.market.periods_per_year * (sampled - self.equal_weight(segment).mean())

    def _gradient(self, loss: Tensor) -> Tensor:
        """Return the flattened gradient of one loss."""
        parameters = list(self.net.parameters())
        found = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
        return torch.cat([gradient.flatten() for gradient in found])

    def _recomputed(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call ``function``; with gradient checkpointing, the backward pass recomputes its activations."""
        if not self.config.gradient_checkpointing:
            return function(*arguments)
        return checkpoint(function, *arguments, use_reentrant=False)
