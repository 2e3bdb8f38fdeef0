"""Segments of the training span as tensors: what a policy sees of them, and what they pay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.splits import Span
from rlx.decisions.risk import priced_risk
from rlx.errors import ConfigError, DataError
from rlx.sim.rules import Rules
from rlx.sim.torch_state import Step
from rlx.types import Execution


class Segment(NamedTuple):
    """B segments of T decisions, with the W - 1 bars before the first that a window of W bars needs."""

    features: Tensor  # (B, W - 1 + T, A, F) normalized, float32
    tape: Step  # tensors (B, T, A)

    @property
    def size(self) -> int:
        """Number of segments B."""
        return self.features.shape[0]

    def select(self, rows: slice | Tensor) -> Segment:
        """Return some of the segments."""
        return Segment(self.features[rows], self.tape.map(lambda series: series[rows]))


class Segments(nn.Module):
    """Draws segments of a span; its buffers hold that span and nothing after it, and follow the module's device.

    ``starts`` are the allowed first decisions as indices into the span, for each member that draws: by default there is
    one, and all are allowed.

    Raises ConfigError when the span is shorter than a segment, and DataError when the rules trade at opens that the
    market does not have.
    """

    features: Tensor  # (W - 1 + N, A, F)
    returns: Tensor  # (N, A)
    overnight: Tensor | None
    cvar: Tensor | None
    uncertainty: Tensor | None

    def __init__(
        self,
        market: Market,
        rules: Rules,
        span: Span,
        feature_names: Sequence[str],
        normalizer: Normalizer,
        window_steps: int,
        rollout_steps: int,
    ) -> None:
        super().__init__()
        if not rollout_steps <= len(span):
            raise ConfigError(
                f"module.rollout_steps={rollout_steps}: must be at most {len(span)}, the decisions of the training "
                "span. Lower it, or give the training split more bars."
            )
        self.window_steps, self.rollout_steps = window_steps, rollout_steps
        self.starts = [torch.arange(len(span) - rollout_steps + 1)]
        self._keep("features", normalizer.apply(market.features(feature_names)[span.bars_seen(window_steps)]))
        self._keep("returns", market.returns[span.start : span.stop])
        overnight = None
        if rules.execution is Execution.next_open:
            overnight = market.overnight_returns
            if overnight is None:
                raise DataError("execution=next_open needs opening prices, and this market has none: use close.")
            overnight = overnight[span.start : span.stop]
        self._keep("overnight", overnight)
        for name, tape in zip(("cvar", "uncertainty"), priced_risk(market, rules.reward), strict=True):
            self._keep(name, None if tape is None else tape[span.start : span.stop])

    def _keep(self, name: str, values: object) -> None:
        tensor = None if values is None else torch.as_tensor(values, dtype=torch.float32).contiguous()
        self.register_buffer(name, tensor, persistent=False)

    def draw(self, n: int, feature_noise: float = 0.0) -> Segment:
        """Return ``n`` segments at random ``starts`` for each of its members, with noise on their features.

        The random numbers are those of torch's generators.
        """
        drawn = [allowed[torch.randint(len(allowed), (n,))] for allowed in self.starts]
        segment = self.at(torch.cat(drawn).to(self.returns.device))  # drawn on the CPU: the same on any device
        if feature_noise == 0.0:
            return segment
        return segment._replace(features=segment.features + feature_noise * torch.randn_like(segment.features))

    def at(self, starts: Tensor) -> Segment:
        """Return the segments whose first decisions are those of index ``starts`` (B,) in the span."""
        steps = torch.arange(self.rollout_steps, device=starts.device)
        bars = torch.arange(self.window_steps - 1 + self.rollout_steps, device=starts.device)
        paid = starts[:, None] + steps
        optional = (self.overnight, self.cvar, self.uncertainty)
        others = (None if series is None else series[paid] for series in optional)
        return Segment(self.features[starts[:, None] + bars], Step(self.returns[paid], *others))
