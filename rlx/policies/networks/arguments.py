"""The arguments of a network in files: the plain arguments of its constructor, including those of a head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_type_hints

from torch import nn

from rlx.decisions.head import AllocationHead
from rlx.decisions.tilt import TiltHead
from rlx.untrusted.network_weights import Network, constructor_types

HEADS = (AllocationHead, TiltHead)


def argument_types(kind: type[nn.Module]) -> dict[str, Any]:
    """Return the types of the arguments by name, with those of its numbers in place of a head."""
    types: dict[str, Any] = {}
    for name, hint in constructor_types(kind).items():
        types |= get_type_hints(hint) if hint in HEADS else {name: hint}
    return types


def build(kind: type[Network], arguments: Mapping[str, Any]) -> Network:
    """Return the network built from ``arguments`` with the names and types of ``argument_types``."""
    return kind(
        **{
            name: hint(**{number: arguments[number] for number in get_type_hints(hint)})
            if hint in HEADS
            else arguments[name]
            for name, hint in constructor_types(kind).items()
        }
    )
