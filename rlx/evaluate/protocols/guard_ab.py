"""``protocol=guard_ab``: one policy under several guards, window by window, and whether the differences are chance.

A guard helps, harms, does both, or there is no evidence; ``judge_guard`` has the rule. Which windows are stressed
depends only on the market, not on any guard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import numpy as np

from rlx.console import announced
from rlx.errors import ConfigError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.guard_config import CONFIGURED, KINDS, is_on
from rlx.evaluate.protocols.base import Conditions, Guarded, Plan, Protocol
from rlx.evaluate.seen import Seen, seen_steps
from rlx.evaluate.windows import HOLDOUT, WINDOWS
from rlx.files import to_json
from rlx.measures.distribution import window_metrics
from rlx.measures.evaluation import Evaluation, WindowLedger
from rlx.measures.telemetry import guard_metrics
from rlx.measures.window_differences import Difference, adjusted, independent_windows, mean_differences
from rlx.policies.baselines import EqualWeight
from rlx.ranges import ListOf, Text
from rlx.sim.rules import GUARDS, Guard
from rlx.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from rlx.policies.base import Policy

SCHEMA_VERSION = 1
STRESSED_SHARE = 1.0 / 3.0
"""Share of windows, those with the deepest market drawdowns, that count as stressed; fixed before any result."""

MEASURES = {"return": "cumulative_return", "max_drawdown": "max_drawdown", "turnover": "turnover"}
"""What is compared -> its metric; a guard should lower the last two."""

HITS = tuple(rule.hit_rate for rule in GUARDS)
HELPS, HARMS, MIXED, NO_EVIDENCE = "helps", "harms", "mixed", "no evidence"


@dataclass(frozen=True)
class GuardAb(Protocol):
    """The same policy under several guards.

    ``guards`` are options of the ``guard`` group, or ``configured``; the first is the control that the others are
    compared with, window by window, over the windows at every start index.
    """

    guards: Annotated[list[str], ListOf(Text(100), most=20)] = field(default_factory=lambda: ["none", "calibrated"])
    name: ClassVar[str] = "guard_ab"
    evaluation_only: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        names: Any = self.guards
        shown = f"protocol.guards=[{','.join(map(str, names))}]"
        if len(names) < 2:
            raise ConfigError(
                f"{shown}: name two guards or more, the control first, for example protocol.guards=[none,calibrated]."
            )
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"{shown}: {', '.join(twice)} listed more than once. Name each guard once.")

    def check(self, guard: Guard, load_guard: Callable[[str], Guard]) -> list[str]:
        """Refuse a guard that is not an option; return a note when the configured guard is not among them."""
        for name in self.guards:
            if name != CONFIGURED:
                load_guard(name)
        if CONFIGURED in self.guards or not any(is_on(guard, kind) for kind in KINDS):
            return []
        return [f"note: the command's own guard is not compared; add '{CONFIGURED}' to protocol.guards to compare it."]

    def plan(self, conditions: Conditions) -> Plan:
        """Return a judgement under the control, and the comparison of the other guards with it."""
        lineup = {name: conditions.guarded(name) for name in self.guards}
        return Plan(lineup[self.guards[0]].rules, partial(self._compare, conditions, lineup))

    def _compare(
        self, conditions: Conditions, lineup: Mapping[str, Guarded], policy: Policy, control: Evaluation
    ) -> GuardContest:
        """Play the policy under every guard except the control, which was evaluated already, and compare them."""
        market = conditions.market
        sets = self.window_sets(conditions.span, market.timestamps)
        evaluations = {self.guards[0]: control}
        for name in announced(self.guards[1:], "guard {}".format):
            evaluations[name] = evaluate(policy, market, sets, lineup[name].rules)
        unguarded = evaluate(EqualWeight(), market, sets, replace(control.rules, guard=Guard()))
        fits = {name: guarded.fit for name, guarded in lineup.items() if guarded.fit is not None}
        return compare_guards(evaluations, unguarded, self, seen=conditions.seen, fits=fits)


class GuardContest(NamedTuple):
    """The document of a comparison, and its data: deltas (B,) by guard and measure, and the stressed windows."""

    summary: dict[str, Any]
    deltas: Mapping[str, Mapping[str, FloatArray]]
    stressed: BoolArray


def compare_guards(
    evaluations: Mapping[str, Evaluation],
    market: Evaluation,
    protocol: Protocol,
    *,
    seen: Seen | None = None,
    fits: Mapping[str, Mapping[str, Any]] | None = None,
) -> GuardContest:
    """Compare evaluations by guard, all over the same windows, with the first one, the control.

    ``market`` is equal weight over the same windows without a guard: the third of the windows with its deepest
    drawdowns is stressed, the rest calm. All comparisons together (guards x measures x groups of windows) are one
    family for Holm's correction. ``seen`` are the spans the policy was fitted on, and ``fits`` has by guard the span it
    was fitted on, with time stamps ``first`` and ``last``: windows that contain a step of either are no test, and are
    counted.
    """
    control = next(iter(evaluations))
    windows = evaluations[control].sets[WINDOWS]
    groups = window_groups(market)
    measured = {name: _measures(evaluation) for name, evaluation in evaluations.items()}
    deltas = {
        name: {measure: values - measured[control][measure] for measure, values in measures.items()}
        for name, measures in measured.items()
        if name != control
    }
    differences = _differences(deltas, groups, windows, protocol)
    level = 1.0 - protocol.confidence
    summary = {
        "schema_version": SCHEMA_VERSION,
        "policy": evaluations[control].policy,
        "control": control,
        "confidence": protocol.confidence,
        "replications": protocol.bootstrap_replications,
        "block_windows": min(windows.steps, len(windows)),
        "correction": "holm",
        "comparisons": sum(len(by_group) for by_measure in differences.values() for by_group in by_measure.values()),
        "windows": _describe_windows(windows, groups, seen),
        "guards": {
            name: {
                "rules": evaluation.rules.guard,
                **({"fit": _describe_fit(windows, fits[name])} if fits is not None and name in fits else {}),
                "holdout": _holdout(evaluation),
                "windows": {group: _describe(evaluation, among) for group, among in groups.items()},
                **({} if name == control else {"against_control": _against(differences[name], groups, level)}),
            }
            for name, evaluation in evaluations.items()
        },
    }
    return GuardContest(to_json(summary), deltas, groups["stressed"])


def window_groups(market: Evaluation) -> dict[str, BoolArray]:
    """Return which windows (B,) are among ``all``, ``stressed`` and ``calm``, by the market's max drawdown in each."""
    fallen = window_metrics(market, WINDOWS)["max_drawdown"]
    stressed = fallen > np.quantile(fallen, 1.0 - STRESSED_SHARE)
    return {"all": np.ones(len(fallen), dtype=np.bool_), "stressed": stressed, "calm": ~stressed}


