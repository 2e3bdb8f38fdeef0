"""Configuration values that several schemas share, each with its range; no heavy imports."""

from __future__ import annotations

from typing import Annotated

from rlx.ranges import Number, Whole

FEATURE_NOISE = Number(0, 100)

Updates = Annotated[int, Whole(1, 10_000_000)]
Bars = Annotated[int, Whole(1, 10_000)]
Batch = Annotated[int, Whole(1, 65_536)]
Samples = Annotated[int, Whole(1, 65_536)]
HorizonSteps = Annotated[int, Whole(1, 1_000)]
Width = Annotated[int, Whole(1, 8_192)]
Layers = Annotated[int, Whole(1, 64)]
LearningRate = Annotated[float, Number(1e-12, 10)]
Coefficient = Annotated[float, Number(0, 10_000)]
Noise = Annotated[float, FEATURE_NOISE]
GradNorm = Annotated[float, Number(1e-9, 1e9)]
