"""The gate: when evidence opens it, in numbers worked out by hand, and what a policy does behind a shut one."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.errors import CheckpointError, ConfigError
from rlx.measures.evidence import Evidence
from rlx.policies.baselines import EqualWeight
from rlx.policies.checkpoint import CheckpointPolicy, load_checkpoint, save_checkpoint
from rlx.policies.gate import Gate, GateConfig, gate_in_words
from rlx.testing import check_policy
from tests.envs.tasks import ALL_RULES, make_market
from tests.learners.fitting import played
from tests.policies.acting import observe
from tests.policies.test_checkpoint import make_facts, make_network
from tests.policies.test_consecutive import SPAN, trained


def weighed(mean: float, t: float, attempts: float = 1.0, **config: Any) -> Gate:
    """Return the gate for a mean log growth per step, of 252 steps a year and 500 steps in all."""
    return Gate.of(Evidence(0, mean, t, attempts), 500, GateConfig(**config), 252, fitted=0.3)


class TestEvidence:
    """Which evidence opens the gate."""

    def test_one_attempt_by_hand(self) -> None:
        gate = weighed(0.0004, 2.0)
        assert gate.open and gate.t == 2.0 and gate.steps == 500 and gate.level == 0.05 and gate.fitted == 0.3
        assert gate.needed == pytest.approx(1.644854, abs=1e-6)  # the normal quantile of 95%
        assert gate.excess == pytest.approx(0.1008)
        assert gate.detectable == pytest.approx(1.644854 * 0.0002 * 252, rel=1e-6)  # a standard error of 0.0002

    def test_several_attempts_need_more(self) -> None:
        gate = weighed(0.0004, 2.0, attempts=5.0)
        assert gate.needed == pytest.approx(2.326348, abs=1e-6)  # the quantile of 1 - 5% / 5
        assert not gate.open and gate.attempts == 5.0
        assert weighed(0.0004, 2.33, attempts=5.0).open

    def test_a_stricter_level_needs_more(self) -> None:
        assert weighed(0.0004, 2.0, level=0.01).needed == pytest.approx(2.326348, abs=1e-6)
        assert not weighed(0.0004, 2.0, level=0.01).open

    def test_a_loss_keeps_it_shut_and_has_an_error_too(self) -> None:
        gate = weighed(-0.0004, -2.0)
        assert not gate.open and gate.excess == pytest.approx(-0.1008)
        assert gate.detectable == pytest.approx(1.644854 * 0.0002 * 252, rel=1e-6)

    def test_without_a_level_it_always_acts(self) -> None:
        for gate in (weighed(-0.0004, -2.0, level=None), weighed(0.0, math.nan, level=None)):
            assert gate.open and gate.needed is None and gate.detectable is None

    def test_what_never_varies_proves_nothing(self) -> None:
        gate = weighed(0.0004, math.nan)
        assert not gate.open and gate.t is None and gate.detectable is None
        assert weighed(0.0, 0.0).detectable is None
        json.dumps(asdict(gate), allow_nan=False)

    @pytest.mark.parametrize(("field", "value"), [("level", 0.0), ("level", 0.6), ("lags", -1)])
    def test_nonsense_is_refused(self, field: str, value: float) -> None:
        with pytest.raises(ConfigError, match=rf"gate\.{field}={value}"):
            GateConfig(**{field: value})


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (
            weighed(0.0004, 2.0),
            "The gate is open: on 500 decisions that it was not fitted to, it earned +10.1% a year over equal weights "
            "(and +30.0% where it was fitted), t 2.00 against 1.64 needed.",
        ),
        (
            weighed(-0.0004, -1.0),
            "The gate is shut, and it holds equal weights: on 500 decisions that it was not fitted to, it earned "
            "-10.1% a year over equal weights (and +30.0% where it was fitted), t -1.00 against 1.64 needed. An edge "
            "of 16.6% a year would have opened it.",
        ),
        (
            weighed(0.0, math.nan),
            "The gate is shut, and it holds equal weights: on 500 decisions that it was not fitted to, it earned +0.0% "
            "a year over equal weights (and +30.0% where it was fitted), t undefined against 1.64 needed.",
        ),
        (
            weighed(0.0004, 1.0, level=None),
            "There was no gate: on 500 decisions that it was not fitted to, it earned +10.1% a year over equal weights "
            "(and +30.0% where it was fitted).",
        ),
    ],
)
def test_words(gate: Gate, words: str) -> None:
    assert gate_in_words(asdict(gate)) == words


OPEN, SHUT, NONE = weighed(0.0004, 2.0), weighed(0.0004, 1.0), weighed(0.0, math.nan, level=None)


def behind(gate: Gate | None, market: Market) -> CheckpointPolicy:
    """Return a trained policy that departs from equal weights, behind ``gate``."""
    policy = trained(market, slice(0, 3))
    return CheckpointPolicy(replace(policy.facts, gate=None if gate is None else asdict(gate)), policy.network)


@pytest.fixture
def market() -> Market:
    return make_market()


class TestPolicy:
    """A trained policy and its gate, before and after its files."""

    @pytest.mark.parametrize("gate", [None, OPEN, SHUT, NONE])
    def test_the_gate_passes_through_the_files(self, gate: Gate | None, market: Market, tmp_path: Path) -> None:
        policy = behind(gate, market)
        save_checkpoint(tmp_path / "policy", policy.facts, policy.network)
        loaded = load_checkpoint(tmp_path)
        assert loaded.acts is policy.acts is (gate is not SHUT)
        assert loaded.describe()["gate"] == (None if gate is None else asdict(gate))
        observation = observe(market, [40, 50], policy)
        np.testing.assert_array_equal(loaded.act(observation), policy.act(observation))

    def test_behind_a_shut_gate_it_acts_exactly_like_equal_weight(self, market: Market, tmp_path: Path) -> None:
        policy = behind(SHUT, market)
        save_checkpoint(tmp_path / "policy", policy.facts, policy.network)
        loaded, equal = load_checkpoint(tmp_path), played(EqualWeight(), market, ALL_RULES, SPAN)
        for shut in (policy, loaded):
            ledger = played(shut, market, ALL_RULES, SPAN)
            for name in ("executed_weights", "net_return", "turnover", "value"):
                np.testing.assert_array_equal(getattr(ledger, name), getattr(equal, name), err_msg=name)
        assert not loaded.reads_account
        check_policy(loaded, market)

    @pytest.mark.parametrize("gate", [OPEN, NONE])
    def test_behind_an_open_gate_it_follows_its_network(self, gate: Gate, market: Market) -> None:
        observation = observe(market, [40, 50], policy := behind(gate, market))
        weights = policy.act(observation)
        np.testing.assert_array_equal(weights, behind(None, market).act(observation))
        assert np.ptp(weights) > 0.01

    def test_ungated_it_follows_its_network_under_a_name_of_its_own(self, market: Market, tmp_path: Path) -> None:
        policy = behind(SHUT, market)
        save_checkpoint(tmp_path / "policy", policy.facts, policy.network)
        observation, expected = observe(market, [40, 50], policy), behind(None, market)
        for free in (policy.ungated(), load_checkpoint(tmp_path, ungated=True)):
            assert free.acts and free.name == "own_ungated" and free.describe()["gate"] is None
            np.testing.assert_array_equal(free.act(observation), expected.act(observation))
        assert policy.name == "own" and not policy.acts  # it is a copy
        assert load_checkpoint(tmp_path, ungated=True).path == tmp_path / "policy"

    def test_a_network_that_reads_the_account_does_not_behind_a_shut_gate(self, market: Market) -> None:
        facts = make_facts(market)
        assert CheckpointPolicy(facts, make_network()).reads_account
        shut = CheckpointPolicy(replace(facts, gate=asdict(SHUT)), make_network())
        assert not shut.reads_account and shut.ungated().reads_account

    def test_files_of_before_the_gate_act(self, market: Market, tmp_path: Path) -> None:
        policy = behind(None, market)
        save_checkpoint(tmp_path / "policy", policy.facts, policy.network)
        path = tmp_path / "policy" / "policy.json"
        content = json.loads(path.read_text())
        assert content.pop("gate") is None
        path.write_text(json.dumps(content))
        assert load_checkpoint(tmp_path).acts

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"open": "false"}, r'gate\.open is "false", expected true or false'),
            ({"open": 0}, r"gate\.open is 0, expected true or false"),
            ({"open": ...}, r"gate\.open is missing, expected true or false"),
            ({"needed": "2"}, r'gate\.needed is "2", expected a number'),
            ({"steps": -1}, r"gate\.steps is -1, expected a whole number"),
            ([1], r"gate is \[1\], expected a mapping"),
        ],
    )
    def test_a_damaged_gate_is_refused(self, change: Any, message: str, market: Market, tmp_path: Path) -> None:
        policy = behind(SHUT, market)
        save_checkpoint(tmp_path / "policy", policy.facts, policy.network)
        path = tmp_path / "policy" / "policy.json"
        content = json.loads(path.read_text())
        if isinstance(change, dict):
            gate = content["gate"] | change
            content["gate"] = {name: value for name, value in gate.items() if value is not ...}
        else:
            content["gate"] = change
        path.write_text(json.dumps(content))
        with pytest.raises(CheckpointError, match=rf"policy\.json: {message}"):
            load_checkpoint(tmp_path)
