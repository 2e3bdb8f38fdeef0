"""``pnl`` was the cumulative return by another name: it is read and shown where a file has it, and written no more."""

from __future__ import annotations

import pytest

from rlx.config.commands import TrainConfig
from rlx.config.groups import TrainerConfig
from rlx.errors import ConfigError
from rlx.keys import REPLACED, RETIRED, find_key, keys
from rlx.measures.performance import METRICS
from rlx.report.numbers import meaning, number
from rlx.report.page.words import glossary, said


def test_it_is_logged_no_more() -> None:
    assert "pnl" not in METRICS
    assert not RETIRED.keys() & keys().keys()
    assert set(REPLACED.values()) <= keys().keys()


def test_where_a_file_has_it_it_is_written_as_ever() -> None:
    assert number("pnl", 0.0979) == "9.79%" and said("pnl") == "PnL"
    assert meaning("eval/pnl") == "Profit of an account that starts with 1: last value - 1 (fraction)"
    assert "PnL" in str(glossary({"pnl"})) and "PnL" not in str(glossary({"sharpe"}))


def test_a_run_that_watches_it_is_resumed_and_a_new_one_told_what_to_watch() -> None:
    trainer = TrainerConfig(monitor="val/pnl")
    assert find_key("val/pnl").better == "higher"
    assert TrainConfig(resume="outputs/earlier", trainer=trainer).trainer.monitor == "val/pnl"
    with pytest.raises(ConfigError, match=r"trainer.monitor=val/pnl: the same number is now .* val/cumulative_return"):
        TrainConfig(trainer=trainer)
    with pytest.raises(ConfigError, match="must be a validation metric"):
        TrainerConfig(monitor="eval/pnl")
