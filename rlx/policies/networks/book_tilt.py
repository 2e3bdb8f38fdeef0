"""Baskets of assets, each held at equal weights plus a tilt by forecasts, and combined into one book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from rlx.decisions.scores import ScoreHead
from rlx.decisions.tilt import TiltHead
from rlx.policies.networks.account_tilt import Actor, AssetInputs
from rlx.policies.networks.book import Book
from rlx.types import FloatArray


class BookTilt(Book):
    """A network for each basket that scores its assets by their signals, with weights shared by these.

    Before training all scores are zero, and every basket is held at equal weights. ``sharpness`` multiplies the scores;
    a basket moves ``speed`` of the way to the weights they ask for.
    """

    rescaling = frozenset({"max_gross", "leverage_head", "sharpness", "speed"})

    def __init__(
        self,
        head: TiltHead,
        n_assets: int,
        n_features: int,
        window_steps: int,
        forecaster: Mapping[str, Any],
        shared_forecaster: bool,
        baskets: Sequence[Sequence[int]],
        shares: Sequence[float],
        hidden_size: int,
        sharpness: float,
        speed: float,
    ) -> None:
        super().__init__(
            n_assets,
            n_features,
            window_steps,
            forecaster,
            shared_forecaster,
            baskets,
            shares,
            hidden_size=hidden_size,
            sharpness=sharpness,
            speed=speed,
            **head.bounds(),
        )
        self.sharpness = sharpness
        self.heads = [ScoreHead(len(basket), head, speed) for basket in baskets]
        self.inputs = nn.ModuleList(AssetInputs(self.width, 1) for _ in baskets)
        self.actors = nn.ModuleList(Actor(self.width + 1, hidden_size, head.leverage_head) for _ in baskets)

    def act(self, number: int, encoded: FloatArray, held: FloatArray) -> FloatArray:
        """Return the weights of the basket's mean scores."""
        head = self.heads[number]
        with torch.inference_mode():
            actions = self.actors[number](*self.inputs[number](torch.from_numpy(encoded))).numpy()
        actions[:, : head.n_assets] *= self.sharpness
        return head.targets(actions, held)
