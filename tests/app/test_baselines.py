"""Every policy that needs no file, from the command line."""

from __future__ import annotations

import pytest

from rlx.errors import ConfigError
from rlx.evaluate.scorecard import Scorecard
from rlx.policies.optimal import KellyConfig, MinimumVarianceConfig
from tests.app.commands import Finished, Shell

ESTIMATED = ("inverse_volatility", "minimum_variance", "momentum", "kelly")
QUICK = ("protocol.bootstrap_replications=200", "protocol.start=2020-06-01", "hydra.run.dir=run")


def judged(shell: Shell, *arguments: str) -> Scorecard:
    """Return the scorecard that a command writes."""
    finished: Finished = shell.evaluate(*arguments, *QUICK)
    assert finished.status == 0, finished.err
    return Scorecard.load(shell.folder / "run" / "scorecard.json")


@pytest.mark.parametrize("name", ESTIMATED)
def test_an_estimated_baseline_is_judged(shell: Shell, name: str) -> None:
    card = judged(shell, f"policy={name}", "policy.rebalance_steps=42")
    assert card.module == card.policy["name"] == card.policy["kind"] == name
    assert card.policy["rebalance_steps"] == card.config["policy"]["rebalance_steps"] == 42
    assert card.policy["estimated_from"] < "2014" and "oracle" not in card.policy
    assert card.metrics["limit_clipped"] == pytest.approx(0.0, abs=1e-9)
    assert 0.0 < (card.metrics["turnover"] or 0.0) < 0.1
    assert "oracle" not in card.verdict


def test_the_oracle_wins_and_is_not_ranked(shell: Shell) -> None:
    card = judged(shell, "policy=hindsight")
    best = max(numbers["cumulative_return"] or 0.0 for numbers in card.baselines.values())
    assert (card.metrics["cumulative_return"] or 0.0) > best
    assert card.policy["oracle"] is True
    message = "Not a competitor: hindsight is an oracle that sees the future, so it cannot be ranked."
    assert card.verdict.startswith(message)
    assert message in (shell.folder / "run" / "scorecard.md").read_text(encoding="utf-8")
    assert "chance" not in card.verdict


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["policy=momentum", "policy.top_k=10"], ["policy.top_k=10", "9 symbols", "at most 9"]),
        (["policy=kelly", "policy.lookback_steps=2500"], ["policy.lookback_steps=2500", "2231 bars"]),
    ],
)
def test_settings_that_the_data_do_not_allow(shell: Shell, arguments: list[str], parts: list[str]) -> None:
    finished = shell.evaluate(*arguments, *QUICK)
    assert finished.status == 2
    assert all(part in finished.err for part in parts), finished.err


def test_the_schema_knows_the_fewest_steps() -> None:
    for schema in (MinimumVarianceConfig, KellyConfig):
        assert schema(lookback_steps=3).lookback_steps == 3
        with pytest.raises(ConfigError, match=r"policy\.lookback_steps=2: must be a whole number between 3"):
            schema(lookback_steps=2)
