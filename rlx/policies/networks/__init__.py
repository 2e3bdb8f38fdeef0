"""Networks that a checkpoint can name: plain torch, built from shapes alone, so that acting needs no learner."""

from __future__ import annotations

from rlx.errors import CheckpointError, did_you_mean
from rlx.policies.networks.base import PolicyNetwork
from rlx.policies.networks.book import BookAllocation
from rlx.policies.networks.gru_dirichlet import GruDirichlet
from rlx.policies.networks.mlp import MlpAllocation
from rlx.policies.networks.transformer import TransformerAllocation
from rlx.untrusted.shown import shown

__all__ = ["NETWORKS", "PolicyNetwork", "network_name", "network_of"]

NETWORKS: dict[str, type[PolicyNetwork]] = {
    "mlp_allocation": MlpAllocation,
    "transformer_allocation": TransformerAllocation,
    "gru_dirichlet": GruDirichlet,
    "book_allocation": BookAllocation,
}


def network_name(network: PolicyNetwork) -> str:
    """Return the name a checkpoint stores for ``network``."""
    return next(name for name, kind in NETWORKS.items() if type(network) is kind)


def network_of(name: str) -> type[PolicyNetwork]:
    """Return the network of a name; CheckpointError for one that this version does not have."""
    if name not in NETWORKS:
        known = f"this version of rlx has {', '.join(NETWORKS)}"
        raise CheckpointError(f"network {shown(name)} is unknown; {known}.{did_you_mean(name[:80], NETWORKS)}")
    return NETWORKS[name]
