"""Options for files that are ambiguous themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rlx.errors import DataError, did_you_mean

DECIMALS = {"auto": None, "point": ".", "comma": ","}


@dataclass(frozen=True)
class ReadOptions:
    """How price files are read: ``data.close_only``, ``data.decimal`` and ``data.price_scale``.

    ``decimal``: auto, point or comma. ``price_scale``: the divisor of prices, None to follow the layout.
    """

    close_only: bool = False
    decimal: str = "auto"
    price_scale: float | None = None

    def __post_init__(self) -> None:
        if self.decimal not in DECIMALS:
            hint = did_you_mean(str(self.decimal), DECIMALS)
            raise DataError(f"data.decimal={self.decimal!r}: unknown.{hint} Allowed: {', '.join(DECIMALS)}.")
        if self.price_scale is not None and not (self.price_scale > 0 and math.isfinite(self.price_scale)):
            raise DataError(f"data.price_scale={self.price_scale}: the divisor of prices must be above 0.")

    @property
    def mark(self) -> str | None:
        """The declared decimal mark, or None."""
        return DECIMALS[self.decimal]
