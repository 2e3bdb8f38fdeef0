"""Policies and training checkpoints that are damaged, crafted or none."""

from __future__ import annotations

import copy
import errno
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rlx.config import TrainerConfig
from rlx.errors import CheckpointError
from rlx.learners.base import Learner
from rlx.learners.gymrl.learner import GymrlLearner
from rlx.policies.checkpoint import load_checkpoint, save_checkpoint
from rlx.policies.gate import Gate, gate_in_words
from rlx.run_folder import LAST
from rlx.training.callbacks import early_stop, time_limit
from rlx.training.checkpoint_file import read_checkpoint
from rlx.training.checkpoints import best_checkpoints, last_checkpoint
from tests.app.commands import Finished, Shell
from tests.envs.tasks import make_market
from tests.hostile.damage import WRONG_VALUES, damaged_bytes, damaged_documents, damaged_json
from tests.hostile.readers import assert_taken, outcome, outcome_of_files
from tests.hostile.refusal import assert_refused, contents
from tests.policies.test_checkpoint import make_facts, make_network

CONFIG = TrainerConfig()
PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")
COUNTS = dict.fromkeys(("ready", "started", "processed", "completed"), 2)

GATE = Gate(
    open=False, excess=0.03, t=0.8, needed=1.6, detectable=0.06, attempts=2.5, steps=300, level=0.05, fitted=0.2
)
TAKEN_OF_FACTS = {
    "flag": ("format_version", "network.arguments.(long_only|leverage_head)", "gate.open"),  # true is 1
    "negative": ("gate.excess", "gate.attempts"),
    "negative null": ("gate.(t|needed|detectable|level|fitted)",),
    "missing null": ("gate",),
    "text": ("module", "asset_classes.*", "data_fingerprint", "code_version"),  # names, compared or shown
    "huge negative": ("normalizer.mean.*",),
    "huge": ("normalizer.std.*", "normalizer.clip", "network.arguments.max_gross"),
    "object": ("rules", "config", "seen"),
    "missing": ("seen.trained",),
    # of the training: a judgement that takes it over holds it to its schema (test_a_recorded_group_of_another_type)
    "missing anything": ("rules.*", "rules.*.*", "rules.costs.per_asset_bps.*", "config.*", "config.costs.*"),
}
TAKEN_OF_TRAINING = {
    "object": ("state_dict", "callbacks.*.best_k_models", "callbacks.Timer.time_elapsed", "rlx.random_states"),
    # only the type of counts is checked: changing them changes the length of the run
    "negative": (
        "loops.fit_loop.epoch_loop.batch_progress.(total|current).*",
        "callbacks.EarlyStop*.wait_count",
        "rlx.format",  # its value is checked by the learner
    ),
    "flag": ("loops.fit_loop.epoch_loop.batch_progress.is_last_batch",),
    "text": ("callbacks.*.(best_model_path|kth_best_model_path|last_model_path)", "rlx.(module|data_fingerprint)"),
    "missing huge negative": ("callbacks.Timer.time_elapsed.train",),
    "huge": ("rlx.totals.seconds",),
}


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """Return the folder of a small policy."""
    facts = replace(make_facts(make_market(), costs={"slippage_bps": 5.0}), gate=asdict(GATE))
    save_checkpoint(tmp_path / "policy", facts, make_network())
    return tmp_path / "policy"


def act(folder: Path) -> object:
    """Read a policy and do with it what a judgement does first."""
    policy = load_checkpoint(folder)
    policy.bind(make_market())
    described = policy.describe()
    return json.dumps(described, allow_nan=False), described["gate"] and gate_in_words(described["gate"])


def test_every_leaf_of_the_facts(policy: Path) -> None:
    path = policy / "policy.json"
    text = path.read_text()
    assert_taken(outcome_of_files(path, damaged_json(json.loads(text)), lambda: act(policy)), TAKEN_OF_FACTS)
    path.write_bytes(text.encode("utf-16"))
    assert load_checkpoint(policy).facts.module == "gymrl"


def test_damaged_weights(policy: Path) -> None:
    path = policy / "policy.safetensors"
    found = outcome_of_files(path, damaged_bytes(path.read_bytes()), lambda: act(policy))
    assert not found.broken
    assert found.taken == ()


@pytest.mark.parametrize(
    ("key", "value"), [("costs", None), ("guard", []), ("env", "text"), ("data", {"_target_": "x"})]
)
def test_a_recorded_group_of_another_type(trained: Finished, shell: Shell, key: str, value: Any) -> None:
    shutil.copytree(trained.run() / "policy", shell.folder / "policy")
    path = shell.folder / "policy" / "policy.json"
    document = json.loads(path.read_text())
    document["config"][key] = value
    path.write_text(json.dumps(document))
    assert_refused(shell.evaluate("policy=checkpoint", "policy.path=policy"), "policy.json", key)
    assert set(contents(shell.folder)) == {Path("policy/policy.json"), Path("policy/policy.safetensors")}


