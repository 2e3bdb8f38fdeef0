"""Where the arrays of compiled accounts lie in memory."""

from __future__ import annotations

import pytest

from rlx.sim.books import LANES, make_scratch


@pytest.mark.parametrize("n_assets", [1, 5, 8, 30])
def test_working_arrays_are_a_cache_line_apart(n_assets: int) -> None:
    arrays = make_scratch(n_assets)
    line = LANES * arrays.held.itemsize
    starts = sorted(array.ctypes.data for array in arrays)
    ends = [start + arrays.held.nbytes for start in starts]
    assert all(array.flags.c_contiguous and array.size >= n_assets for array in arrays)
    assert all(later - end >= line for end, later in zip(ends, starts[1:], strict=False))
    whole = arrays.held.base
    assert starts[0] - whole.ctypes.data >= line and whole.ctypes.data + whole.nbytes - ends[-1] >= line
