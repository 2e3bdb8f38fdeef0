"""Charts of curves over time: value, drawdown, the rolling Sharpe ratio, exposure and turnover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from rlx.evaluate.windows import HOLDOUT
from rlx.measures.evaluation import Evaluation
from rlx.report.charts.chart import OWN, Chart, Mark, Places, dates_across, legend, lines, stairs
from rlx.report.charts.scale import Scale, multiple, percent, plain_number
from rlx.sim.rules import TURNOVER
from rlx.types import FloatArray, TimeArray


def equity(dates: TimeArray, values: Mapping[str, FloatArray], own: str, label: str) -> Chart:
    """Return the chart of the value of 1 invested, (D,) by policy."""
    scale = Scale.growth(list(values.values()))
    marks = lines(dates, values, own, label, {name: f"{value[-1] - 1.0:+.1%}" for name, value in values.items()})
    title = "Value of 1 invested" + (" (logarithmic)" if scale.log else "")
    said = f"{label} ends {marks[-1].said}" + "".join(f", {mark.name} {mark.said}" for mark in marks[:-1])
    return _over_time(dates, Chart(title, marks, scale, plain_number, f"{said}.", zero=1.0, large=True))


def drawdown(dates: TimeArray, values: Mapping[str, FloatArray], own: str, label: str, title: str) -> Chart:
    """Return the chart of the fraction below the peak, (D,) by policy; the area of ``own`` is filled."""
    deepest = {name: f"{np.nanmin(value):.1%}" for name, value in values.items()}
    *others, mine = lines(dates, values, own, label, deepest)
    marks = (replace(mine, filled=True), *others)
    said = f"Deepest: {', '.join(words for _, words in legend(marks))}."
    scale = Scale.over(list(values.values()), include=(0.0, -0.01))
    notes = ((f"deepest {deepest[own].lstrip('-')}", OWN), *((mark.name, mark.role) for mark in others))
    return _over_time(dates, Chart(title, marks, scale, percent, said, side_notes=notes))


def rolling_sharpe(dates: TimeArray, values: Mapping[str, FloatArray], own: str, label: str) -> Chart:
    """Return the chart of the yearly Sharpe ratio of the last 63 daily returns, (D,) by policy."""
    title = "Sharpe ratio of the last 63 days"
    shown = {name: ratio for name, ratio in values.items() if np.isfinite(ratio).any()}
    if own not in shown:
        return Chart(title, empty="None: there are fewer than 63 days, or the returns do not vary.")
    means = {name: f"{np.nanmean(ratio):.2f} on average" for name, ratio in shown.items()}
    marks = lines(dates, shown, own, label, means)
    scale = Scale.over(list(shown.values()), include=(0.0,))
    return _over_time(dates, Chart(title, marks, scale, plain_number, f"{label} {means[own]}."))


def exposure(evaluation: Evaluation) -> Chart:
    """Return the chart of gross exposure traded into and carried out of each step, and of its caps."""
    ledger, limits, moments = evaluation.sets[HOLDOUT].ledger, evaluation.rules.limits, edges(evaluation)
    traded, carried = ledger.gross_exposure[0], ledger.closing_gross_exposure[0]
    caps = {"intraday": limits.intraday_gross, "closing": limits.closing_gross}
    drawn = {name: cap for name, cap in caps.items() if cap is not None}
    marks = (
        Mark(OWN, *stairs(moments, carried), filled=True, outlined=False),
        Mark(OWN, *stairs(moments, traded)),
        *(_level("cap", moments, cap) for cap in set(drawn.values())),
    )
    means = f"mean {traded.mean():.2f}x traded\nmean {carried.mean():.2f}x carried"
    words = "\n".join(f"{name} cap {cap:g}x" for name, cap in drawn.items()) or "no cap"
    scale = Scale.over([traded], include=(0.0, 0.05, *drawn.values()))
    return Chart("Gross exposure", marks, scale, multiple, side_notes=((means, OWN), (words, "cap")))


def turnover(evaluation: Evaluation) -> Chart:
    """Return the chart of the turnover of each step, both sides, and the threshold of its guard."""
    ledger, rules, moments = evaluation.sets[HOLDOUT].ledger, evaluation.rules, edges(evaluation)
    traded, threshold = ledger.turnover[0], rules.guard.turnover_threshold
    top = float(traded[1:].max(initial=0.0))  # the first purchase would flatten all later steps
    marks = [Mark("ink", *stairs(moments, traded), filled=True, outlined=False)]
    if threshold is not None and TURNOVER.is_on(threshold, rules.cooldown.steps):
        marks.append(_level(TURNOVER.flag, moments, threshold))
    cost = ledger.trading_cost[0].mean() * evaluation.periods_per_year
    words = f"mean {traded.mean():.1%}\nfirst step {traded[0]:.0%}\ncosts {cost:.2%} a year"
    scale = Scale.over([], include=(0.0, top if top > 0.0 else max(float(traded[0]), 0.01)))
    return Chart("Turnover per step", tuple(marks), scale, percent, side_notes=((words, "ink"),))


def edges(evaluation: Evaluation) -> TimeArray:
    """Return the T + 1 moments between steps: every decision, and the close of the last step."""
    windows = evaluation.sets[HOLDOUT]
    return np.append(windows.timestamps[0], windows.end_timestamps[0, -1])


def _over_time(dates: TimeArray, chart: Chart) -> Chart:
    return replace(chart, legend=legend(chart.marks), across=dates_across(dates))


def _level(role: str, x: Places, value: float) -> Mark:
    return Mark(role, x[[0, -1]], np.array([value, value]))
