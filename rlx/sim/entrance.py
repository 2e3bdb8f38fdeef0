"""The checks of the simulator's inputs, the same for every entry point, of arrays and tensors.

A return below -1 would be a price below zero; exactly -1 is a total loss, which ruins an account that holds nothing
else.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rlx.errors import DataError
from rlx.ranges import Whole, check
from rlx.types import IntArray
from rlx.untrusted.shown import as_typed

Shape = tuple[int | None, ...]
MOST_ACCOUNTS = 100_000_000


def is_tensor(array: Any) -> bool:
    """Return whether this is a torch tensor, without importing torch."""
    return hasattr(array, "requires_grad")


def given(name: str, value: Any, shape: Shape) -> Any:
    """Return a value as an array or tensor of this shape with finite numbers; DataError where it is not.

    None in ``shape`` is any length.
    """
    array = numbers(name, value)
    check_shape(name, array, shape)
    check_finite(name, array)
    return array


def numbers(name: str, value: Any) -> Any:
    """Return tensors unchanged and anything else as an array of real numbers; DataError where that fails."""
    if type(value) is np.ndarray and value.dtype.kind == "f":  # at every step
        return value
    if is_tensor(value):
        return value
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{name}: must be an array of numbers, with rows of one length.") from error
    if array.dtype.kind in "fiub":
        return array
    if array.ndim == 0:
        raise DataError(f"{name}={as_typed(value)}: must be real numbers.")
    raise DataError(f"{name} have type {array.dtype}: must be real numbers.")


def bars_given(name: str, value: Any, shape: Shape) -> IntArray:
    """Return whole numbers of this shape, int64; DataError for any others."""
    array = numbers(name, value)
    check_shape(name, array, shape)
    array = np.asarray(array)
    if array.dtype.kind not in "iu":
        raise DataError(f"{name} have type {array.dtype}: must be whole numbers.")
    return array.astype(np.int64)


def count_given(name: str, value: Any) -> int:
    """Return a number of accounts; ConfigError where it is not one."""
    count = int(value) if isinstance(value, np.integer) else value
    check(name, count, Whole(1, MOST_ACCOUNTS))
    return int(count)


def check_shape(name: str, array: Any, shape: Shape) -> None:
    """Raise DataError unless an array has this shape, in which None is any length, and an asset on its last axis."""
    there = tuple(array.shape)
    fits = there == shape or (
        len(there) == len(shape) and all(want in (None, have) for want, have in zip(shape, there, strict=True))
    )
    if fits and there[-1] > 0:
        return
    if fits:
        raise DataError(f"{name} have shape {there}: there must be at least one asset.")
    wanted = ", ".join("any" if length is None else str(length) for length in shape)
    wanted = f"{wanted}," if len(shape) == 1 else wanted
    if there == ():
        raise DataError(f"{name}={as_typed(array)}: must be an array of shape ({wanted}).")
    raise DataError(f"{name} have shape {there}: must be ({wanted}).")


def check_finite(name: str, array: Any) -> None:
    """Raise DataError naming the first value that is not finite, and where it is.

    Only the sum is checked first, because this runs at every step.
    """
    values = array.detach() if is_tensor(array) else array
    if math.isfinite(values.sum()):
        return
    values = values.cpu().numpy() if is_tensor(values) else values
    where = np.argwhere(~np.isfinite(values))
    if where.size == 0:
        raise DataError(f"{name}: must add up to a finite number.")
    at = tuple(int(i) for i in where[0])
    raise DataError(f"{name}{list(at)}={values[at]}: must be finite.")


def check_returns(name: str, array: Any, *, lose_all: bool = True) -> None:
    """Raise DataError for returns that are not finite or below -1, or at -1 where not ``lose_all`` is possible."""
    check_finite(name, array)
    values = array.detach() if is_tensor(array) else array
    if 0 in values.shape or (lowest := float(values.min())) > -1.0 or (lose_all and lowest == -1.0):
        return
    bound = "at least" if lose_all else "above"
    raise DataError(f"{name} go down to {lowest:g}: must be {bound} -1, because no price falls below zero.")
