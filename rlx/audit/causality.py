"""Causality: everything known and decided up to a bar must stay bit-identical when only later prices change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlx.audit.perturbations import KINDS, choose_bars, perturbed
from rlx.audit.play import Play, play
from rlx.data.market import Market
from rlx.data.panel import format_stamp
from rlx.data.splits import Span
from rlx.errors import RlxError
from rlx.policies.base import Oracle, Policy
from rlx.sim.rules import Rules

GROUPS = {
    "features": "features of every asset",
    "observed": "features and time shown to the policy",
    "forecasts": "forecasts of its network",
    "account": "state of its account (drawdown, trailing return, cooldowns)",
    "targets": "weights it asks for",
    "guards": "guards, limits and executed weights",
    "books": "books of the steps before",
}
"""The compared groups and their meaning."""

AnyArray = np.ndarray[Any, Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Leak:
    """One quantity that changed with the future: the earliest place, and its values before and after."""

    group: str
    quantity: str
    changed_at: str
    perturbed_after: str
    perturbation: str
    symbol: str | None
    before: Any
    after: Any


@dataclass(frozen=True)
class GroupResult:
    """The result of one group: values compared, plays in which any differed, and the earliest difference."""

    group: str
    meaning: str
    values: int
    plays_changed: int
    first: Leak | None


@dataclass(frozen=True)
class Causality:
    """Whether everything was equal. ``oracle``: the policy receives the future, so no comparison is needed."""

    passed: bool
    oracle: bool
    dates: list[str]
    perturbations: list[str]
    plays: int
    groups: list[GroupResult]


def check_causality(
    policy: Policy,
    market: Market,
    span: Span,
    rules: Rules,
    names: Sequence[str],
    *,
    dates: int,
    seed: int,
    progress: Progress | None = None,
) -> tuple[Causality, Play]:
    """Replay up to each of ``dates`` bars on every perturbed future; return the changes and the real play.

    ``names`` are features to compare over all assets and bars in addition to those the policy sees. Every play has one
    account, like the real one, so that a network rounds alike and the comparison can be exact. Raises RlxError for a
    policy that decides differently on the very same data: no comparison would mean anything.
    """
    names = tuple(dict.fromkeys((*policy.feature_names, *names)))
    real = play(policy, market, span, rules, names)
    _refuse_chance(policy, market, span, rules, names, real)
    random = np.random.default_rng(seed)
    bars = choose_bars(span.start, span.stop - 1, dates, random)
    tally = _Tally(market)
    for number, bar in enumerate(bars):
        for kind_number, kind in enumerate(KINDS):
            other = market.with_panel(perturbed(market.panel, bar, kind, random))
            again = play(policy, other, Span(span.start, bar + 1), rules, names)
            tally.compare(real, again, bar, kind, rules)
            if progress is not None:
                progress(number * len(KINDS) + kind_number + 1, len(bars) * len(KINDS))
    oracle = isinstance(policy, Oracle)
    groups = tally.results()
    return Causality(
        passed=not oracle and not any(group.plays_changed for group in groups),
        oracle=oracle,
        dates=[format_stamp(market.timestamps[bar]) for bar in bars],
        perturbations=list(KINDS),
        plays=len(bars) * len(KINDS),
        groups=groups,
    ), real


def _refuse_chance(policy: Policy, market: Market, span: Span, rules: Rules, names: Sequence[str], real: Play) -> None:
    again = play(policy, market.with_panel(market.panel), span, rules, names)
    last = span.stop - 1
    before, after = (one.known_at(last, rules.execution) for one in (real, again))
    if any(
        differing(before[group][name], after[group][name]) is not None for group in before for name in before[group]
    ):
        raise RlxError(
            f"policy {policy.name!r}: two plays on the very same data differ, so a change proves nothing. "
            "Make it deterministic (a fixed seed) and audit it again."
        )


class _Tally:
    """Counts values and changed plays by group, and keeps the earliest difference of each."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.values = dict.fromkeys(GROUPS, 0)
        self.changed = dict.fromkeys(GROUPS, 0)
        self.first: dict[str, tuple[int, Leak]] = {}

    def compare(self, real: Play, again: Play, bar: int, kind: str, rules: Rules) -> None:
        """Compare everything known at ``bar``."""
        before, after = (one.known_at(bar, rules.execution) for one in (real, again))
        for group in GROUPS:
            offset = 0 if group == "features" else real.start
            found = False
            for name, values in before[group].items():
                self.values[group] += values.size
                where = differing(values, after[group][name])
                if where is not None:
                    found = True
                    leak = self._leak(group, name, where, offset, bar, kind, values, after[group][name])
                    self._keep(group, offset + where[0], leak)
            self.changed[group] += found

    def _keep(self, group: str, bar: int, leak: Leak) -> None:
        if group not in self.first or bar < self.first[group][0]:
            self.first[group] = (bar, leak)

    def _leak(
        self, group: str, name: str, where: tuple[int, ...], offset: int, bar: int, kind: str, before: Any, after: Any
    ) -> Leak:
        by_asset = before.ndim == 2 and before.shape[1] == self.market.n_assets and group != "observed"
        plain = group not in ("observed", "forecasts")  # digests and embeddings mean nothing to a reader
        stamps = self.market.timestamps
        return Leak(
            group=group,
            quantity=name,
            changed_at=format_stamp(stamps[offset + where[0]]),
            perturbed_after=format_stamp(stamps[bar]),
            perturbation=kind,
            symbol=self.market.symbols[where[1]] if by_asset else None,
            before=before[where].item() if plain else None,
            after=after[where].item() if plain else None,
        )

    def results(self) -> list[GroupResult]:
        """Return the groups that are not empty."""
        return [
            GroupResult(group, meaning, self.values[group], self.changed[group], self._first(group))
            for group, meaning in GROUPS.items()
            if self.values[group]
        ]

    def _first(self, group: str) -> Leak | None:
        return self.first[group][1] if group in self.first else None


def differing(before: AnyArray, after: AnyArray) -> tuple[int, ...] | None:
    """Return the index, earliest in time, of the first value that differs; NaN equals NaN."""
    if before.shape != after.shape:
        return (0,) * before.ndim
    differs = before != after
    if before.dtype.kind == "f":
        differs &= ~(np.isnan(before) & np.isnan(after))
    if not differs.any():
        return None
    return tuple(int(index) for index in np.unravel_index(int(np.argmax(differs)), differs.shape))


def leaks(causality: Causality) -> Mapping[str, Leak]:
    """Return the earliest leak of each group that has one."""
    return {group.group: group.first for group in causality.groups if group.first is not None}
