"""A learner that continues from its checkpoint gives the uninterrupted run's numbers, bit for bit."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from rlx.data.market import Market
from rlx.errors import CheckpointError
from rlx.learners.gymrl.learner import GymrlLearner
from rlx.states import Updates, as_arrays, as_tensors, random_states, restore_random_states
from tests.envs.tasks import make_market
from tests.learners.fitting import Recorder, SaveAfter, fit, weights_of
from tests.learners.test_gymrl import make_learner


class CountValidations(Callback):
    """Notes after how many updates a validation took place."""

    def __init__(self) -> None:
        self.after: list[int] = []

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        assert isinstance(pl_module, GymrlLearner)
        self.after.append(pl_module.totals.updates)


def learnt(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: x for name, x in row.items() if not name.startswith("perf/")} for row in history]


@pytest.mark.parametrize(
    ("done", "validated", "options"),
    [
        (3, False, {}),
        (2, True, {}),
        (4, True, {"n_folds": 1, "target_kl": 0.01, "window_steps": 3}),
        (4, False, {"leverage_head": True, "episode_steps": 7}),
    ],
)
def test_resumed_is_uninterrupted(done: int, validated: bool, options: dict[str, Any], tmp_path: Path) -> None:
    market, path = make_market(), tmp_path / "part.ckpt"
    whole, whole_run, whole_validations = make_learner(market, **options), Recorder(), CountValidations()
    save = SaveAfter(done, path, validated=validated)
    whole_trainer = fit(whole, whole_run, whole_validations, save, val_check_interval=2)
    resumed, rest, validations = make_learner(market, seed=0, **options), Recorder(), CountValidations()
    trainer = fit(resumed, rest, validations, ckpt_path=path, val_check_interval=2)
    assert learnt(rest.history) == learnt(whole_run.history)[done:]
    for name, tensor in weights_of(whole).items():
        np.testing.assert_array_equal(weights_of(resumed)[name], tensor)
    assert trainer.global_step == whole_trainer.global_step
    assert resumed.totals[:2] == whole.totals[:2]
    assert validations.after == [after for after in whole_validations.after if after > done]
    if options.get("episode_steps") == 7:
        assert len(rest.history[0]) > 10  # episode statistics from the first update on


def checkpoint_of(market: Market, tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "part.ckpt"
    fit(make_learner(market), SaveAfter(3, path, validated=False))
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    return checkpoint


def test_a_checkpoint_continues_everything_that_is_random(tmp_path: Path) -> None:
    market = make_market()
    state = checkpoint_of(market, tmp_path)
    assert state["global_step"] == 24 and [one["num_timesteps"] for one in state["gymrl"]] == [3 * 128] * 2
    loaded = make_learner(market, seed=5)
    loaded.on_load_checkpoint(state)
    assert loaded.totals.updates == 3
    assert [ppo.num_timesteps for ppo in loaded.ppos] == [3 * 128] * 2
    assert torch.equal(torch.get_rng_state(), state["rlx"]["random_states"]["torch"])
    assert as_tensors(random_states())["numpy"] == state["rlx"]["random_states"]["numpy"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 0}, "another version"),
        ({"module": "other"}, "module=other, not of module=gymrl"),
        ({"data_fingerprint": "0"}, "prices have changed"),
        (None, "another version"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(change: Any, message: str, tmp_path: Path) -> None:
    market = make_market()
    state = checkpoint_of(market, tmp_path)
    state["rlx"] = None if change is None else state["rlx"] | change
    with pytest.raises(CheckpointError, match=message):
        make_learner(market).on_load_checkpoint(state)


def test_a_checkpoint_of_other_networks_is_refused(tmp_path: Path) -> None:
    market = make_market()
    with pytest.raises(CheckpointError, match="networks differ"):
        make_learner(market, hidden_size=16).on_load_checkpoint(checkpoint_of(market, tmp_path))


def test_batches_continue_where_they_were() -> None:
    updates = Updates(5)
    first = iter(updates)
    assert [next(first), next(first)] == [0, 1]
    again = Updates(5)
    again.load_state_dict(updates.state_dict())
    assert list(again) == [2, 3, 4] and len(again) == 5


def test_random_states_are_plain_and_continue(tmp_path: Path) -> None:
    torch.save(random_states(), tmp_path / "states")
    drawn = torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()
    restore_random_states(torch.load(tmp_path / "states", weights_only=True))
    assert (torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()) == drawn


def test_tensors_and_arrays_convert_back() -> None:
    state = {"a": np.arange(3), "b": {"c": np.array([True, False]), "d": 2**100}, "e": "text"}
    back = as_arrays(as_tensors(state))
    np.testing.assert_equal(back, state)
    assert back["a"].dtype == state["a"].dtype
