"""A transformer trained through the differentiable simulator, on the net growth of the paths that it trades."""

from __future__ import annotations

from collections.abc import Mapping

from rlx.decisions.segments import Segment
from rlx.decisions.tilt import TiltHead
from rlx.learners.hftraining.config import HftrainingConfig
from rlx.learners.hftraining.loss import path_loss
from rlx.learners.measures import means, path_measures
from rlx.learners.path_learner import PathLearner
from rlx.policies.networks.attention_tilt import AttentionTilt


class HftrainingLearner(PathLearner):
    """Minimises ``path_loss`` of the paths that the transformer's decisions produce."""

    module = "hftraining"
    config_type = HftrainingConfig
    config: HftrainingConfig

    def build_network(self) -> AttentionTilt:
        """Return the network under the limits of trading."""
        config = self.config
        return AttentionTilt(
            head=TiltHead.under(self.rules.limits, leverage_head=config.leverage_head),
            n_features=len(self.feature_names),
            window_steps=config.window_steps,
            smooth_steps=config.smooth_steps,
            n_members=len(self.cross_fit.members),
            sharpness=config.sharpness,
            times_market=config.times_market,
            d_model=config.d_model,
            n_heads=config.n_heads,
            n_layers=config.n_layers,
            dropout=config.dropout,
        )

    def learn(self, segment: Segment) -> Mapping[str, float]:
        """Simulate the network's decisions and differentiate their loss."""
        scores, exposure = self.net(segment.features).float(), self.net.exposure(segment.features)
        targets = self.net.head.weights(scores, exposure)
        outcome = self.simulate(targets, segment)
        excess = outcome["reward"] - self.equal_weight(segment)
        n_members = len(self.cross_fit.members)
        loss, parts = path_loss(outcome, excess, self.config, self.market.periods_per_year, n_members)
        self.manual_backward(n_members * loss + self.weight_penalty())  # each member minimises its own loss
        return means({"loss": loss, **parts, **path_measures(outcome)})