def training_state() -> dict[str, Any]:
    """Return the state that a run resumes from, as small as possible."""
    folder = Path("checkpoints")
    files = {"best_k_models": {}, **dict.fromkeys(PATHS, "")}
    return {
        "state_dict": {"layer": torch.zeros(2)},
        "loops": {
            "fit_loop": {
                "epoch_loop.batch_progress": {"total": COUNTS, "current": dict(COUNTS), "is_last_batch": False}
            }
        },
        "callbacks": {
            best_checkpoints(CONFIG, folder).state_key: copy.deepcopy(files),
            last_checkpoint(folder / LAST).state_key: copy.deepcopy(files),
            early_stop(CONFIG).state_key: {"wait_count": 0},
            time_limit(CONFIG).state_key: {"time_elapsed": {"train": 1.0}},
        },
        "rlx": {
            "format": 1,
            "module": "gymrl",
            "data_fingerprint": "0",
            "totals": {"updates": 2, "env_steps": 4, "seconds": 1.0},
            "random_states": {},
        },
    }


def test_every_leaf_of_a_training_checkpoint(tmp_path: Path) -> None:
    path, whole = tmp_path / LAST, training_state()

    def inputs() -> Iterator[tuple[str, Any]]:
        for what, document in damaged_states(whole):
            torch.save(document, path)
            yield what, lambda: read_checkpoint(path, CONFIG)

    torch.save(whole, path)
    assert read_checkpoint(path, CONFIG)["rlx"]["totals"]["updates"] == 2
    found = outcome(inputs())
    assert_taken(found, TAKEN_OF_TRAINING)


def damaged_states(whole: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield damaged copies of a state that holds a tensor, which no JSON does."""
    plain = copy.deepcopy(whole)
    plain["state_dict"] = {}
    yield from damaged_documents(plain)
    for value in WRONG_VALUES:
        yield f"state_dict.layer = {json.dumps(value)}", {**whole, "state_dict": {"layer": value}}


def test_training_checkpoints_of_damaged_bytes(tmp_path: Path) -> None:
    path = tmp_path / LAST
    layer = torch.arange(20_000.0)
    torch.save({**training_state(), "state_dict": {"layer": layer}}, path)
    whole = path.read_bytes()

    def read() -> None:
        assert torch.equal(read_checkpoint(path, CONFIG)["state_dict"]["layer"], layer), "read other numbers"

    found = outcome_of_files(path, damaged_bytes(whole), read)
    assert not found.broken
    assert found.taken == ("twice",)  # an archive twice over ends as the archive does


@pytest.mark.parametrize("name", [LAST, "step0000001.ckpt"])
def test_a_checkpoint_that_never_ends_is_not_opened(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    for make in (os.mkfifo, lambda one: one.symlink_to("/dev/zero"), Path.mkdir):
        make(path)
        with pytest.raises(CheckpointError, match="not a regular file"):
            read_checkpoint(path, CONFIG)
        path.rmdir() if path.is_dir() else path.unlink()


def test_checkpoints_that_act_or_swell_are_refused(tmp_path: Path) -> None:
    class Act:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "acted",))

    path = tmp_path / LAST
    for save in (lambda: torch.save({"state_dict": Act()}, path), lambda: path.write_bytes(pickle.dumps(Act()))):
        save()
        with pytest.raises(CheckpointError, match="damaged, or no checkpoint"):
            read_checkpoint(path, CONFIG)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    with pytest.raises(CheckpointError, match=r"BadZipFile"):
        read_checkpoint(path, CONFIG)
    assert not (tmp_path / "acted").exists()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"optimizer_states": None}, "optimizer_states is null, expected a list"),
        ({"gymrl": {}}, "its accounts are not those of"),
        ({"callbacks": {}}, "expected a mapping"),
    ],
)
def test_a_run_that_cannot_go_on_leaves_nothing(
    trained: Finished, shell: Shell, change: dict[str, Any], part: str
) -> None:
    shutil.copytree(trained.run(), shell.folder / "run", ignore=shutil.ignore_patterns("scorecard.*"))
    path = shell.folder / "run" / "checkpoints" / LAST
    torch.save(torch.load(path, weights_only=True) | change, path)
    before = contents(shell.folder)
    assert_refused(shell.train("resume=run", "trainer.max_updates=3"), LAST, part)
    assert contents(shell.folder) == before


@pytest.fixture
def resumable(trained: Finished, shell: Shell) -> Path:
    """Return the last checkpoint of a run, ``run``, that stopped before its scorecard."""
    shutil.copytree(trained.run(), shell.folder / "run", ignore=shutil.ignore_patterns("scorecard.*"))
    return shell.folder / "run" / "checkpoints" / LAST


def test_checkpoints_lie_in_the_run_alone(resumable: Path, shell: Shell) -> None:
    whole = torch.load(resumable, weights_only=True)
    before = contents(shell.folder / "run") | {Path("checkpoints") / LAST: b""}
    odd = {"best_k_models": {"../../../etc/..": torch.tensor(1.0)}, **dict.fromkeys(PATHS, "evil")}
    keys = [name for name in whole["callbacks"] if name.startswith("MovableCheckpoint")]
    assert len(keys) == 2
    for key in keys:
        for name, value in odd.items():
            state = copy.deepcopy(whole)
            state["callbacks"][key][name] = value
            torch.save(state, resumable)
            assert_refused(
                shell.train("resume=run"), f"{resumable.relative_to(shell.folder)}: ", "is not the path of a checkpoint"
            )
            assert [entry.name for entry in shell.folder.iterdir()] == ["run"]
            assert contents(shell.folder / "run") | {Path("checkpoints") / LAST: b""} == before


@pytest.mark.parametrize(
    ("error", "status", "message", "left"),
    [
        (CheckpointError("of another learner."), 2, f"run/checkpoints/{LAST}: of another learner.", False),
        (KeyError("weights"), 2, f"run/checkpoints/{LAST}: cannot be resumed from (KeyError: 'weights')", False),
        (OSError(errno.ENOSPC, "No space left on device", "there"), 1, "Continue with: resume=outputs/gymrl/", True),
        (MemoryError("no 9 GiB"), 1, "not enough memory (no 9 GiB)", True),
        (torch.OutOfMemoryError("CUDA out of memory"), 1, "not enough memory (CUDA out of memory)", True),
    ],
)
def test_what_goes_wrong_while_a_run_is_brought_back(
    error: Exception,
    status: int,
    message: str,
    left: bool,
    resumable: Path,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raise_it(*_: Any) -> None:
        raise error

    before = contents(shell.folder)
    monkeypatch.setattr(Learner, "on_load_checkpoint", raise_it)
    finished = shell.train("resume=run", "trainer.max_updates=3")
    assert (finished.status, "Traceback" in finished.err) == (status, False), finished.err
    assert message in finished.err.splitlines()[-1]
    assert (contents(shell.folder) == before) is not left
    if left:  # a run can resume from what was carried over
        assert (finished.run() / "checkpoints" / LAST).read_bytes() == resumable.read_bytes()
    else:
        assert not (shell.folder / "outputs").exists()


def best_of(state: dict[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint says of the best files."""
    (key,) = (name for name in state["callbacks"] if name.startswith("MovableCheckpoint") and "'monitor': 'val" in name)
    found: dict[str, Any] = state["callbacks"][key]
    return found


def first_weight(state: dict[str, Any]) -> torch.Tensor:
    tensors: list[torch.Tensor] = list(state["state_dict"].values())
    return next(tensor for tensor in tensors if tensor.is_floating_point())


DAMAGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "kth_best_model_path": lambda state: best_of(state).update(kth_best_model_path="../../victim.ckpt"),
    "best_k_models": lambda state: best_of(state).update(
        best_k_models=dict.fromkeys(best_of(state)["best_k_models"], "x")
    ),
    "gymrl.episodes[0].r": lambda state: state["gymrl"][0].update(episodes=[{"a": 1}]),
    "gymrl.rollout.last_obs": lambda state: state["gymrl"][0]["rollout"].update(last_obs=torch.zeros(3)),
    "no finite number": lambda state: first_weight(state).fill_(torch.nan),
    "optimizer_states[0]": lambda state: state.update(optimizer_states=["x"]),
    "optimizer_states holds 0, expected 4": lambda state: state.update(optimizer_states=[]),
    "rlx.totals.updates": lambda state: state["rlx"]["totals"].update(updates=-5),
    "rlx.totals.seconds": lambda state: state["rlx"]["totals"].update(seconds=-1.0),
    "another version": lambda state: state["rlx"].update(format=-1),
}


