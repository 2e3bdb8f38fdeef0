"""The current ranking of the board: the latest entry of every target, ranked within its key, with the earlier rank."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlx.board.entry import Entry
from rlx.board.store import Scoreboard
from rlx.measures.multiple import holm_correction, interquartile_mean
from rlx.measures.statistics import EXCESS

BASELINE = "equal_weight"


@dataclass(frozen=True)
class Row:
    """A target's ranking: ``rank`` (from 1, None if it does not compete) by score, and its earlier rank.

    ``rank_before`` and ``score_before`` are those before the key's last benchmark. ``multiple`` is the score divided by
    equal weight's, None where that lost. ``p_value`` is for not beating equal weight, corrected for all competitors of
    the key (Holm), ``p_value_alone`` the uncorrected one.
    """

    entry: Entry
    rank: int | None
    rank_before: int | None = None
    score_before: float | None = None
    multiple: float | None = None
    p_value: float | None = None
    p_value_alone: float | None = None


@dataclass(frozen=True)
class Pool:
    """The seeds of one system: interquartile means, the range of their scores, and the number ahead of equal weight.

    ``failed`` seeds have no numbers; with any of them there is no mean either: an absent seed is no better than a bad
    one.
    """

    system: str
    seeds: int
    failed: int
    score: float | None
    sharpe: float | None
    lowest: float | None
    highest: float | None
    ahead: int


@dataclass(frozen=True)
class Group:
    """Everything comparable: rows of one key, competitors by rank first, and systems with several seeds."""

    key: str
    shared: Mapping[str, Any]
    rows: tuple[Row, ...]
    pools: tuple[Pool, ...]
    baseline: Entry | None


def rank_board(board: Scoreboard) -> list[Group]:
    """Return the groups of a board, the most recently judged first."""
    histories: dict[str, list[Entry]] = {}
    for entry in board.entries:
        histories.setdefault(entry.key, []).append(entry)
    last = dict.fromkeys(entry.key for entry in reversed(board.entries))
    return [_group(key, board.keys[key], histories[key]) for key in last]


def _group(key: str, shared: Mapping[str, Any], history: list[Entry]) -> Group:
    latest = _latest(history)
    before = _latest(entry for entry in history if entry.benchmark != history[-1].benchmark)
    ranks, ranks_before = _ranks(latest.values()), _ranks(before.values())
    baseline = next((entry for entry in latest.values() if entry.kind == BASELINE and entry.ranked), None)
    alone = {name: p for name, entry in latest.items() if (p := _p_value(entry)) is not None}
    corrected = holm_correction(alone)
    rows = [
        Row(
            entry,
            ranks.get(name),
            ranks_before.get(name),
            before[name].score if name in before else None,
            _multiple(entry, baseline),
            corrected.get(name),
            alone.get(name),
        )
        for name, entry in latest.items()
    ]
    return Group(key, shared, tuple(sorted(rows, key=_order)), tuple(_pools(latest.values(), baseline)), baseline)


def _latest(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return the last entry of each target, by name."""
    return {entry.target: entry for entry in entries}


def _ranks(entries: Iterable[Entry]) -> dict[str, int]:
    """Return ranks from 1 by descending score; equal scores share the better rank."""
    scores = {entry.target: entry.score for entry in entries if entry.ranked}
    known = {name: score for name, score in scores.items() if score is not None}
    ordered = sorted(known.values())
    return {name: 1 + len(ordered) - bisect_right(ordered, score) for name, score in known.items()}


def _p_value(entry: Entry) -> float | None:
    """Return the uncorrected p-value of not beating equal weight, None for equal weight itself."""
    if not entry.ranked:
        return None
    value = entry.intervals.get(EXCESS, {}).get("p_value")
    return None if value is None else float(value)


def _multiple(entry: Entry, baseline: Entry | None) -> float | None:
    if baseline is None or entry.score is None or baseline.score is None or baseline.score <= 0.0:
        return None
    return entry.score / baseline.score


def _order(row: Row) -> tuple[float, bool, str]:
    return (math.inf if row.rank is None else row.rank, row.entry.failure is not None, row.entry.target)


def _pools(entries: Iterable[Entry], baseline: Entry | None) -> list[Pool]:
    """Return one pool for each system of several targets, best first."""
    systems: dict[str, list[Entry]] = {}
    for entry in entries:
        systems.setdefault(entry.system, []).append(entry)
    pools = [_pool(system, members, baseline) for system, members in systems.items() if len(members) > 1]
    return sorted(pools, key=lambda pool: -math.inf if pool.score is None else pool.score, reverse=True)


def _pool(system: str, members: list[Entry], baseline: Entry | None) -> Pool:
    scores = [entry.score for entry in members if entry.score is not None]
    floor = math.inf if baseline is None or baseline.score is None else baseline.score
    return Pool(
        system=system,
        seeds=len(members),
        failed=len(members) - len(scores),
        score=_pooled([entry.score for entry in members]),
        sharpe=_pooled([entry.sharpe for entry in members]),
        lowest=min(scores, default=None),
        highest=max(scores, default=None),
        ahead=sum(score > floor for score in scores),
    )


def _pooled(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return interquartile_mean(np.array(known)) if known and len(known) == len(values) else None
