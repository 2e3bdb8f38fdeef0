"""Which systems of the board may be traded: explicit rules, each with its requirement and its finding."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from rlx.board.standing import BASELINE, Group, Row
from rlx.measures.statistics import EXCESS
from rlx.ranges import Number, Whole, check_options
from rlx.untrusted.markdown import Markdown, words

Share = Annotated[float, Number(1e-6, 1)]
Count = Annotated[int, Whole(1, 1_000_000_000)]


@dataclass(frozen=True)
class PromotionRules:
    """The requirements for every seed of a system; ``max_drawdown`` is a positive fraction.

    A system is promoted when each of its targets has a rank, beats equal weight with an interval of the yearly excess
    above zero, has a p-value, corrected for all competitors, of at most ``max_p_value``, a deflated Sharpe ratio of
    ``min_dsr``, no drawdown beyond ``max_drawdown``, and was judged on ``min_steps`` steps and from ``min_windows``
    start indices.
    """

    min_dsr: Share = 0.95
    max_p_value: Share = 0.05
    max_drawdown: Share = 0.25
    min_steps: Count = 252
    min_windows: Count = 100

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class Finding:
    """One rule applied to one target: ``asked`` and ``found`` in words, and whether it is satisfied."""

    rule: str
    target: str
    kept: bool
    asked: str
    found: str


@dataclass(frozen=True)
class Candidate:
    """A system under one key: its rows, and every rule applied to each.

    ``representative`` is the target with the median score, the better of two: taking the best seed would be a choice
    that no statistic accounts for.
    """

    system: str
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]

    @property
    def promoted(self) -> bool:
        """Whether every target satisfies every rule."""
        return all(finding.kept for finding in self.findings)

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The rules that are not satisfied."""
        return tuple(finding for finding in self.findings if not finding.kept)

    @property
    def representative(self) -> Row:
        """The row with the median score."""
        return sorted(self.rows, key=_score)[len(self.rows) // 2]


def assess_candidates(group: Group, rules: PromotionRules) -> list[Candidate]:
    """Return the systems of a group without equal weight and oracles, the promoted ones first, then by score."""
    systems: dict[str, list[Row]] = {}
    for row in group.rows:
        if row.entry.kind != BASELINE and not row.entry.policy.get("oracle"):
            systems.setdefault(row.entry.system, []).append(row)
    candidates = [
        Candidate(system, tuple(rows), tuple(finding for row in rows for finding in _findings(row, rules)))
        for system, rows in systems.items()
    ]
    return sorted(candidates, key=lambda candidate: (not candidate.promoted, -_score(candidate.representative)))


def _score(row: Row) -> float:
    return -math.inf if row.entry.score is None else row.entry.score


def _findings(row: Row, rules: PromotionRules) -> list[Finding]:
    """Return every rule applied to a row; for a row without a rank, only that."""
    if not row.entry.ranked:
        reason = row.entry.failure or row.entry.unranked or ""
        return [Finding("judged", row.entry.target, False, "a rank", reason)]
    return [Finding(name, row.entry.target, *check(row, rules)) for name, check in CHECKS.items()]


def _excess(row: Row, rules: PromotionRules) -> tuple[bool, str, str]:
    interval = row.entry.intervals.get(EXCESS, {})
    low, high = interval.get("low"), interval.get("high")
    found = "no interval" if low is None else f"{low:+.1%} to {high:+.1%}"
    return low is not None and low > 0.0, "annual excess over equal weight: interval above zero", found


def _corrected(row: Row, rules: PromotionRules) -> tuple[bool, str, str]:
    kept = row.p_value is not None and row.p_value <= rules.max_p_value
    return kept, f"corrected p-value of that (Holm) at most {rules.max_p_value:g}", _shown(row.p_value, "{:.3f}")


def _deflated(row: Row, rules: PromotionRules) -> tuple[bool, str, str]:
    dsr, trials = row.entry.significance.get("dsr"), row.entry.significance.get("trials")
    found = "none" if dsr is None else f"{dsr:.3f} with {trials} trial{'s' if trials != 1 else ''}"
    return dsr is not None and dsr >= rules.min_dsr, f"deflated Sharpe ratio at least {rules.min_dsr:g}", found


def _drawdown(row: Row, rules: PromotionRules) -> tuple[bool, str, str]:
    deepest = row.entry.metrics.get("max_drawdown")
    kept = deepest is not None and deepest <= rules.max_drawdown
    return kept, f"max drawdown at most {rules.max_drawdown:.0%}", _shown(deepest, "{:.1%}")


def _steps(row: Row, rules: PromotionRules) -> tuple[bool, str, str]:
    steps = int(row.entry.significance.get("steps") or 0)
    return steps >= rules.min_steps, f"at least {rules.min_steps} steps", str(steps)


def _windows(row: Row, rules: PromotionRules) -> tuple[bool, str, str]:
    windows = int(row.entry.windows.get("n") or 0)
    return windows >= rules.min_windows, f"at least {rules.min_windows} start indices", str(windows)


def _shown(value: Any, form: str) -> str:
    return "none" if value is None else form.format(value)


CHECKS: dict[str, Callable[[Row, PromotionRules], tuple[bool, str, str]]] = {
    "excess": _excess,
    "holm": _corrected,
    "dsr": _deflated,
    "drawdown": _drawdown,
    "steps": _steps,
    "windows": _windows,
}
"""Rule -> whether a row satisfies it, its requirement and its finding."""


def next_experiments(candidates: Sequence[Candidate], rules: PromotionRules) -> list[Markdown]:
    """Return experiments for the rules that were not satisfied, most frequent first, with commands, as Markdown."""
    broken = [finding.rule for candidate in candidates for finding in candidate.broken]
    order = sorted(set(broken), key=lambda rule: (-broken.count(rule), list(ADVICE).index(rule)))
    advice = [ADVICE[rule] for rule in order]
    few = [candidate.system for candidate in candidates if len(candidate.rows) < 3 and _is_trained(candidate)]
    if few:
        seeds = Markdown("(`python train.py -m module=MODULE seed=0,1,2`).")
        advice.append(words(f"Train more seeds of {', '.join(few)}: one seed says nothing about the next ", seeds))
    return list(dict.fromkeys(advice))


def _is_trained(candidate: Candidate) -> bool:
    return candidate.rows[0].entry.kind == "checkpoint"


MORE_RECORD = Markdown(
    "Judge on a longer record: an interval narrows with the square root of its length (earlier `data.split.train_end`, "
    "`protocol=walk_forward` over all dates, or data with a longer history)."
)
ADVICE = {
    "judged": Markdown("Fix or drop the targets that could not be judged or ranked; the board gives each reason."),
    "excess": MORE_RECORD,
    "holm": Markdown("List fewer competitors, chosen beforehand: each additional one raises the requirement for all."),
    "dsr": Markdown("Choose among fewer trials, or judge the chosen one on dates that no trial was scored on."),
    "drawdown": Markdown(
        "Test what a guard would have saved (`python evaluate.py policy=checkpoint policy.path=RUN "
        "protocol=guard_ab`), "
        "and train under the one that helps."
    ),
    "steps": MORE_RECORD,
    "windows": MORE_RECORD,
}
"""Rule -> what to do next where it is not satisfied."""
