"""A comparison of guards, as Markdown and for the end of the output of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from rlx.evaluate.protocols.guard_ab import HITS
from rlx.measures.metric import UNDEFINED
from rlx.report.guard_ab_figure import draw_guard_ab
from rlx.report.numbers import dates, number
from rlx.report.protocols import Block, ProtocolReport
from rlx.report.tables import Table, terminal_line, to_terminal
from rlx.sim.rules import GUARDS
from rlx.untrusted.markdown import Markdown, code, document, heading, table, words
from rlx.untrusted.plain_types import Rule

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table as RichTable

MEASURES = {"return": "return", "max_drawdown": "max drawdown", "turnover": "turnover/step"}
"""Measure -> its heading."""

DID_HEADER = (
    "guard",
    "windows",
    *(rule.label for rule in GUARDS),
    "mean scale",
    "min scale",
    *MEASURES.values(),
)
DID = (
    "Share of steps each guard fired on, leverage scale, and the means of the windows. A negative-return guard changes "
    "a learner's reward but no trade."
)
RULE = (
    "A guard **helps** when max drawdown is shallower or return higher beyond chance and the other is not worse beyond "
    "chance; it **harms** when one is worse and the other is not better; **mixed** means one better and one worse. "
    "Beyond chance means that the p-value, corrected for all comparisons of this table, is at most {level:.2g}."
)


def render_guards(summary: dict[str, Any]) -> str:
    """Return the whole comparison: verdicts, what each guard did, the hold-out, and the thresholds."""
    rule = Markdown(RULE.format(level=1.0 - summary["confidence"]))
    sections = [
        heading(1, f"Guards of {summary['policy']}, compared with {summary['control']}"),
        Markdown("\n".join(map(words, describe_windows(summary)))),
        heading(2, "Verdicts"),
        table(verdict_header(), verdict_lines(summary)),
        words(rule, f" {_statistics(summary)}"),
        heading(2, "What the guards did"),
        DID,
        table(DID_HEADER, _did(summary)),
        heading(2, "Hold-out"),
        "One account over the whole span.",
        table(*_holdout(summary)),
        heading(2, "Thresholds"),
        table(*_thresholds(summary)),
    ]
    return document(sections)


def guards_on_terminal(summary: dict[str, Any]) -> list[RenderableType]:
    """Return the verdicts, and sentences about the windows."""
    return [guards_table(summary), *(terminal_line(sentence, "dim") for sentence in describe_windows(summary))]


def guards_table(summary: dict[str, Any]) -> RichTable:
    """Return a rich table of the verdicts."""
    lines = verdict_lines(summary)
    header, title = verdict_header(), f"Guards of {summary['policy']}, less {summary['control']}"
    drawn = to_terminal(Table(header, lines, title, left=(0, 1, len(header) - 1)))
    for row, line in zip(drawn.rows, lines, strict=True):
        row.end_section = line[1].startswith("calm")
    return drawn


def verdict_header() -> list[str]:
    """Return the headings of ``verdict_lines``."""
    return ["guard", "windows", *MEASURES.values(), "verdict"]


def verdict_lines(summary: dict[str, Any]) -> list[list[str]]:
    """Return a line for each guard except the control and each group of windows."""
    lines = []
    for name, guard in summary["guards"].items():
        for group, against in guard.get("against_control", {}).items():
            cells = [_difference(measure, against[measure], 1.0 - summary["confidence"]) for measure in MEASURES]
            lines.append([name, group, *cells, against["verdict"]])
    return lines


def describe_windows(summary: dict[str, Any]) -> list[str]:
    """Return what was compared, one sentence per line."""
    windows = summary["windows"]
    counts = {group: windows[group] for group in ("all", "stressed", "calm")}
    listed = ", ".join(f"{name} {count['n']} ({count['independent']})" for name, count in counts.items())
    lines = [
        f"{counts['all']['n']} windows of {windows['steps']} steps, one at every start index from "
        f"{dates(windows)}; in brackets how many share no step: {listed}.",
        "Stressed is the third of the windows in which equal weight without a guard fell deepest.",
    ]
    if seen := windows.get("policy_made_on"):
        lines.append(f"{seen} of the windows contain steps that the policy was fitted on, and are no test of it.")
    for name, guard in summary["guards"].items():
        if fitted_on := guard.get("fit", {}).get("windows_fitted_on"):
            lines.append(f"{fitted_on} of them contain steps that guard {name} was fitted on, and are no test of it.")
    return lines


def _statistics(summary: dict[str, Any]) -> str:
    return (
        f"Differences are guard less control, with {summary['confidence']:.0%} intervals from "
        f"{summary['replications']} resamples in blocks of {summary['block_windows']} windows, not corrected; "
        f"* marks what is beyond chance after Holm's correction for {summary['comparisons']} comparisons."
    )


def _difference(measure: str, difference: dict[str, Any], level: float) -> str:
    if difference["estimate"] is None:
        return UNDEFINED
    estimate = _points(measure, difference["estimate"])
    if difference["low"] is None:
        return f"{estimate} (no interval)"
    star = "*" if difference["p_adjusted"] <= level else ""
    return f"{estimate}{star} ({_points(measure, difference['low'])} to {_points(measure, difference['high'])})"


def _points(measure: str, value: float) -> str:
    return f"{value + 0.0:+.2%}" if measure != "turnover" else f"{value + 0.0:+.3%}"


def _did(summary: dict[str, Any]) -> list[list[str]]:
    return [
        [name, group, *_effects(did)]
        for name, guard in summary["guards"].items()
        for group, did in guard["windows"].items()
    ]


def _effects(did: dict[str, Any]) -> list[str]:
    names = (*HITS, "mean_leverage_scale", "min_leverage_scale", "cumulative_return", "max_drawdown", "turnover")
    values = {**did, "cumulative_return": did["return"]}
    return [number(name, values[name]) for name in names]


def _holdout(summary: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    header = ["guard", "Sharpe", *DID_HEADER[2:]]
    rows = [
        [name, number("sharpe", guard["holdout"]["sharpe"]), *_effects(guard["holdout"])]
        for name, guard in summary["guards"].items()
    ]
    return header, rows


def _thresholds(summary: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    keys = list(next(iter(summary["guards"].values()))["rules"])
    rows = [[code(key), *(_value(guard["rules"][key]) for guard in summary["guards"].values())] for key in keys]
    return ["guard.", *summary["guards"]], rows


def _value(value: float | None) -> str:
    return "off" if value is None else f"{value:g}"


REPORT = ProtocolReport(
    "Guards",
    render_guards,
    guards_on_terminal,
    draw_guard_ab,
    document="guard_metrics_summary",
    shape=Annotated[Block, Rule("no block of this protocol, which writes a document", lambda block: False)],
)
