"""Promotion rules, one by one, on boards made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from rlx.board.entry import ORACLE, Entry
from rlx.board.promotion import Candidate, PromotionRules, assess_candidates, next_experiments
from rlx.board.standing import rank_board
from rlx.board.store import Scoreboard
from rlx.errors import ConfigError
from rlx.measures.statistics import EXCESS
from tests.board.entries import KEY, entry, failed, shared

RULES = PromotionRules()


def good(target: str = "good", score: float = 0.5, **changes: Any) -> Entry:
    """Return an entry that satisfies every rule, except for ``changes``."""
    fields: dict[str, Any] = {
        "low": 0.01,
        "p": 0.01,
        "dsr": 0.96,
        "max_drawdown": 0.2,
        "steps": 300,
        "windows": 200,
        "system": target,
        **changes,
    }
    return entry(
        target,
        score,
        system=fields["system"],
        metrics={"cumulative_return": score, "sharpe": 1.0, "max_drawdown": fields["max_drawdown"]},
        intervals={EXCESS: {"low": fields["low"], "high": 0.5, "p_value": fields["p"]}},
        significance={"dsr": fields["dsr"], "trials": 1, "steps": fields["steps"]},
        windows={"n": fields["windows"]},
    )


def candidates(*entries: Entry, rules: PromotionRules = RULES) -> dict[str, Candidate]:
    """Return the candidates of a board by system."""
    (group,) = rank_board(Scoreboard({KEY: shared()}, (entry("equal_weight", 0.1), *entries)))
    return {candidate.system: candidate for candidate in assess_candidates(group, rules)}


def test_a_system_that_keeps_every_rule_is_promoted() -> None:
    assert candidates(good())["good"].promoted


@pytest.mark.parametrize(
    ("change", "rule", "found"),
    [
        ({"low": -0.001}, "excess", "-0.1% to +50.0%"),
        ({"low": None}, "excess", "no interval"),
        ({"p": 0.06}, "holm", "0.060"),
        ({"dsr": 0.94}, "dsr", "0.940 with 1 trial"),
        ({"dsr": None}, "dsr", "none"),
        ({"max_drawdown": 0.26}, "drawdown", "26.0%"),
        ({"steps": 251}, "steps", "251"),
        ({"windows": 99}, "windows", "99"),
    ],
)
def test_each_rule_stops_a_system_alone(change: dict[str, Any], rule: str, found: str) -> None:
    (finding,) = candidates(good(**change))["good"].broken
    assert (finding.rule, finding.found) == (rule, found)


def test_competitors_weaken_each_other() -> None:
    assert candidates(good(p=0.02))["good"].promoted
    crowd = [good(f"other {number}", p=0.9) for number in range(2)]
    (finding,) = candidates(good(p=0.02), *crowd)["good"].broken
    assert (finding.rule, finding.found) == ("holm", "0.060")


def test_every_seed_has_to_keep_the_rules_and_the_middle_one_is_proposed() -> None:
    seeds = [good(f"s{n}", score, system="s", p=0.001) for n, score in enumerate((0.9, 0.4, 0.5))]
    system = candidates(*seeds)["s"]
    assert system.promoted and system.representative.entry.target == "s2"
    changed = candidates(*seeds[:2], good("s2", 0.5, system="s", p=0.001, dsr=0.5))["s"]
    assert not changed.promoted and [finding.target for finding in changed.broken] == ["s2"]
    assert not candidates(*seeds[:2], failed("s2", system="s"))["s"].promoted


def test_equal_weight_and_oracles_are_no_candidates_and_what_has_no_rank_says_why() -> None:
    oracle = entry("oracle", 9.0, unranked=ORACLE, policy={"oracle": True})
    found = candidates(oracle, failed("broken"), entry("seen", 0.5, unranked="fitted on 3 of these 9 steps"))
    assert set(found) == {"broken", "seen"}
    assert [finding.found for finding in found["broken"].broken] == ["nothing there"]
    assert [finding.found for finding in found["seen"].broken] == ["fitted on 3 of these 9 steps"]


def test_next_experiments_follow_from_what_was_broken() -> None:
    def advice(*entries: Entry) -> list[str]:
        return next_experiments(list(candidates(*entries).values()), RULES)

    assert advice(good()) == []
    (one,) = advice(good(max_drawdown=0.4))
    assert "protocol=guard_ab" in one
    assert len(advice(good(low=-0.1, steps=10, windows=5))) == 1  # all three ask for a longer record
    trained = Entry(**{**good().__dict__, "kind": "checkpoint"})
    (one,) = advice(trained)
    assert one.startswith("Train more seeds of good: ")


@pytest.mark.parametrize("wrong", [{"min_dsr": 0.0}, {"max_drawdown": 1.5}, {"min_steps": 0}])
def test_nonsense_rules_are_refused(wrong: dict[str, Any]) -> None:
    name, value = next(iter(wrong.items()))
    with pytest.raises(ConfigError, match=f"--{name.replace('_', '-')}={value:g}"):
        PromotionRules(**wrong)
