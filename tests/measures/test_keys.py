"""One list of keys: unique, documented, and docs/keys.md is rendered from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlx.errors import ConfigError
from rlx.keys import GROUPS, find_key, keys, render_keys

DOCUMENT = Path(__file__).parents[2] / "docs" / "keys.md"


def test_the_document_is_rendered_from_the_list() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render_keys(), "write rlx.keys.render_keys() to docs/keys.md"


def test_names_are_unique_and_every_key_says_what_it_means() -> None:
    assert sum(len(keys) for _, keys in GROUPS.values()) == len(keys())
    assert all(key.meaning and key.better in ("", "higher", "lower") for key in keys().values())


def test_the_keys_the_design_names_are_there() -> None:
    performance = {"sharpe", "sortino", "cumulative_return", "annual_return", "max_drawdown", "turnover", "cost_drag"}
    guard = {f"{name}_hit_rate" for name in ("drawdown", "negative_return", "turnover")}
    guard |= {"mean_leverage_scale", "min_leverage_scale"}
    speed = {"env_steps_per_second", "updates_per_second"}
    named = {f"eval/{name}" for name in performance} | {f"guard/{name}" for name in guard}
    named |= {f"perf/{name}" for name in speed}
    assert named <= set(keys())


def test_a_misspelt_key_is_answered_with_the_nearest() -> None:
    assert find_key("val/sharpe").better == "higher"
    with pytest.raises(ConfigError, match=r"'val/sharp' is not a logged key. Did you mean 'val/sharpe'"):
        find_key("val/sharp")
