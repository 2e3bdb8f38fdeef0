"""The decisions covered by a record of some dates."""

from __future__ import annotations

import numpy as np

from rlx.data.splits import Span
from rlx.types import IntArray


def covered_span(bars: IntArray, n_bars: int) -> Span:
    """Return the decisions from the first of ``bars``, sorted, to the last plus one typical gap between them.

    A single bar covers everything from it on. The span is empty when the first bar is the market's last, after which
    nothing can be earned.
    """
    distinct, end = np.unique(bars), n_bars - 1
    typical = end if distinct.size == 1 else int(np.median(np.diff(distinct)))
    return Span(int(distinct[0]), min(int(distinct[-1]) + typical, end))