def judge_guard(max_drawdown: Difference, earned: Difference, level: float) -> str:
    """Return the verdict on a guard's differences in max drawdown and return, both guard less control.

    The guard *helps* when one of them is better at the adjusted ``level`` and the other is not worse, *harms* when one
    is worse and the other not better, and is *mixed* when one is better and one worse; otherwise there is *no
    evidence*.
    """
    signs = {-max_drawdown.sign(level), earned.sign(level)}
    if signs == {1, -1}:
        return MIXED
    return HELPS if 1 in signs else HARMS if -1 in signs else NO_EVIDENCE


def _measures(evaluation: Evaluation) -> dict[str, FloatArray]:
    metrics = window_metrics(evaluation, WINDOWS)
    return {measure: metrics[name] for measure, name in MEASURES.items()}


def _differences(
    deltas: Mapping[str, Mapping[str, FloatArray]],
    groups: Mapping[str, BoolArray],
    windows: WindowLedger,
    protocol: Protocol,
) -> dict[str, dict[str, dict[str, Difference]]]:
    """Return every difference by guard, measure and group, corrected for their number."""
    flat = {(guard, measure): delta for guard, measures in deltas.items() for measure, delta in measures.items()}
    found = mean_differences(
        flat,
        groups,
        windows.starts,
        windows.steps,
        replications=protocol.bootstrap_replications,
        confidence=protocol.confidence,
        seed=protocol.seed,
    )
    corrected = iter(adjusted([found[place][group] for place in flat for group in groups]))
    result: dict[str, dict[str, dict[str, Difference]]] = {guard: {} for guard in deltas}
    for guard, measure in flat:
        result[guard][measure] = {group: next(corrected) for group in groups}
    return result


def _against(
    differences: Mapping[str, Mapping[str, Difference]], groups: Mapping[str, BoolArray], level: float
) -> dict[str, Any]:
    return {
        group: {
            **{measure: by_group[group].to_dict() for measure, by_group in differences.items()},
            "verdict": judge_guard(differences["max_drawdown"][group], differences["return"][group], level),
        }
        for group in groups
    }


def _describe_windows(windows: WindowLedger, groups: Mapping[str, BoolArray], seen: Seen | None) -> dict[str, Any]:
    counts = {
        group: {"n": int(among.sum()), "independent": independent_windows(windows.starts[among], windows.steps)}
        for group, among in groups.items()
    }
    first, last = windows.timestamps.min(), windows.end_timestamps.max()
    facts = {"steps": windows.steps, "first": first, "last": last, "stressed_share": STRESSED_SHARE, **counts}
    return facts if seen is None else {**facts, "policy_made_on": _holding(windows, seen)}


def _describe_fit(windows: WindowLedger, fit: Mapping[str, Any]) -> dict[str, Any]:
    span = (np.datetime64(fit["first"]), np.datetime64(fit["last"]))
    return {**fit, "windows_fitted_on": _holding(windows, {"fitted": span})}


def _holding(windows: WindowLedger, spans: Seen) -> int:
    """Return how many windows contain a step of any of the spans."""
    counts = seen_steps(windows.timestamps, spans)
    return int(np.any([count > 0 for count in counts.values()], axis=0).sum())


def _holdout(evaluation: Evaluation) -> dict[str, Any]:
    """Return the measures, and what the guard did, for the one account over the whole span."""
    metrics = window_metrics(evaluation, HOLDOUT)
    hits = guard_metrics(evaluation.sets[HOLDOUT].ledger)
    shown = {measure: metrics[name] for measure, name in MEASURES.items()} | {"sharpe": metrics["sharpe"]}
    shown |= {name: hits[name] for name in (*HITS, "mean_leverage_scale", "min_leverage_scale")}
    return {name: float(value[0]) for name, value in shown.items()}


def _describe(evaluation: Evaluation, among: BoolArray) -> dict[str, Any]:
    """Return means over a group of windows, and their smallest leverage scale; None if there is no window."""
    hits = guard_metrics(evaluation.sets[WINDOWS].ledger)
    means = _measures(evaluation) | {name: hits[name] for name in (*HITS, "mean_leverage_scale")}
    if not among.any():
        return {**dict.fromkeys(means), "min_leverage_scale": None}
    return {
        **{name: float(values[among].mean()) for name, values in means.items()},
        "min_leverage_scale": float(hits["min_leverage_scale"][among].min()),
    }
