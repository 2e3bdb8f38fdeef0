"""The protocol refuses invalid options with clear messages."""

from __future__ import annotations

from typing import Any

import pytest

from rlx.errors import ConfigError
from rlx.evaluate.protocols.base import Protocol


def test_defaults() -> None:
    protocol = Protocol()
    assert (protocol.window_steps, protocol.bootstrap_replications, protocol.confidence) == (42, 2000, 0.95)
    assert (protocol.split, protocol.seed, protocol.trials) == ("auto", 0, None)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("split", "tset", r"protocol.split=tset.*Did you mean 'test'"),
        ("window_steps", 0, "protocol.window_steps=0: must be a whole number between 1 and 1000000"),
        ("window_steps", 4.5, "protocol.window_steps=4.5"),
        ("bootstrap_replications", 10, "between 100 and 100000"),
        ("seed", -1, "protocol.seed=-1"),
        ("seed", True, "protocol.seed=true"),
        ("trials", 0, "protocol.trials=0: must be a whole number between 1 and 1000000000, or null"),
        ("trials", -1, "protocol.trials=-1"),
        ("trials", 1e20, r"protocol.trials=1e\+20"),
        ("trials", 10**30, "protocol.trials=1" + "0" * 30 + ": must be a whole number between 1 and"),
        ("trials", 2.5, "protocol.trials=2.5"),
        ("trials", True, "protocol.trials=true"),
        ("confidence", 1.0, "protocol.confidence=1.0: must be between 0.01 and 0.9999"),
        ("confidence", float("nan"), "protocol.confidence=nan"),
        ("start", "yesterday", r"protocol.start=yesterday: must be a date"),
        ("end", "2020-02-31", r"protocol.end=2020-02-31: must be a date"),
        ("end", "2020-02-01T00:00:00+02:00", "must be a date"),
    ],
)
def test_nonsense_is_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Protocol(**{name: value})


def test_dates_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ConfigError, match="is after protocol"):
        Protocol(start="2020-03-02", end="2020-03-01")
    with pytest.raises(ConfigError, match="is after protocol"):
        Protocol(start="2020-03-01", end="2020-02")
    assert Protocol(start="2020-02-22", end="2020-02").end == "2020-02"  # the whole month
    assert Protocol(start="2020-03-01 09:30", end="2020-03-02").start == "2020-03-01 09:30"
