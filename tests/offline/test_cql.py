"""Conservative Q-learning on a data set: a smoke test where d3rlpy is installed, and the network in any case."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from rlx.errors import ConfigError
from rlx.offline import episodes
from rlx.offline.cql import mdp_dataset, train_cql
from rlx.offline.episodes import EpisodeOptions, record
from rlx.offline.files import read_dataset
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.policies.facts import PolicyFacts
from rlx.policies.networks.arguments import build
from rlx.policies.networks.weights_mlp import WeightsMlp
from tests.app.commands import Shell
from tests.envs.tasks import LONG_ONLY, make_market, normalizer_of, splits_of
from tests.offline.test_files import ARGUMENTS
from tests.policies.acting import observe

there = importlib.util.find_spec("d3rlpy") is not None
needs_d3rlpy = pytest.mark.skipif(not there, reason="d3rlpy, the extra 'offline', is not installed")


@pytest.mark.skipif(there, reason="d3rlpy is installed")
def test_without_the_extra_it_says_which_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pip install 'rlx\[offline\]'"):
        train_cql(tmp_path / "set.npz", tmp_path / "policy", steps=1)


def test_no_steps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="steps=0"):
        train_cql(tmp_path / "set.npz", tmp_path / "policy", steps=0)


def test_weights_are_scaled_down_to_the_gross_limit_and_never_up() -> None:
    network = WeightsMlp(3, 2, 1, [4], 0.0, 1.0, 1.0)
    last = [layer for layer in network.layers if isinstance(layer, torch.nn.Linear)][-1]
    observation, features = observe(make_market(), [30, 31]), np.zeros((2, 1, 3, 2), np.float32)
    for outputs, expected in (([0.0] * 3, [1 / 3] * 3), ([-20.0, -20.0, 0.0], [0.0, 0.0, 0.5])):
        torch.nn.init.zeros_(last.weight)
        with torch.no_grad():
            last.bias.copy_(torch.tensor(outputs))
        np.testing.assert_allclose(network.allocate(features, observation), [expected] * 2, atol=1e-6)


def test_the_network_passes_through_its_arguments() -> None:
    network = WeightsMlp(3, 2, 1, [4, 5], -0.5, 0.5, 0.8)
    other = build(WeightsMlp, network.arguments())
    other.load_state_dict(network.state_dict())
    observation, features = observe(make_market(), [30, 40]), np.ones((2, 1, 3, 2), np.float32)
    asked = network.allocate(features, observation)
    np.testing.assert_array_equal(other.allocate(features, observation), asked)
    assert np.abs(asked).sum(axis=1).max() <= 0.8 + 1e-6


@needs_d3rlpy
@pytest.mark.filterwarnings("ignore")
def test_a_policy_is_trained_exported_and_judged(shell: Shell) -> None:
    assert shell.tools(*ARGUMENTS, "--out", "set.npz").status == 0
    path = shell.folder / "set.npz"
    policy = train_cql(path, shell.folder / "cql" / "policy", steps=3, hidden_sizes=[8])
    done = shell.evaluate("policy=checkpoint", f"policy.path={shell.folder / 'cql'}", "hydra.run.dir=judged")
    assert done.status == 0, done.err
    assert (shell.folder / "judged" / "scorecard.json").is_file()
    assert policy.seen["trained"][0] < policy.seen["trained"][1]


@needs_d3rlpy
@pytest.mark.filterwarnings("ignore")
def test_terminals_and_timeouts_stay_apart(shell: Shell) -> None:
    assert shell.tools(*ARGUMENTS, "--out", "set.npz").status == 0
    data = read_dataset(shell.folder / "set.npz")
    episodes = mdp_dataset(data).episodes
    assert len(episodes) == data.steps.episodes == 8
    assert not any(episode.terminated for episode in episodes)
    np.testing.assert_array_equal(episodes[0].actions, data.steps.actions[:40])


@needs_d3rlpy
@pytest.mark.filterwarnings("ignore")
def test_the_exported_network_decides_as_the_trained_one(shell: Shell) -> None:
    from rlx.offline.cql import _algorithm, _library, exported

    assert shell.tools(*ARGUMENTS, "--out", "set.npz").status == 0
    data = read_dataset(shell.folder / "set.npz")
    algorithm = _algorithm(_library(), data, [8, 8])
    network = exported(algorithm.impl.policy, data, [8, 8])
    with torch.inference_mode():
        mine = network(torch.from_numpy(data.steps.observations[:50])).numpy()
    np.testing.assert_allclose(mine, algorithm.predict(data.steps.observations[:50]), atol=1e-6)


class Watched(WeightsMlp):
    """Keeps the encoded observations that reach it."""

    def forward(self, encoded: torch.Tensor) -> torch.Tensor:
        """Keep them, and decide."""
        self.seen = [*getattr(self, "seen", []), encoded.numpy()]
        return super().forward(encoded)


def test_a_network_receives_what_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    market, options = make_market(), EpisodeOptions(("watched",), 1, 2, 30, window_steps=2)
    span, normalizer = splits_of(market, 2).train, normalizer_of(market, 2)
    facts = PolicyFacts.of("cql", market, LONG_ONLY, normalizer, 2, {}, {"trained": span})
    network = Watched(3, len(normalizer.feature_names), 2, [4], 0.0, 1.0, 1.0)
    monkeypatch.setattr(episodes, "behaviour", lambda *_: CheckpointPolicy(facts, network))
    steps = record(market, LONG_ONLY, span, normalizer, options)
    received = np.stack(network.seen, axis=1).reshape(60, -1)
    np.testing.assert_array_equal(steps.observations, received)
    assert steps.actions.std(axis=0).min() > 0.0
