"""Charts of bars: when guards fired, the effect of costs, and the returns of windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlx.report.charts.chart import BASELINE, OWN, Chart, Lane, Lanes, Mark, Places, legend, runs, spoken
from rlx.report.charts.scale import Scale, percent
from rlx.sim.rules import GUARDS
from rlx.types import FloatArray


def guards(
    fired: Mapping[str, FloatArray],
    edges: Places,
    thresholds: Mapping[str, Any],
    cooldown_steps: int | None,
    rates: Mapping[str, float | None],
) -> Lanes:
    """Return a lane for each guard: in which steps (T,) between the edges (T + 1,) it fired, and how often.

    ``rates`` are shares of steps by telemetry measure, ``thresholds`` the thresholds of the rules.
    """
    lanes = []
    for rule in GUARDS:
        share = rates.get(rule.hit_rate)
        said = "" if share is None else f"fired on {share:.1%} of the steps"
        off = not rule.is_on(thresholds.get(rule.threshold), cooldown_steps)
        lanes.append(Lane(rule.label, said, rule.flag, runs(fired[rule.flag] > 0.0, edges), share, off))
    ends = tuple(str(edge)[:10] for edge in edges[[0, -1]])
    return Lanes("Guards", tuple(lanes), edges[0], edges[-1], ends=ends, empty="All guards are off in this comparison.")


def cost_waterfall(costs: Mapping[str, float]) -> Lanes:
    """Return the mean return a year before costs, the costs of trading and financing, and the net return."""
    before, trading, financing, net = (costs[name] for name in ("before_costs", "trading", "financing", "net"))
    steps = {
        "before costs": (before, (0.0, before), "whole"),
        "trading costs": (-trading, (before, before - trading), "taken"),
        "financing": (-financing, (before - trading, before - trading - financing), "taken"),
        "net": (net, (0.0, net), "whole"),
    }
    scale = Scale.over([np.array([before, trading, financing, net, before - trading])], include=(0.0,))
    lanes = tuple(
        Lane(name, _signed(value), role, np.sort([reach], axis=1)) for name, (value, reach, role) in steps.items()
    )
    note = "Mean return of a step times steps a year; products between them are left out."
    return Lanes("From gross to net, a year", lanes, scale.low, scale.high, zero=0.0, note=note)


def _signed(value: float) -> str:
    return f"{value:+.2%}" if abs(value) >= 5e-5 else "0.00%"


def window_distribution(
    edges: FloatArray, counts: Mapping[str, FloatArray], own: str, label: str, windows: Mapping[str, Any]
) -> Chart:
    """Return the number of start indices whose return is between two edges (bins + 1,), (bins,) by policy."""
    other = counts.get(BASELINE) if own != BASELINE else None
    drawn = [counts[own]] if other is None else [counts[own], other]
    scale = Scale.over(drawn, include=(0.0,))
    marks = [Mark(OWN, *_outline(edges, counts[own]), label, filled=True, outlined=False)]
    if other is not None:
        marks.append(Mark(BASELINE, *_outline(edges, other), spoken(BASELINE)))
    if edges[0] < 0.0 < edges[-1]:
        marks.append(Mark("zero", np.zeros(2), np.array([0.0, scale.high])))
    said = _windows_in_words(label, windows if other is not None else {**windows, f"share_beating_{BASELINE}": None})
    return Chart(
        f"Return of {windows.get('n', 'all')} windows of {windows.get('steps', 'some')} steps",
        tuple(marks),
        scale,
        lambda tick, _: f"{tick:.0f}",
        said,
        legend(marks),
        tuple((tick, percent(tick, edges[-1] - edges[0])) for tick in Scale.over(edges, ticks=5).ticks),
        note=said,
    )


def _outline(edges: FloatArray, counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the corners of a histogram, which starts and ends at zero."""
    return np.repeat(edges, 2), np.concatenate(([0.0], np.repeat(counts, 2), [0.0]))


def _windows_in_words(label: str, windows: Mapping[str, Any]) -> str:
    positive, ahead = windows.get("share_positive"), windows.get(f"share_beating_{BASELINE}")
    said = [] if positive is None else [f"{label} gained in {positive:.0%} of the windows"]
    if ahead is not None:
        said.append(f"was ahead of equal weight in {ahead:.0%}" if said else f"{label} was ahead in {ahead:.0%}")
    return " and ".join(said) + ". They overlap." if said else "Windows overlap."
