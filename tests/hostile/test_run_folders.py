"""Run folders whose records are damaged, or crafted so that reading them would do something."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from rlx.config import EvaluateConfig, TrainConfig, as_resumed, recorded_evaluation, register_schemas, typed, validate
from rlx.config.records import read_choices
from rlx.errors import ConfigError, FileError, RlxError
from rlx.tracking.history import history_of
from rlx.training.resume import provenance_of
from tests.app.commands import Finished, Shell
from tests.hostile.damage import EXHAUSTIVE, damaged_documents, damaged_json
from tests.hostile.readers import assert_taken, assert_taken_of_a_sample, outcome_of_files
from tests.hostile.refusal import assert_refused, contents

CONF = Path(__file__).parents[2] / "conf"
CHOICES = {"module": "gymrl", "data": "sample_daily", "guard": "none", "hydra/help": "train", "hydra/callbacks": None}
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
EVIL = {"_target_": "evil.act", "_args_": ["x"]}

TAKEN_OF_CONFIGURATIONS = {
    # what is off, or has a default
    "missing": (
        "data.split.(train_fraction|validation_fraction|purge_steps)",
        "env.limits.base_gross",
        "env.cooldown.(probe_weight|penalty|min_position|tolerance)",
        "env.reward.*",
    ),
    "null": ("hardware.threads", "gate.level"),
    "missing null": (
        "data.(features|split.train_end|split.validation_end)",
        "env.limits.(max_weight|intraday_gross|closing_gross)",
        "env.cooldown.steps",
        "guard.(drawdown_threshold|turnover_threshold)",
        "protocol.(start|end|trials)",
        "module.target_kl",
        "trainer.(max_updates|max_minutes|validate_every_updates|early_stop_patience)",
    ),
    "missing anything": ("resume", "forecaster"),  # not of what is recorded; ignored where none was chosen
    "object": ("data.split", "env.(limits|cooldown|reward)"),
    "list": ("logger.tags",),
    "missing list null": ("data.symbols",),
    "missing list null object": ("costs.per_asset_bps",),
    # numbers that may be negative
    "missing negative null": ("guard.negative_return_threshold",),
    # names, which OmegaConf makes of numbers as well
    "flag huge negative text": ("data.dataset", "logger.project"),
    "missing flag huge negative null text": ("data.(start|end)", "logger.(entity|group)"),
    # true and false, which OmegaConf makes of numbers as well
    "flag huge negative": ("env.drift",),
    "missing flag huge negative": ("env.limits.long_only", "trainer.progress", "module.leverage_head"),
    "flag": ("module._partial_",),  # as the schema has it
}
TAKEN_OF_CHOICES = {
    "object": ("hydra.runtime.choices",),  # none chosen
    "missing null text": ("hydra.runtime.choices.*",),  # the name of an option
}
TAKEN_OF_PROVENANCE = {
    "object": ("the whole",),
    "missing object": ("versions",),
    "missing null text": ("versions.*",),
    "missing null object": ("git",),
    "missing anything": (
        "(command|python|platform|machine|cpu_count|git.commit|git.dirty)",
    ),  # kept, and read by nobody
}


@pytest.fixture(scope="module")
def composed() -> DictConfig:
    """Return the tree that a command composes before the record is laid over it."""
    register_schemas()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", ["module=gymrl"])


@pytest.fixture(scope="module")
def recorded(composed: DictConfig) -> dict[str, Any]:
    """Return what a training run records of its configuration."""
    values: Any = OmegaConf.to_container(composed, resolve=True, enum_to_str=True)
    return dict(values)


@pytest.fixture
def run(recorded: dict[str, Any], tmp_path: Path) -> Path:
    """Return a run folder with the records that a configuration is resumed from."""
    (tmp_path / "run" / ".hydra").mkdir(parents=True)
    write(tmp_path / "run" / "config.yaml", recorded)
    write(tmp_path / "run" / ".hydra" / "hydra.yaml", {"hydra": {"runtime": {"choices": CHOICES}}})
    return tmp_path / "run"


def write(path: Path, document: Any) -> None:
    path.write_text(yaml.safe_dump(document))


def resume(composed: DictConfig, run: Path) -> TrainConfig:
    composed.resume = str(run)  # in place: it takes long to copy
    config = typed(as_resumed(composed, [f"resume={run}"]), TrainConfig)
    validate(config)
    return config


@pytest.mark.parametrize("sampled", [True, pytest.param(False, marks=EXHAUSTIVE)])
def test_every_leaf_of_a_configuration(
    composed: DictConfig, run: Path, recorded: dict[str, Any], sampled: bool
) -> None:
    def files() -> Iterator[tuple[str, bytes]]:
        for what, document in damaged_documents(recorded, sampled):
            yield what, yaml.dump(document, Dumper=DUMPER).encode()

    found = outcome_of_files(run / "config.yaml", files(), lambda: resume(composed, run))
    (assert_taken_of_a_sample if sampled else assert_taken)(found, TAKEN_OF_CONFIGURATIONS)


@pytest.mark.parametrize(
    ("group", "change"),
    [
        ("module", {"_target_": "evil.act"}),
        ("module", {"_target_": ["evil.act"]}),
        ("module", {"_target_": "rlx.policies.baselines.Cash"}),
        ("module", {"_partial_": False}),
        ("module", {"_args_": [1]}),
        ("module", {"_recursive_": False}),
        ("module", {"hidden_size": [EVIL]}),
        ("module", {"hidden_size": EVIL}),
        ("costs", {"per_asset_bps": EVIL}),
        ("costs", EVIL),
        ("data", {"symbols": [[EVIL]]}),
        ("logger", {"project": "${oc.env:HOME}"}),
        ("logger", {"tags": ["${oc.decode:[1]}"]}),
        ("logger", {"entity": "a${seed}"}),
        ("trainer", {"monitor": "${seed}"}),
        ("data", {"dataset": "???"}),
        ("module", None),
        ("trainer", {"_target_": "evil.act"}),
    ],
)
def test_nothing_acts_because_a_record_says_so(
    composed: DictConfig, run: Path, recorded: dict[str, Any], group: str, change: Any
) -> None:
    write(run / "config.yaml", {**recorded, group: change and {**recorded[group], **change}})
    with pytest.raises((ConfigError, FileError), match=rf"config\.yaml: {group}"):
        resume(composed, run)


def test_code_beside_a_run_is_not_run(trained: Finished, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    run = shell.folder / "run"
    shutil.copytree(trained.run(), run, ignore=shutil.ignore_patterns("scorecard.*"))
    (shell.folder / "evil.py").write_text("from pathlib import Path\nPath('acted').touch()\n")
    monkeypatch.syspath_prepend(str(shell.folder))
    path = run / "config.yaml"
    path.write_text(path.read_text().replace("rlx.learners.gymrl.learner.GymrlLearner", "evil.act"))
    before = contents(shell.folder)
    assert_refused(shell.train("resume=run", "trainer.max_updates=3"), 'config.yaml: module._target_ is "evil.act"')
    assert contents(shell.folder) == before


@pytest.mark.parametrize("option", ["../../evil", "a/b", "x@y", "a,b", "[a,b]", "x y", "${oc.env:HOME}", "", 1, ["a"]])
def test_choices_are_names(run: Path, option: Any) -> None:
    path = run / ".hydra" / "hydra.yaml"
    write(path, {"hydra": {"runtime": {"choices": {**CHOICES, "data": option}}}})
    with pytest.raises(RlxError, match=r"hydra\.yaml: hydra\.runtime\.choices\.data"):
        read_choices(path)


def test_every_leaf_of_the_choices(run: Path) -> None:
    path = run / ".hydra" / "hydra.yaml"
    files = ((what, yaml.safe_dump(one).encode()) for what, one in damaged_documents(yaml.safe_load(path.read_text())))
    assert_taken(outcome_of_files(path, files, lambda: read_choices(path)), TAKEN_OF_CHOICES)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
            f"{y}: &{y} [{','.join([f'*{x}'] * 9)}]\n" for x, y in zip("abcdefgh", "bcdefghi", strict=True)
        ), "more than 20,000 values"),
        ("[" * 100 + "]" * 100, "more than 50 levels"),
        ("module: &a {x: *a}", "refers to itself"),
        ('seed: "\\ud800"', "not a YAML document"),
        ("!!python/object/apply:os.system [true]", "not a YAML document"),
        ("data: !!binary aGk=", "data is \"b'hi'\", expected a mapping"),
        ("1: 2", "text for every name"),
        ("- 1", r"is \[1\], expected a mapping"),
        ("", "is null, expected a mapping"),
        ("a: [", "not a YAML document"),
        ("a: 1\na: 2", "not a YAML document"),
        ("\x00", "not a YAML document"),
    ],
)  # fmt: skip
def test_configurations_that_are_hardly_yaml(composed: DictConfig, run: Path, text: str, part: str) -> None:
    (run / "config.yaml").write_text(text)
    with pytest.raises(RlxError, match=rf"config\.yaml: .*{part}"):
        resume(composed, run)


def test_an_evaluation_recorded_with_a_policy_of_no_schema_or_another_s_keys(recorded: dict[str, Any]) -> None:
    cash = {"_target_": "rlx.policies.baselines.Cash"}
    good = {**recorded, "policy": cash}
    assert isinstance(typed(recorded_evaluation(good, "config.yaml"), EvaluateConfig), EvaluateConfig)
    for policy in (EVIL, {**cash, "x": EVIL}, {**cash, "path": "a"}, None, [], {}):
        with pytest.raises(RlxError, match=r"config\.yaml: policy"):
            recorded_evaluation({**recorded, "policy": policy}, "config.yaml")


ROWS = '{"step": 0, "train/loss": 0.5}\n{"step": 1, "val/sharpe": null}\n{"step": 2, "train/loss": 1}\n'


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"step": 0\n' + ROWS, "line 1: not a JSON document"),
        (ROWS + "[1]\n", r"line 4: its content is \[1\], expected a mapping"),
        (ROWS + '{"train/loss": 1}\n', "line 4: step is null"),
        (ROWS + '{"step": 1.5}\n', "line 4: step is 1.5, expected a whole number"),
        (ROWS + '{"step": -1}\n', "line 4: has step -1"),
        (ROWS + '{"step": 1, "x": "text"}\n', 'line 4: x is "text", expected a number or null'),
        (ROWS + '{"step": 1, "=cmd()": 1}\n', r"line 4: has .=cmd\(\)., which no run logs"),
        (ROWS + '{"step": 1, "x": NaN}\n', "line 4: not a JSON document"),
        (ROWS + '{"step": 1, "x": ' + "9" * 500 + "}\n", "line 4: not a JSON document"),
        ("[" * 200 + "]" * 200 + "\n", "line 1: nests more than"),
        ("0" * (2**20 + 1), "line 1 is longer than 1 MiB"),
    ],
)
def test_damaged_histories_name_the_line(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(text)
    with pytest.raises(FileError, match=rf"metrics\.jsonl: {part}"):
        history_of(tmp_path, 10)


def test_a_history_cut_by_a_kill_is_whole_but_for_its_last_line(tmp_path: Path) -> None:
    for cut in range(len(ROWS)):
        (tmp_path / "metrics.jsonl").write_text(ROWS[:cut])
        assert len(history_of(tmp_path, 10)) == ROWS[:cut].count("\n")


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("provenance.json", '{"versions": [1]}', "versions is [1], expected a mapping"),
        ("provenance.json", '{"versions": {"torch": 1}}', "versions.torch is 1, expected text or null"),
        ("provenance.json", '{"a":' * 99 + "1" + "}" * 99, "more than 50 levels"),
        ("metrics.jsonl", '{"step": null}\n', "metrics.jsonl: line 1: step is null"),
    ],
)
def test_damaged_records_stop_a_resume(trained: Finished, shell: Shell, name: str, text: str, part: str) -> None:
    shutil.copytree(trained.run(), shell.folder / "run", ignore=shutil.ignore_patterns("scorecard.*"))
    (shell.folder / "run" / name).write_text(text)
    before = contents(shell.folder)
    assert_refused(shell.train("resume=run", "trainer.max_updates=3"), name, part)
    assert contents(shell.folder) == before


def test_every_leaf_of_the_provenance(trained: Finished, tmp_path: Path) -> None:
    whole = json.loads((trained.run() / "provenance.json").read_text())
    whole["versions"] = dict(list(whole["versions"].items())[:2])  # all are read by the same code
    path = tmp_path / "provenance.json"
    assert_taken(outcome_of_files(path, damaged_json(whole), lambda: provenance_of(tmp_path)), TAKEN_OF_PROVENANCE)
