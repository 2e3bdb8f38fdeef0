"""Every leaf of the configuration with wrong values: one short message that names the key, or a value that is valid."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rlx.app.construct import construct
from rlx.config import EvaluateConfig, TrainConfig, register_schemas, typed, validate
from rlx.config.errors import explain
from rlx.data.traded import load_traded
from rlx.errors import RlxError
from rlx.evaluate.guard_config import FittedGuard
from rlx.policies.checkpoint import save_checkpoint
from rlx.ranges import Number, Whole, declared
from rlx.sim.rule_numbers import rule_numbers
from tests.app.commands import Shell
from tests.envs.tasks import make_market
from tests.hostile.damage import EXHAUSTIVE
from tests.hostile.refusal import assert_one_message, assert_refused, contents
from tests.policies.production_files import HISTORY
from tests.policies.test_checkpoint import make_facts, make_network
from tests.policies.test_refitted import write as write_refits

CONF = Path(__file__).parents[2] / "conf"
GROUPS = ("data", "env", "costs", "guard", "module", "hardware", "logger", "protocol", "policy")
OF_TRAINING, OF_EVALUATION = ("module", "logger"), ("policy", "protocol")  # a training takes some protocols alone
ENDLESS = "x" * 100_000
WRONG: tuple[Any, ...] = (
    *(None, "", "text", "../x", "a\nb", "[/b]<script>", ENDLESS, True, [], {}, [None], [ENDLESS]),
    *(-1, 0, 1e300, 1e-300, 99999999999999999999, math.nan, math.inf, -math.inf),
)
LARGEST = 1e15
FILES = {
    "folder": "data.path=prices.csv",
    "weights": "policy.path=weights.csv",
    "plan": "policy.path=plan.json",
    "checkpoint": "policy.path=policy",
    "refitted": "policy.path=refits",
    "production": "policy.trades=trades.json",
}
Kind = type[TrainConfig] | type[EvaluateConfig]


class Leaf(NamedTuple):
    """A value of the composed tree, in the option it is first met in."""

    entry: str
    option: str
    key: str

    def __str__(self) -> str:
        return f"{self.entry}-{self.option or 'base'}-{self.key}"


@cache
def composed(entry: str, option: str) -> DictConfig:
    """Return the tree of a command with one option chosen; small, so that loading is quick."""
    name = option.partition("=")[2]
    overrides = [option] if option else []
    overrides += [FILES[name]] if name in FILES else []
    if not option.startswith("data="):
        overrides += ["data=synthetic", "data.n_bars=300"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(entry, overrides)


@pytest.fixture(scope="module", autouse=True)
def _schemas() -> None:
    register_schemas()  # once: it takes as long as composing does


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay what the paths of the configuration name where the tests run: with no file there, that would be the error."""
    closes = "\n".join(f"{day:%Y-%m-%d},{100 + day.day}" for day in pd.bdate_range("2019-01-01", periods=300))
    (tmp_path / "prices.csv").write_text(f"date,close\n{closes}\n")
    (tmp_path / "weights.csv").write_text("date,S0\n2020-01-01,0.5\n")
    (tmp_path / "plan.json").write_text(
        json.dumps({"target_date": "2020-01-02", "instructions": [{"symbol": "S0", "action": "hold"}]})
    )
    (tmp_path / "trades.json").write_text(json.dumps(HISTORY))
    save_checkpoint(tmp_path / "policy", make_facts(make_market()), make_network())
    write_refits(tmp_path / "refits", make_market())
    monkeypatch.chdir(tmp_path)


def kind_of(entry: str) -> Kind:
    return TrainConfig if entry == "train" else EvaluateConfig


