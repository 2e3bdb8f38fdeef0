"""A scoreboard of real judgements on a small market: two keys, two benchmarks, and everything that can go wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rlx.board.entry import ORACLE, Entry
from rlx.board.series import report_series, spark_line
from rlx.board.store import REPORTS, append
from rlx.data.splits import Span
from rlx.evaluate.judge import Judgement, judge
from rlx.evaluate.protocols.base import Protocol
from rlx.files import write_json
from rlx.policies.base import Policy
from rlx.policies.baselines import BuyAndHold, Cash, EqualWeight
from rlx.sim.rules import Rules
from tests.evaluate.players import FREE, GUARDED, Player, random_market, state_dependent

HOSTILE = "<script>alert(\"1\")</script> & 'co'"
MESSAGE = '<img src="https://example.org/x.png" onerror=alert(2)> not there'
MARKET = random_market(n_bars=120, n_assets=12)
SPAN = Span(10, 119)


def tilted(weights: list[float]) -> Player:
    """Return a policy that always asks for the same weights."""
    return Player(lambda o: np.tile(np.resize(weights, o.weights.shape[1]), (len(o.weights), 1)))


POLICIES: dict[str, tuple[Policy, str | None]] = {
    "equal_weight": (EqualWeight(), None),
    "cash": (Cash(), None),
    "tilted": (tilted([0.2, 0.05, 0.1]), None),
    "shorts": (tilted([0.2, -0.15, 0.1, -0.02]), None),
    HOSTILE: (state_dependent(), None),
    "oracle_of_old": (tilted([0.3, 0.0]), ORACLE),
}
MOVED = {"tilted": -0.25, HOSTILE: 0.25}
"""Target -> by how much its score differs in the guarded key's second benchmark."""


def judged(policy: Policy, rules: Rules) -> Judgement:
    """Judge a policy with the usual baselines."""
    protocol = Protocol(window_steps=10, bootstrap_replications=100)
    return judge(
        policy, MARKET, SPAN, rules, protocol, baselines=[EqualWeight(), BuyAndHold(), Cash()], module=policy.name
    )


def entry_of(target: str, judgement: Judgement, unranked: str | None, **more: Any) -> Entry:
    """Return the line of a judgement, as a benchmark fills it."""
    card = judgement.scorecard
    kept = ("metrics", "intervals", "guard", "windows", "significance", "verdict")
    return Entry(
        target=target,
        system="seeds" if target in ("tilted", "shorts") else target,
        kind=target,
        key=card.key["hash"],
        unranked=unranked,
        days=card.key["windows"]["holdout"]["steps"],
        equity=spark_line(judgement),
        policy=card.policy,
        provenance={"git": {"commit": "0123456789abcdef", "dirty": True}, "python": "3.11.7"},
        **{name: getattr(card, name) for name in kept},
        **more,
    )


def make_board(folder: Path) -> Path:
    """Write a board with reports and return its path; the guarded key is benchmarked twice, the free one last."""
    path = folder / "scoreboard.json"
    for rules, benchmarks in ((GUARDED, ("first", "second")), (FREE, ("third",))):
        judgements = {name: judged(policy, rules) for name, (policy, _) in POLICIES.items()}
        key = next(iter(judgements.values())).scorecard.key
        shared = {"key": key, "data": next(iter(judgements.values())).scorecard.data}
        for number, benchmark in enumerate(benchmarks):
            stamp = f"2026-01-0{number + 2}T03:04:05Z" if rules is GUARDED else "2026-01-05T00:00:00Z"
            more = {"benchmark": benchmark, "recorded_at": stamp}
            entries = [
                replace(
                    entry_of(name, judgement, POLICIES[name][1], **more),
                    report=f"{key['hash']}/{position}.json",
                )
                for position, (name, judgement) in enumerate(judgements.items())
            ]
            if benchmark == "second":  # one that has fallen, one that has risen, and one that is new
                entries = [replace(e, metrics=_moved(e, MOVED.get(e.target, 0.0))) for e in entries]
                entries.append(_failed(key["hash"], **more))
            elif rules is GUARDED:
                entries = [e for e in entries if e.target != "shorts"]
            append(path, key["hash"], shared, entries)
        for position, judgement in enumerate(judgements.values()):
            write_json(folder / REPORTS / key["hash"] / f"{position}.json", report_series(judgement))
    return path


def _moved(entry: Entry, by: float) -> dict[str, float | None]:
    assert entry.score is not None
    return {**entry.metrics, "cumulative_return": entry.score + by}


def _failed(key: str, **more: Any) -> Entry:
    return Entry(target="broken", system="broken", kind="checkpoint", key=key, failure=MESSAGE, **more)
