"""What the allocation head may be told, for schemas; no heavy imports."""

from __future__ import annotations

from rlx.ranges import Number

LOGIT_SCALE = Number(0.001, 50)  # exp() of 50 is far from overflow
