"""Where options are listed for people: the help of the commands and the docs name what there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlx import registry, testing
from rlx.app.entry import help_text
from rlx.config import options
from rlx.config.commands import GROUPS
from rlx.config.options import file_options
from rlx.policies.rebalanced import RebalancedConfig

ROOT = Path(__file__).parents[2]
OF_TRAINING, OF_EVALUATION = {"module", "gate", "logger"}, {"policy"}
NOT_OF_BACKTESTS = set(GROUPS) - {"data", "costs", "forecaster"}
OWN = {"top_k", "cap"}
ADDED = ("experiment", "sweep")  # groups that a command line adds with +


def page(*place: str) -> str:
    return ROOT.joinpath("docs", *place).read_text(encoding="utf-8")


def listed_in_help(command: str) -> dict[str, list[str]]:
    """Return the options by group, in their order; a line that begins with spaces continues the group above it."""
    document: Any = yaml.safe_load((ROOT / "conf" / "hydra" / "help" / f"{command}.yaml").read_text(encoding="utf-8"))
    lines = document["template"].partition("Groups, the first option is the default\n")[2].partition("\n\n")[0]
    found: dict[str, list[str]] = {}
    for line in lines.splitlines():
        group, options = line[2:15].strip(), re.split(r"\s{2,}| (?=windows and)", line[15:])[0]
        found.setdefault(group or list(found)[-1], []).extend(options.split())
    return found


@pytest.mark.parametrize(
    ("command", "others"), [("train", OF_EVALUATION), ("evaluate", OF_TRAINING), ("backtest", NOT_OF_BACKTESTS)]
)
def test_the_help_lists_every_option_and_the_default_first(command: str, others: set[str]) -> None:
    listed = listed_in_help(command)
    expected = {group: set(file_options(group)) for group in GROUPS if group not in others}
    if command == "train":
        expected |= {f"+{group}": set(file_options(group)) for group in ADDED}
    assert {group: set(options) for group, options in listed.items()} == expected
    assert all(len(set(options)) == len(options) for options in listed.values())
    chosen: Any = yaml.safe_load((ROOT / "conf" / f"{command}.yaml").read_text(encoding="utf-8"))["defaults"]
    defaults = {group: option for entry in chosen if isinstance(entry, dict) for group, option in entry.items()}
    for group in set(listed) & set(defaults):
        assert listed[group][0] == defaults[group], group


def test_the_help_lists_components_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "More options" not in help_text("train") + help_text("evaluate")
    found = {**registry.components("policy"), "reversal": registry.Component("reversal", "their.module:Config")}
    monkeypatch.setattr(options, "components", lambda group: found if group == "policy" else {})
    assert help_text("evaluate").endswith("\n\nMore options: policy=reversal\n")
    assert "More options" not in help_text("train")


def test_the_page_on_configuration_lists_every_option() -> None:
    rows = re.findall(r"^\| \[?`(\w+)`.*?\| (.*?) \|", page("configuration.md"), flags=re.MULTILINE)
    listed = {group: set(re.findall(r"`(\w+)`", options)) for group, options in rows if group in GROUPS}
    assert listed == {group: set(file_options(group)) for group in GROUPS}


def test_the_page_on_policies_has_every_policy() -> None:
    listed = page("policies.md").partition("| `policy=` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (.*?) \|", listed, flags=re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(registry.components("policy"))


def test_the_page_on_policies_has_the_defaults_of_those_that_estimate() -> None:
    listed = page("policies.md").partition("| `policy=` | weights |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*)$", listed, flags=re.MULTILINE))
    for name, kind in registry.loaded("policy").items():
        if issubclass(kind, RebalancedConfig):
            config = kind()
            assert re.search(rf"\({config.lookback_steps}\)|_steps` {config.lookback_steps} ", rows[name]), name
            assert all(f"`{own}` {getattr(config, own):g}" in rows[name] for own in OWN & vars(config).keys())


def test_every_module_has_a_page() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "modules").glob("*.md")}
    assert pages == set(registry.components("module"))


def test_every_check_is_on_the_page_about_extending() -> None:
    listed = re.findall(r"^\| `(check_\w+)` \|", page("extending.md"), flags=re.MULTILINE)
    assert sorted(listed) == sorted(testing.__all__)
