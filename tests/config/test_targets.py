"""The targets file of a benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlx.config.targets import Target, read_targets
from rlx.errors import ConfigError
from rlx.policies.config import CheckpointConfig
from rlx.policies.trailing import MomentumConfig


def written(folder: Path, text: str) -> Path:
    """Return a targets file of that content."""
    path = folder / "targets.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_target_has_its_policy_options_and_default_names(tmp_path: Path) -> None:
    text = """
targets:
  - policy: momentum
    top_k: 2
    trials: 12
  - {policy: checkpoint, path: outputs/gymrl/run_7}
  - {policy: checkpoint, path: outputs/gymrl/run_8, name: eight, system: gymrl}
  - {policy: cash, name: 0}
"""
    momentum, seven, eight, zero = read_targets(written(tmp_path, text))
    assert (momentum.name, momentum.system, momentum.kind) == ("momentum", "momentum", "momentum")
    assert momentum.config == MomentumConfig(top_k=2) and momentum.trials == 12
    assert (zero.name, zero.system) == ("0", "0")
    assert (seven.name, seven.system) == ("run_7", "run_7")
    assert (eight.name, eight.system) == ("eight", "gymrl")
    assert eight.config == CheckpointConfig(path="outputs/gymrl/run_8")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("{policy: momentm}", ["policy='momentm'", "Did you mean 'momentum'?"]),
        ("{policy: momentum, topk: 3}", ["'topk' is not an option of policy=momentum", "Did you mean 'top_k'?"]),
        ("{policy: momentum, top_k: 0}", ["top_k=0", "between 1 and 10000"]),
        ("{policy: momentum, top_k: many}", ["top_k", "'many'"]),
        ("{policy: cash, trials: 0}", ["trials=0", "between 1 and 1000000000"]),
        ("{policy: cash, trials: 1e20}", ["trials=1e+20"]),
        ("{policy: cash, trials: 100000000000000000000}", ["trials=100000000000000000000"]),
        ("{policy: checkpoint}", ["path", "must be given"]),
        ("{policy: weights, path: '???'}", ["policy=weights: path is", "is not resolved"]),
        ("{policy: weights, path: a, between: {a: ['${oc.env:HOME}']}}", ["between.a[0]", "is not resolved"]),
        ("{name: forgotten}", ["names no policy"]),
        ("cash", ["names no policy"]),
        ("{policy: cash, _target_: os.system}", ["'_target_' is not an option"]),
    ],
)
def test_a_bad_target_does_not_stop_the_others(tmp_path: Path, target: str, words: list[str]) -> None:
    bad, good = read_targets(written(tmp_path, f"targets:\n  - {target}\n  - {{policy: cash, name: good}}\n"))
    assert bad.config is None and bad.failure is not None
    assert all(word in bad.failure for word in words), bad.failure
    assert good.failure is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must have a list 'targets'"),
        ("targets: []", "must have a list 'targets'"),
        ("targets: cash", "must have a list 'targets'"),
        ("- policy: cash", "must have a list 'targets'"),
        ("targets: [", "cannot be read as YAML"),
        ("targets: [{policy: cash}, {policy: momentum, name: cash}]", "cash: more than one target"),
        ("targets: [{policy: cash, name: a b}, {policy: cash, name: a_b}]", "a b, a_b: more than one target"),
    ],
)
def test_a_file_without_a_list_of_targets_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"protocol.targets=.*targets\.yaml") as refused:
        read_targets(written(tmp_path, text))
    assert words in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file"):
        read_targets(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_targets(tmp_path)


def test_names_become_file_names() -> None:
    names = {"gymrl seed 0": "gymrl_seed_0", "../../etc": "etc", "???": "unnamed"}
    assert {name: Target(name, name, "cash").slug for name in names} == names
