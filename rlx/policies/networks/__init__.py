"""Networks that a checkpoint can name: plain torch, built from shapes alone, so that acting needs no learner."""

from __future__ import annotations

from rlx import registry
from rlx.errors import CheckpointError
from rlx.policies.networks.base import PolicyNetwork
from rlx.untrusted.shown import shown

__all__ = ["PolicyNetwork", "network_name", "network_of"]


def network_name(network: PolicyNetwork) -> str:
    """Return the name a checkpoint stores for ``network``; CheckpointError for one that no package registers."""
    kind = type(network)
    if (name := registry.stored_name("network", kind)) is None:
        raise CheckpointError(
            f"{kind.__module__}.{kind.__qualname__} is not a registered network, so no checkpoint can name it. Declare "
            'it in its package under [project.entry-points."rlx.networks"]; docs/extending.md shows how.'
        )
    return name


def network_of(name: str, where: str) -> type[PolicyNetwork]:
    """Return the network of a name; CheckpointError for one that no installed package has.

    ``where`` is the file with the name, and its key, for the message.
    """
    network: type[PolicyNetwork] | None = registry.find("network", name)
    if network is None:
        raise CheckpointError(f"{where} is {shown(name)}, which is unknown: {registry.unknown('network', name)}")
    return network
