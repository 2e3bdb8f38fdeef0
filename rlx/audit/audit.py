"""The audit of one policy on one market: both checks, and the verdict in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rlx.audit.causality import Causality, check_causality
from rlx.audit.shuffle_check import Distribution, Shuffle, check_shuffles
from rlx.data.market import Market
from rlx.data.panel import format_stamp
from rlx.data.splits import Span
from rlx.errors import ConfigError
from rlx.files import to_json
from rlx.measures import metrics
from rlx.policies.base import Dated, Policy
from rlx.sim.rules import Rules

FEWEST_PERMUTATIONS = 20
PASS, FAIL = "PASS", "FAIL"

Progress = Callable[[str, int, int], None]
"""Called with the current task, the amount done and the total."""


@dataclass(frozen=True)
class AuditOptions:
    """The number of perturbed dates, the number of shuffled futures (0 for none), and the seed of both."""

    dates: int = 25
    permutations: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dates < 2:
            raise ConfigError(f"--dates={self.dates}: must be at least 2, the first and the last.")
        if self.permutations != 0 and self.permutations < FEWEST_PERMUTATIONS:
            raise ConfigError(
                f"--permutations={self.permutations}: must be at least {FEWEST_PERMUTATIONS}, or 0 to skip them."
            )
        if self.seed < 0:
            raise ConfigError(f"--seed={self.seed}: must not be negative.")


def audit(
    policy: Policy,
    market: Market,
    span: Span,
    rules: Rules,
    names: Sequence[str],
    options: AuditOptions,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return the audit as plain values: ``passed``, ``verdict``, ``causality``, ``shuffle`` and what was audited.

    ``names`` are features to compare in addition to those the policy sees.
    """
    causality, real = check_causality(
        policy,
        market,
        span,
        rules,
        names,
        dates=options.dates,
        seed=options.seed,
        progress=_named(progress, "other futures"),
    )
    shuffle = check_shuffles(
        policy,
        market,
        span,
        rules,
        permutations=options.permutations,
        seed=options.seed,
        progress=_named(progress, "shuffled futures"),
    )
    passed = causality.passed and shuffle.passed is not False
    block: dict[str, Any] = to_json(
        {
            "passed": passed,
            "verdict": _verdict(policy, causality, shuffle, passed),
            "policy": policy.name,
            "first": format_stamp(market.timestamps[span.start]),
            "last": format_stamp(market.timestamps[span.stop]),
            "steps": len(span),
            "data": market.fingerprint,
            "seed": options.seed,
            "replayed_cumulative_return": float(metrics.cumulative_return(real.ledger.net_return)),
            "causality": causality,
            "shuffle": shuffle,
        }
    )
    return block


def _named(progress: Progress | None, name: str) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(name, done, total)


def _verdict(policy: Policy, causality: Causality, shuffle: Shuffle, passed: bool) -> str:
    parts = [f"{PASS if passed else FAIL}.", *_of_causality(policy, causality), *_of_shuffles(shuffle)]
    if isinstance(policy, Dated):
        parts.append("The weights come from a record: an audit cannot detect what their author knew about the future.")
    return " ".join(parts)


def _of_causality(policy: Policy, causality: Causality) -> list[str]:
    words = []
    if causality.oracle:
        words.append(f"{policy.name} receives the future (foresee): an oracle leaks by design.")
    changed = [group for group in causality.groups if group.first is not None]
    if not changed:
        words.append(
            f"Nothing known, decided or booked up to {len(causality.dates)} dates changed by a bit on "
            f"{causality.plays} other futures."
        )
    for group in changed:
        leak = group.first
        assert leak is not None
        of = f" of {leak.symbol}" if leak.symbol else ""
        words.append(
            f"A leak in the {group.meaning}: {leak.quantity}{of} at {leak.changed_at} changed with prices after "
            f"{leak.perturbed_after} ({leak.perturbation})."
        )
    return words


def _of_shuffles(shuffle: Shuffle) -> list[str]:
    if shuffle.foresight is None or shuffle.timing is None or shuffle.excess is None:
        return [f"Edge on shuffled futures not measured: {shuffle.reason}."]
    return [_of_foresight(shuffle, shuffle.foresight), _of_timing(shuffle.timing), _of_excess(shuffle.excess)]


def _of_foresight(shuffle: Shuffle, found: Distribution) -> str:
    words = f"Its foresight on {shuffle.permutations} shuffled futures is {found.mean:+.2%} a year on average"
    if not shuffle.exact:
        return f"{words}; under next_open with a turnover guard it need not be zero, and proves nothing."
    if found.mean_p_value is None:
        return f"{words}."
    chance = f"(p {found.mean_p_value:.2g})"
    if shuffle.passed:
        return f"{words} {chance}, as for a policy without foresight; {shuffle.detectable:.2%} would have failed."
    return f"{words} {chance}: no causal policy has that under correct books. It is a leak or an accounting error."


def _of_timing(found: Distribution) -> str:
    words = f"Changing its weights earned {found.real:+.1%} a year before costs against holding their mean"
    return f"{words}; {found.p_value:.0%} of shuffled futures do as well, so {_chance(found)}."


def _chance(found: Distribution) -> str:
    return "chance may explain it" if found.p_value > 0.05 else "the order of returns mattered to it"


def _of_excess(found: Distribution) -> str:
    words = (
        f"Over equal weight it earned {found.real:+.1%} a year after costs, and {found.mean:+.1%} on the average future"
    )
    kept = found.mean_p_value is not None and found.mean_p_value < 0.05 and found.mean > 0.0
    return f"{words}{': that part comes from what it holds, not when.' if kept else '.'}"