@pytest.mark.parametrize("part", DAMAGE)
def test_a_damaged_value_is_one_message_and_leaves_nothing(part: str, resumable: Path, shell: Shell) -> None:
    state = torch.load(resumable, weights_only=True)
    DAMAGE[part](state)
    torch.save(state, resumable)
    before = contents(shell.folder)
    assert_refused(shell.train("resume=run", "trainer.max_updates=3"), f"run/checkpoints/{LAST}: ", part)
    assert contents(shell.folder) == before


def test_what_breaks_in_the_first_update_is_the_checkpoint_s(
    resumable: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: Any) -> None:
        raise IndexError("of another shape")

    before = contents(shell.folder)
    monkeypatch.setattr(GymrlLearner, "training_step", break_off)
    assert_refused(shell.train("resume=run", "trainer.max_updates=3"), LAST, "IndexError: of another shape")
    assert contents(shell.folder) == before


def test_a_checkpoint_that_cannot_be_read_is_not_called_damaged(resumable: Path, shell: Shell) -> None:
    resumable.unlink()
    resumable.symlink_to("nowhere")
    assert_refused(shell.train("resume=run"), LAST, "cannot be read (No such file or directory)")
    resumable.unlink()
    resumable.mkdir()
    assert_refused(shell.train("resume=run"), LAST, "not a regular file")


def test_no_memory_for_a_checkpoint_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: Any, **__: Any) -> None:
        raise MemoryError

    torch.save(training_state(), tmp_path / LAST)
    monkeypatch.setattr(torch, "load", no_memory)
    with pytest.raises(MemoryError):
        read_checkpoint(tmp_path / LAST, CONFIG)