def leaves(tree: DictConfig, above: str = "") -> Iterator[str]:
    for name in tree:
        node = tree._get_node(name)
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_missing():
            yield from leaves(node, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def one_option_a_schema(group: str) -> list[str]:
    """Return an option of the group for each of its schemas, which an option file names first."""
    files = {OmegaConf.load(path).defaults[0]: path.stem for path in sorted((CONF / group).glob("*.yaml"))}
    return [f"{group}={option}" for option in files.values()]


@cache
def all_leaves() -> tuple[Leaf, ...]:
    """Return every leaf once by schema and key."""
    found: dict[Any, Leaf] = {}
    for entry in ("train", "evaluate"):
        for name in (leaf for leaf in leaves(composed(entry, "")) if leaf.partition(".")[0] not in GROUPS):
            found.setdefault(name, Leaf(entry, "", name))
        others = OF_EVALUATION if entry == "train" else OF_TRAINING
        for group in (group for group in GROUPS if group not in others):
            for option in one_option_a_schema(group):
                tree = composed(entry, option)
                for name in leaves(tree[group], f"{group}."):
                    found.setdefault((OmegaConf.get_type(tree[group]), name), Leaf(entry, option, name))
    return tuple(found.values())


def start(leaf: Leaf, value: Any) -> tuple[str | None, Any]:
    """Take a command with the value to where work would start; return the refusal if any, and what the tree holds."""
    tree = composed(leaf.entry, leaf.option)
    above, _, name = leaf.key.rpartition(".")
    nodes = (OmegaConf.select(tree, above) if above else tree).__dict__["_content"]
    before = nodes[name]
    nodes[name] = copy(before)  # is changed in place: a tree is composed once, and not copied for every value
    try:
        OmegaConf.update(tree, leaf.key, value)
        config = typed(tree, kind_of(leaf.entry))
        validate(config)
        build(leaf, config)
        return None, OmegaConf.select(tree, leaf.key)
    except (RlxError, HydraException, OmegaConfBaseException) as error:
        return str(error if isinstance(error, RlxError) else explain(error)), None
    finally:
        nodes[name] = before


def build(leaf: Leaf, config: Any) -> None:
    """Make what is cheap to make of the group that the leaf is in."""
    group = leaf.key.partition(".")[0]
    if group in ("env", "costs", "guard") and not isinstance(config.guard, FittedGuard):
        rule_numbers(config.rules(), 4, 252, symbols=("S0", "S1", "S2", "S3"))
    elif group == "data":
        load_traded(config.data, 1)
    elif group == "policy":
        construct(config.policy)


def problem(leaf: Leaf, value: Any) -> str | None:
    """Return what is wrong with how a value is taken, None where all is well."""
    message, taken = start(leaf, value)
    if message is None:
        return absurd(taken)
    if leaf.key not in message:
        return f"does not name the key: {message[:200]}"
    try:
        assert_one_message(message)
    except AssertionError as error:
        return str(error)[:300]
    return None


def absurd(taken: Any) -> str | None:
    """Return why a value that was taken should not have been; 1e-300 counts as the zero that it is."""
    if isinstance(taken, (int, float)) and not abs(taken) <= LARGEST:
        return f"takes {taken}"
    return "takes an endless text" if ENDLESS in str(taken) else None


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=EXHAUSTIVE)])
def test_every_leaf_refuses_wrong_values_in_one_message(stride: int) -> None:
    """Every leaf with every fifth value, which are others in the next leaf, or with all of them."""
    cases = ((leaf, value) for number, leaf in enumerate(all_leaves()) for value in WRONG[number % stride :: stride])
    reports = ((leaf, value, problem(leaf, value)) for leaf, value in cases)
    assert [f"{leaf} = {str(value)[:40]!r}: {report}" for leaf, value, report in reports if report is not None] == []


def test_every_number_of_the_configuration_declares_its_range() -> None:
    missing = []
    for leaf in all_leaves():
        above, _, name = leaf.key.rpartition(".")
        tree = composed(leaf.entry, leaf.option)
        schema = OmegaConf.get_type(OmegaConf.select(tree, above) if above else tree)
        value = None if OmegaConf.is_missing(tree, leaf.key) else OmegaConf.select(tree, leaf.key)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and not isinstance(declared(schema).get(name, (None,))[0], (Whole, Number)):
            missing.append(str(leaf))
    assert missing == []


@pytest.mark.parametrize(
    ("command", "argument", "message"),
    [
        ("train", "trainer.max_minutes=inf", "trainer.max_minutes=inf: must be between 1e-06 and 525600, or null."),
        ("train", "guard.window=99999999999999999999", "must be a whole number between 1 and 10000."),
        ("train", "env.cooldown.steps=99999999999999999999", "env.cooldown.steps=99999999999999999999: must be"),
        ("train", "module.rollout_steps=99999999999999999999", "module.rollout_steps=99999999999999999999: must be"),
        ("train", "costs.slippage_bps=1e300", "costs.slippage_bps=1e+300: must be between 0 and 10000."),
        ("train", "module.learning_rate=nan", "module.learning_rate=nan: must be between"),
        ("train", "seed=-1", "seed=-1: must be a whole number between 0 and 4294967295."),
        ("train", "module.n_accounts=1e300", "module.n_accounts"),
        ("train", "hardware.threads=1000000000", "hardware.threads=1000000000: must be a whole number"),
        ("train", "module.hidden_size=10000000", "module.hidden_size=10000000: must be"),
        ("train", "logger.project=a/b", "logger.project=a/b: must be a text"),
        ("evaluate", "env.reward.turnover_penalty=1e300", "env.reward.turnover_penalty=1e+300: must be between"),
        ("evaluate", "protocol.confidence=inf", "protocol.confidence=inf: must be between"),
        ("evaluate", "protocol.bootstrap_replications=99999999999", "must be a whole number between 100 and 100000."),
    ],
)
def test_a_command_refuses_it_as_well(
    command: str, argument: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell, before = Shell(tmp_path, capsys), contents(tmp_path)
    assert_refused(getattr(shell, command)(argument), message)
    assert contents(tmp_path) == before
