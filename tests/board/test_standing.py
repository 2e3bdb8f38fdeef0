"""Ranks, changes and corrected p-values of boards made by hand."""

from __future__ import annotations

import pytest

from rlx.board.entry import ORACLE, Entry
from rlx.board.standing import Group, Row, rank_board
from rlx.board.store import Scoreboard
from tests.board.entries import KEY, OTHER, entry, failed, shared


def group(*entries: Entry) -> Group:
    """Return the only group of a board."""
    (only,) = rank_board(Scoreboard({KEY: shared()}, entries))
    return only


def rows(*entries: Entry) -> dict[str, Row]:
    """Return the rows by target."""
    return {row.entry.target: row for row in group(*entries).rows}


def test_ranks_are_by_score_and_competitors_come_first() -> None:
    standing = group(
        failed("broken"),
        entry("oracle", 9.0, unranked=ORACLE),
        entry("worst", -0.5),
        entry("best", 0.3),
        entry("second", 0.1),
        entry("second too", 0.1),
    )
    assert [(row.entry.target, row.rank) for row in standing.rows] == [
        ("best", 1),
        ("second", 2),
        ("second too", 2),
        ("worst", 4),
        ("oracle", None),
        ("broken", None),
    ]


def test_the_score_per_day_compounds_to_the_score() -> None:
    assert entry("a", 0.21, days=2).score_per_day == pytest.approx(0.1)
    assert entry("ruined", -1.0).score_per_day is None
    assert failed("b").score_per_day is None


def test_changes_are_those_of_the_last_benchmark() -> None:
    table = rows(
        entry("a", 0.1, benchmark="first"),
        entry("b", 0.2, benchmark="first"),
        entry("a", 0.3, benchmark="second"),
        entry("new", 0.05, benchmark="second"),
    )
    assert (table["a"].rank, table["a"].rank_before, table["a"].score_before) == (1, 2, 0.1)
    assert (table["b"].rank, table["b"].rank_before, table["b"].score_before) == (2, 1, 0.2)
    assert (table["new"].rank, table["new"].rank_before, table["new"].score_before) == (3, None, None)


def test_a_target_that_fails_later_loses_its_place() -> None:
    table = rows(entry("a", 0.1), failed("a", benchmark="second"))
    assert table["a"].rank is None and table["a"].entry.failure is not None


def test_p_values_are_corrected_for_all_competitors_and_no_one_else() -> None:
    table = rows(
        entry("equal_weight", 0.1),
        entry("a", 0.5, p=0.01),
        entry("b", 0.4, p=0.03),
        entry("c", 0.3, p=0.5),
        entry("oracle", 0.9, p=0.001, unranked=ORACLE),
    )
    # Holm by hand: 3 x 0.01, then 2 x 0.03, then 0.5.
    assert table["a"].p_value == pytest.approx(0.03)
    assert table["b"].p_value == pytest.approx(0.06)
    assert table["c"].p_value == pytest.approx(0.5)
    assert table["oracle"].p_value is None and table["equal_weight"].p_value is None


def test_multiples_are_of_equal_weights_score_and_only_where_it_gained() -> None:
    gained = rows(entry("equal_weight", 0.1), entry("a", 0.25), entry("b", -0.1))
    assert gained["a"].multiple == pytest.approx(2.5) and gained["b"].multiple == pytest.approx(-1.0)
    assert rows(entry("equal_weight", -0.1), entry("a", 0.25))["a"].multiple is None
    assert rows(entry("a", 0.25))["a"].multiple is None


def test_seeds_are_pooled_by_their_interquartile_mean() -> None:
    seeds = [entry(f"s{number}", score, system="s") for number, score in enumerate((0.0, 0.2, 0.4, 9.0))]
    (pool,) = group(entry("equal_weight", 0.3), *seeds).pools
    assert (pool.system, pool.seeds, pool.failed, pool.ahead) == ("s", 4, 0, 2)
    assert pool.score == pytest.approx(0.3)  # the middle two
    assert pool.sharpe == pytest.approx(3.0)
    assert (pool.lowest, pool.highest) == (0.0, 9.0)


def test_a_failed_seed_is_no_absent_one() -> None:
    (pool,) = group(entry("s0", 0.1, system="s"), failed("s1", system="s")).pools
    assert (pool.seeds, pool.failed, pool.score) == (2, 1, None)


def test_keys_are_never_mixed_and_the_last_judged_comes_first() -> None:
    entries = (entry("a", 0.1), entry("a", 0.9, key=OTHER), entry("b", 0.2, key=OTHER))
    board = Scoreboard({KEY: shared(), OTHER: shared(OTHER)}, entries)
    assert [(part.key, [row.rank for row in part.rows]) for part in rank_board(board)] == [(OTHER, [1, 2]), (KEY, [1])]
