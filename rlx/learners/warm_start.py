"""Start a network from a checkpoint, or report every reason why it does not fit."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from rlx.errors import CheckpointError
from rlx.policies.checkpoint import CheckpointPolicy, load_checkpoint
from rlx.policies.networks import PolicyNetwork, network_name

Differences = dict[str, tuple[Any, Any]]
log = logging.getLogger(__name__)


def load_warm_start(
    path: str, network: PolicyNetwork, symbols: Sequence[str], feature_names: Sequence[str]
) -> CheckpointPolicy:
    """Load the checkpoint's weights into ``network`` and return its policy.

    Raises CheckpointError that lists everything that does not match: network, its arguments, symbols, features.
    Arguments that only rescale the decisions of the same weights are reported in a warning.
    """
    policy = load_checkpoint(path, "module.warm_start")
    different = _differences(policy, network, symbols, feature_names)
    rescaled = {name: values for name, values in different.items() if name in network.rescaling}
    refused = {name: values for name, values in different.items() if name not in network.rescaling}
    if refused:
        raise CheckpointError(
            f"module.warm_start={path}: the checkpoint does not fit this run: {_in_words(refused)}. Train with the "
            "settings of the checkpoint, or start without it (module.warm_start=null)."
        )
    if rescaled:
        log.warning(f"module.warm_start={path}: the weights continue with other settings: {_in_words(rescaled)}.")
    network.load_state_dict(policy.network.state_dict())
    return policy


def _differences(
    policy: CheckpointPolicy, network: PolicyNetwork, symbols: Sequence[str], feature_names: Sequence[str]
) -> Differences:
    theirs, ours = network_name(policy.network), network_name(network)
    if theirs != ours:
        return {"network": (f"{theirs} of module={policy.facts.module}", ours)}
    there, here = policy.network.arguments(), network.arguments()
    pairs: Differences = {name: (there.get(name), value) for name, value in here.items()}
    pairs["symbols"] = (list(policy.facts.symbols), list(symbols))
    pairs["features"] = (list(policy.facts.feature_names), list(feature_names))
    return {name: (old, new) for name, (old, new) in pairs.items() if old != new}


def _in_words(differences: Differences) -> str:
    return "; ".join(f"{name} {old} there, {new} here" for name, (old, new) in differences.items())
