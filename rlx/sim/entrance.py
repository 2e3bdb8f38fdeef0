"""What may come into the simulator: one check for every entrance, of arrays and of tensors.

A return below -1 would be a price below zero; exactly -1 is a total loss, which ruins who holds nothing else.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rlx.errors import DataError


def is_tensor(array: Any) -> bool:
    """Return whether this is a torch tensor, without importing torch."""
    return hasattr(array, "requires_grad")


def numbers(name: str, array: Any) -> Any:
    """Return tensors as they are and anything else as an array of real numbers; DataError where it is none."""
    if is_tensor(array):
        return array
    try:
        found = np.asarray(array)
    except ValueError as error:  # rows of different lengths
        raise DataError(f"{name}: must be an array of numbers ({error}).") from error
    if found.dtype.kind not in "fiub":
        raise DataError(f"{name} have type {found.dtype}: must be real numbers.")
    return found


def check_shape(name: str, array: Any, shape: tuple[int | None, ...]) -> None:
    """Raise DataError unless an array has this shape, in which None is any length."""
    there = tuple(np.shape(array))
    if there == shape:
        return
    if len(there) != len(shape) or any(
        want is not None and want != have for want, have in zip(shape, there, strict=True)
    ):
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise DataError(f"{name} have shape {there}: must be ({wanted}).")


def check_finite(name: str, array: Any) -> None:
    """Raise DataError naming the first value that is not finite, and where it is.

    The sum alone is looked at first, for this is done at every step.
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
    if values.shape[0] == 0 or (lowest := float(values.min())) > -1.0 or (lose_all and lowest == -1.0):
        return
    bound = "at least" if lose_all else "above"
    raise DataError(f"{name} go down to {lowest:g}: must be {bound} -1, for no price falls below zero.")
