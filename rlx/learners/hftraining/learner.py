"""A transformer trained through the differentiable simulator, on the net growth of the paths that it trades."""

from __future__ import annotations

from collections.abc import Mapping

from rlx.decisions.head import AllocationHead
from rlx.decisions.segments import Segment
from rlx.learners.hftraining.config import HftrainingConfig
from rlx.learners.hftraining.loss import path_loss
from rlx.learners.measures import means, path_measures
from rlx.learners.path_learner import PathLearner
from rlx.policies.networks.transformer import TransformerAllocation


class HftrainingLearner(PathLearner):
    """Minimises ``path_loss`` of the paths that the transformer's decisions produce."""

    module = "hftraining"
    config_type = HftrainingConfig
    config: HftrainingConfig

    def build_network(self) -> TransformerAllocation:
        """Return the transformer under the limits of trading."""
        config = self.config
        head = AllocationHead.under(
            self.rules.limits,
            self.market.n_assets,
            leverage_head=config.leverage_head,
            logit_scale=config.logit_scale,
        )
        return TransformerAllocation(
            head=head,
            n_features=len(self.feature_names),
            window_steps=config.window_steps,
            d_model=config.d_model,
            n_heads=config.n_heads,
            n_layers=config.n_layers,
            dropout=config.dropout,
        )

    def learn(self, segment: Segment) -> Mapping[str, float]:
        """Simulate the network's decisions and differentiate their loss."""
        targets = self.net.targets(self.net(segment.features).float())
        outcome = self.simulate(targets, segment)
        loss, parts = path_loss(outcome, targets, self.config, self.market.periods_per_year)
        self.manual_backward(loss)
        return means({"loss": loss, **parts, **path_measures(outcome)})
