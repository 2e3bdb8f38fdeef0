"""A policy trained on an offline data set by conservative Q-learning (Kumar et al. 2020, arXiv:2006.04779) of d3rlpy.

d3rlpy is an extra: ``pip install 'rlx[offline]'``. The result is a policy checkpoint like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlx.errors import ConfigError
from rlx.offline.files import Dataset, read_dataset
from rlx.policies.checkpoint import CheckpointPolicy, save_checkpoint
from rlx.policies.networks.weights_mlp import WeightsMlp

MODULE = "cql"


def train_cql(
    path: str | Path, folder: str | Path, *, steps: int, seed: int = 0, hidden_sizes: Sequence[int] = (64, 64)
) -> CheckpointPolicy:
    """Train on the data set at ``path`` for ``steps`` gradient steps, write the policy to ``folder`` and return it.

    ConfigError without d3rlpy or for no steps; RlxError for an unreadable data set.
    """
    if steps < 1:
        raise ConfigError(f"steps={steps}: must be at least 1.")
    library, data = _library(), read_dataset(path)
    library.seed(seed)
    algorithm = _algorithm(library, data, hidden_sizes)
    algorithm.fit(
        mdp_dataset(data),
        n_steps=steps,
        n_steps_per_epoch=steps,
        logger_adapter=library.logging.NoopAdapterFactory(),
        show_progress=False,
    )
    settings = {"steps": steps, "seed": seed, "hidden_sizes": [int(size) for size in hidden_sizes]}
    facts = replace(data.facts, module=MODULE, config={**data.facts.config, MODULE: settings})
    network = exported(algorithm.impl.policy, data, hidden_sizes)
    save_checkpoint(folder, facts, network)
    return CheckpointPolicy(facts, network, Path(folder))


def mdp_dataset(data: Dataset) -> Any:
    """Return the data set as d3rlpy's ``MDPDataset``: terminals end a value, timeouts do not."""
    library, steps = _library(), data.steps
    return library.dataset.MDPDataset(
        observations=steps.observations,
        actions=steps.actions,
        rewards=steps.rewards,
        terminals=steps.terminals,
        timeouts=steps.timeouts,
        action_space=library.constants.ActionSpace.CONTINUOUS,
    )


def exported(policy: Any, data: Dataset, hidden_sizes: Sequence[int]) -> WeightsMlp:
    """Return the network of rlx with the weights of d3rlpy's policy: its hidden layers, and the mean of its actions."""
    about = data.about
    network = WeightsMlp(
        about.assets,
        len(data.facts.feature_names),
        data.facts.window_steps,
        hidden_sizes,
        about.low,
        about.high,
        about.max_gross,
    )
    layers = [one for one in policy._encoder.modules() if isinstance(one, torch.nn.Linear)]
    mine = [one for one in network.layers if isinstance(one, torch.nn.Linear)]
    for target, source in zip(mine, [*layers, policy._mu], strict=True):
        target.load_state_dict(source.state_dict())
    return network


def _algorithm(library: Any, data: Dataset, hidden_sizes: Sequence[int]) -> Any:
    encoder = library.models.VectorEncoderFactory(hidden_units=list(hidden_sizes), activation="tanh")
    limits = [np.full(data.about.assets, limit, np.float32) for limit in (data.about.low, data.about.high)]
    config = library.algos.CQLConfig(
        actor_encoder_factory=encoder,
        critic_encoder_factory=encoder,
        action_scaler=library.preprocessing.MinMaxActionScaler(minimum=limits[0], maximum=limits[1]),
        reward_scaler=library.preprocessing.StandardRewardScaler(),
    )
    algorithm = config.create(device=False)
    algorithm.build_with_dataset(mdp_dataset(data))
    return algorithm


def _library() -> Any:
    try:
        import d3rlpy
    except ImportError as error:
        raise ConfigError("CQL needs d3rlpy, which is an extra: pip install 'rlx[offline]'.") from error
    return d3rlpy
