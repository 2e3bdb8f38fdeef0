"""Weights in safetensors files, and networks that are built only after the file is known to have what they need."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from rlx.errors import CheckpointError
from rlx.untrusted.plain_types import require
from rlx.untrusted.shown import reason, shown
from rlx.untrusted.text import read_bytes

Network = TypeVar("Network", bound=nn.Module)

MAX_BYTES = 2**30
MAX_HEADER_BYTES = 4 * 2**20  # names and shapes of about 30,000 tensors
LENGTH_BYTES = 8  # of the little-endian number at the beginning of a file: the length of its header
SIZES = frozenset(
    {"n_assets", "n_features", "n_series", "window_steps", "smooth_steps", "n_members"}
    | {"hidden_size", "hidden_sizes", "d_model", "n_heads", "levels"}
)
"""Arguments of networks that are sizes of tensors; any other argument counts tensors."""
_OF_WRONG_VALUES = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RuntimeError)
"""Exceptions of building a network from values of the right types."""


def read_weights(path: Path, sha256: str, facts: str) -> dict[str, Tensor]:
    """Return the tensors of a file by name; CheckpointError unless it was written together with ``facts``.

    The hash is compared before anything in the file is read. Numbers that are not finite are refused: they allow no
    decision.
    """
    data = read_bytes(path, MAX_BYTES, unpack=False)
    header = int.from_bytes(data[:LENGTH_BYTES], "little")
    if len(data) < LENGTH_BYTES or header > min(len(data) - LENGTH_BYTES, MAX_HEADER_BYTES):
        raise CheckpointError(f"{path}: damaged or truncated (a header of {header:,} bytes). Copy it again.")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CheckpointError(
            f"{path}: damaged or truncated, or not the file that belongs to {facts}. Copy both again."
        )
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: damaged or truncated ({error}). Copy it again, or train again.") from error
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32 or not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path}: {shown(name)} has numbers that are not finite 32-bit floats. Train again.")
    return tensors


def constructor_types(kind: type[nn.Module]) -> dict[str, Any]:
    """Return the types of the arguments that a network is built of, by name."""
    return {name: hint for name, hint in get_type_hints(kind.__init__).items() if name != "return"}


def require_arguments(hints: Mapping[str, Any], arguments: Any, tensors: Mapping[str, Tensor], name: str) -> None:
    """Raise FileError or CheckpointError unless ``arguments`` have the types ``hints``, none exceeding ``tensors``.

    So building costs no more than reading the file: each size has that many numbers in the file, and each layer a
    tensor. ``name`` is the file and the key in it.
    """
    require(arguments, dict[str, Any], name)
    missing, unknown = sorted(hints.keys() - arguments.keys()), sorted(arguments.keys() - hints.keys())
    if missing or unknown:
        wrong = ((f"lacks {shown(missing)}", missing), (f"has unknown {shown(unknown)}", unknown))
        said = ", ".join(words for words, found in wrong if found)
        raise CheckpointError(f"{name}: {said}. Copy it again.")
    numbers = sum(tensor.numel() for tensor in tensors.values())
    for argument, value in arguments.items():
        hint = hints[argument]
        value = require(value, hint, name, argument)
        sizes = [value] if hint is int else [*value] if hint == Sequence[int] else []
        lengths = _lengths(value)
        if hint == Sequence[float]:  # as many rows of a tensor
            sizes, lengths = lengths, []
        most = numbers if argument in SIZES else len(tensors)
        if max(sizes, default=0) > most or max(lengths, default=0) > len(tensors):
            raise CheckpointError(f"{name}: {argument} is {shown(value)}, more than its weights have. Copy it again.")
        least = 0 if argument == "n_layers" else 1
        if min(sizes, default=1) < least:
            raise CheckpointError(f"{name}: {argument} is {shown(value)}, expected at least {least}. Copy it again.")


def _lengths(value: Any) -> list[int]:
    """Return the lengths of an argument that is a list, and of the lists in it."""
    return [len(one) for one in (value, *value) if isinstance(one, list)] if isinstance(value, list) else []


def with_weights(build: Callable[[], Network], tensors: Mapping[str, Tensor], path: Path) -> Network:
    """Return the network with weights from ``path``; CheckpointError, before it is built, when their shapes differ."""
    try:
        with torch.device("meta"):  # shapes only, without memory for numbers
            needed = {name: tuple(tensor.shape) for name, tensor in build().state_dict().items()}
    except _OF_WRONG_VALUES as error:
        raise CheckpointError(
            f"{path}: no network can be built from the arguments stored with it ({type(error).__name__}: "
            f"{reason(error)}). Copy both files again, or train again."
        ) from error
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if needed != found:
        name = next(name for name in (*needed, *found) if needed.get(name) != found.get(name))
        raise CheckpointError(
            f"{path}: {shown(name)} has shape {found.get(name, 'none')}, and its network needs "
            f"{needed.get(name, 'none')}. Copy both files again, or train again."
        )
    network = build()
    network.load_state_dict(dict(tensors))
    return network
