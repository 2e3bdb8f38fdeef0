"""The verdict on compiling something, from all recorded runs of it; nothing else is pooled with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rlx.compile_check.entry import CONFIDENCE, NOT_COMPILED, CheckEntry, Outcome
from rlx.keys import known_key
from rlx.measures.multiple import holm_correction
from rlx.measures.statistics import REPLICATIONS

INVALID, EQUAL, PROMOTE, REGRESS, WATCH, TOO_FEW = "invalid", "equal", "promote", "regress", "watch", "too few"

TOLERANCE = 1e-5
"""Largest relative difference that counts as rounding."""
GAIN = 0.10
"""Share of the eager time that matters."""
FEWEST = 3
"""Runs that a conclusion needs."""
LEVEL = (1.0 - CONFIDENCE) / 2.0
"""The one-sided p-value at which an interval ends at zero."""

ROUNDING = 1e-9  # of a share computed from two times: 90 ms of 100 ms are a gain of 10%


class Variant(NamedTuple):
    """What runs must share to be compared: everything about them but data, window and what compiling came to."""

    subject: str
    settings: str
    torch: str
    device: str
    precision: str
    threads: int
    compile_asked: str

    @classmethod
    def of(cls, entry: CheckEntry) -> Variant:
        """Return the variant of a run."""
        return cls(*(getattr(entry.identity, name) for name in cls._fields))


@dataclass(frozen=True)
class Standing:
    """All runs of a variant, oldest first, their verdict and its reason; ``runs`` counts the valid ones."""

    variant: Variant
    entries: tuple[CheckEntry, ...]
    verdict: str
    reason: str
    runs: int


def why_invalid(entry: CheckEntry) -> str | None:
    """Return why a run compares nothing; None where it is valid."""
    identity, noise = entry.identity, entry.numeric.again_max_abs
    if identity.compile_used == NOT_COMPILED:
        why = identity.fallback or "no compilation was asked for"
        return f"nothing was compiled: {why.rstrip('.')}"
    if noise is None or noise > 0.0:
        return f"two eager plays with one seed differ (by {'NaN' if noise is None else f'{noise:.3g}'})"
    return None


def is_equal(entry: CheckEntry) -> bool:
    """Return whether compiled and eager results differ by rounding only."""
    return entry.numeric.flipped == 0 and _within(entry)


def _within(entry: CheckEntry) -> bool:
    relative = entry.numeric.max_relative
    return relative is not None and relative <= TOLERANCE


def standings(entries: Iterable[CheckEntry]) -> list[Standing]:
    """Return the standing of every variant, in the order of their first runs.

    The tests of outcomes are corrected for their number over all variants and metrics (Holm 1979).
    """
    groups: dict[Variant, list[CheckEntry]] = {}
    for entry in entries:
        groups.setdefault(Variant.of(entry), []).append(entry)
    worse = _significantly_worse(groups)
    return [_standing(variant, own, worse[variant]) for variant, own in groups.items()]


def _standing(variant: Variant, entries: Sequence[CheckEntry], worse: Sequence[str]) -> Standing:
    valid = [entry for entry in entries if why_invalid(entry) is None]
    verdict, reason = _verdict(entries, valid, worse)
    return Standing(variant, tuple(entries), verdict, reason, len(valid))


def _verdict(entries: Sequence[CheckEntry], valid: Sequence[CheckEntry], worse: Sequence[str]) -> tuple[str, str]:
    """Return the verdict and its reason: the first rule that holds."""
    if (why := why_invalid(entries[-1])) is not None:
        return INVALID, f"in the last run {why}"
    if worse:
        return REGRESS, f"worse in {', '.join(worse)}, corrected for all tests of this record"
    if _slower(valid):
        return REGRESS, f"slower by {GAIN:.0%} or more in each of the last {FEWEST} runs"
    rounding = all(is_equal(entry) for entry in valid)
    said = "the same decisions, and outputs that differ by rounding only" if rounding else "outputs within tolerance"
    if _promoted(entries):
        return PROMOTE, f"faster by {GAIN:.0%} or more in each of the last {FEWEST} windows, with {said}"
    if rounding:
        return EQUAL, f"{said}, so differences of outcomes are rounding too"
    if len(valid) >= FEWEST:
        return WATCH, "no rule of promotion or regression holds"
    return TOO_FEW, f"{len(valid)} valid of the {FEWEST} runs that a conclusion needs"


def separate(entries: Sequence[CheckEntry]) -> list[CheckEntry]:
    """Return runs whose windows do not overlap, oldest first: the latest runs are kept."""
    kept: list[CheckEntry] = []
    for entry in reversed(entries):
        one = entry.identity
        if all(one.last <= other.identity.first or other.identity.last <= one.first for other in kept):
            kept.append(entry)
    return kept[::-1]


def _promoted(entries: Sequence[CheckEntry]) -> bool:
    last = separate(entries)[-FEWEST:]
    return len(last) >= FEWEST and all(_is_better(entry) for entry in last)


def _is_better(entry: CheckEntry) -> bool:
    gain = entry.latency.gain
    if why_invalid(entry) is not None or gain is None or gain < GAIN - ROUNDING or not _within(entry):
        return False
    return is_equal(entry) or not any(is_worse(key, one) for key, one in entry.outcomes.items())


def _slower(valid: Sequence[CheckEntry]) -> bool:
    gains = [entry.latency.gain for entry in valid[-FEWEST:]]
    return len(gains) >= FEWEST and all(gain is not None and gain <= ROUNDING - GAIN for gain in gains)


def is_worse(key: str, outcome: Outcome) -> bool:
    """Return whether the interval of an outcome's difference is on the worse side of zero."""
    known = known_key(key)
    if known is None or not known.better or outcome.low is None or outcome.high is None:
        return False
    return outcome.high < 0.0 if known.better == "higher" else outcome.low > 0.0


def _significantly_worse(groups: dict[Variant, list[CheckEntry]]) -> dict[Variant, list[str]]:
    """Return for each variant the keys that are worse, tested together; equal runs differ by rounding and are left out.

    Runs over windows that do not overlap are pooled by Stouffer's method, with p-values in the range that the
    bootstrap can measure: a p-value of 0 or 1 would outweigh all others.
    """
    tests = {
        (variant, key): _pooled(p_values)
        for variant, entries in groups.items()
        for key, p_values in _p_values(entries).items()
    }
    corrected = holm_correction({str(number): p for number, p in enumerate(tests.values())})
    found: dict[Variant, list[str]] = {variant: [] for variant in groups}
    for number, (variant, key) in enumerate(tests):
        if corrected[str(number)] <= LEVEL:
            found[variant].append(key)
    return found


def _p_values(entries: Sequence[CheckEntry]) -> dict[str, list[float]]:
    tested = [entry for entry in entries if why_invalid(entry) is None and not is_equal(entry)]
    found: dict[str, list[float]] = {}
    for entry in separate(tested):
        for key, outcome in entry.outcomes.items():
            known = known_key(key)
            if outcome.p_worse is not None and known is not None and known.better:
                found.setdefault(key, []).append(outcome.p_worse)
    return found


def _pooled(p_values: Sequence[float]) -> float:
    from scipy.stats import combine_pvalues

    least = 1.0 / (1 + REPLICATIONS)
    return float(combine_pvalues(np.clip(p_values, least, 1.0 - least), method="stouffer").pvalue)
