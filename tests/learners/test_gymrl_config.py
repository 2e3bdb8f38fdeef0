from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import ConfigKeyError

from rlx.errors import ConfigError
from rlx.learners.gymrl.config import GymrlConfig


def test_defaults_are_valid_and_the_budget_is_whole_rollouts() -> None:
    config = GymrlConfig(total_env_steps=100_000)
    assert config.rollout_size == config.n_accounts * config.rollout_steps
    assert (config.updates - 1) * config.rollout_size < 100_000 <= config.updates * config.rollout_size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, r"module\.learning_rate=0\.0: must be between 1e-12 and 10"),
        ({"learning_rate": float("nan")}, r"module\.learning_rate=nan"),
        ({"gamma": 1.5}, r"module\.gamma=1\.5: must be between 0 and 1"),
        ({"n_accounts": 0}, r"module\.n_accounts=0: must be a whole number between 1 and 65536"),
        ({"rollout_steps": 2.5}, r"module\.rollout_steps=2\.5: must be a whole number"),
        ({"n_epochs": True}, r"module\.n_epochs=true"),
        ({"hidden_size": 0}, r"module\.hidden_size=0: must be a whole number between 1 and 8192"),
        ({"speed": 0}, r"module\.speed=0: must be between 0\.001 and 1"),
        ({"target_kl": -0.1}, r"module\.target_kl=-0\.1"),
        ({"minibatch_size": 1}, r"module\.minibatch_size=1: must be a whole number between 2 and"),
        ({"n_accounts": 12}, r"module\.group_size=8: must divide module\.n_accounts=12; 4 does"),
        (
            {"n_accounts": 4, "group_size": 1, "rollout_steps": 25, "minibatch_size": 30},
            r"rollout_steps = 100; the nearest.* is 25",
        ),
    ],
)
def test_nonsense_is_refused_in_words(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        GymrlConfig(**options)


def test_as_a_hydra_schema_it_refuses_a_misspelt_key() -> None:
    schema = OmegaConf.structured(GymrlConfig)
    with pytest.raises(ConfigKeyError, match="gama"):
        OmegaConf.merge(schema, {"gama": 0.9})
    merged = OmegaConf.merge(schema, {"hidden_size": 32, "target_kl": 0.02})
    config = OmegaConf.to_object(merged)
    assert isinstance(config, GymrlConfig) and config.hidden_size == 32


def test_schemas_load_nothing_heavy() -> None:
    heavy = "{'torch', 'lightning', 'stable_baselines3', 'pandas', 'numba', 'gymnasium'}"
    modules = "rlx.learners, rlx.policies, rlx.learners.gymrl.config, rlx.policies.config"
    code = f"import sys, {modules}; found = {heavy} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True)
