"""What a fit puts into a checkpoint besides its weights: tensors and plain values, which load without pickle."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_tensors(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a nested mapping with its NumPy arrays as tensors of the same numbers."""
    converted: dict[str, Any] = _converted(state, np.ndarray, lambda array: torch.from_numpy(array.copy()))
    return converted


def as_arrays(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``as_tensors`` was given."""
    converted: dict[str, Any] = _converted(state, Tensor, lambda tensor: tensor.cpu().numpy().copy())
    return converted


def _converted(value: Any, kind: type, convert: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _converted(item, kind, convert) for name, item in value.items()}
    return convert(value) if isinstance(value, kind) else value


def random_states() -> dict[str, Any]:
    """Return the states of the global generators of torch, every GPU, NumPy and Python."""
    name, keys, *numbers = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": (name, np.asarray(keys).tolist(), *numbers),
        "python": random.getstate(),
    }


def restore_random_states(states: Mapping[str, Any]) -> None:
    """Continue the random numbers of ``random_states``; those of GPUs where there are as many as there were."""
    torch.set_rng_state(states["torch"].cpu())
    if len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([state.cpu() for state in states["cuda"]])
    name, keys, *numbers = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *numbers))
    random.setstate(states["python"])


@contextmanager
def preserved_random_states() -> Iterator[None]:
    """Have what is drawn inside the block leave the random numbers after it as they would have been."""
    states = random_states()
    try:
        yield
    finally:
        restore_random_states(states)


class Updates:
    """The empty batches of a run, ``0`` to ``number - 1``; after a restored state it continues where that one was.

    Lightning asks for the state at every checkpoint, and for a loader that has none it would warn on resuming.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.done = 0

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[int]:
        for update in range(self.done, self.number):
            self.done = update + 1
            yield update

    def state_dict(self) -> dict[str, Any]:
        """Return how many batches were handed out."""
        return {"done": self.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Have the next iteration start behind those."""
        self.done = int(state["done"])
