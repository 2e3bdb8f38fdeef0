"""The report on a sweep for people: as sentences, on the terminal and in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlx.evaluate.claim import is_significant, write_claim
from rlx.evaluate.verdict import SEEN_SAYS
from rlx.measures.significance import Significance
from rlx.report.numbers import comparison, dates, number
from rlx.report.tables import Column, Table, terminal_line, to_markdown, to_terminal
from rlx.untrusted.markdown import code, document, heading

if TYPE_CHECKING:
    from rich.console import Group

ACCEPTED = 0.05
"""Highest probability of overfitting at which Bailey et al. (2015) suggest accepting a choice."""

MEASURES = ("sharpe", "cumulative_return")
"""The measures that describe a trial and equal weight."""

NUMBERS = (
    ("pbo", ".4g", "Share of the choices in which the best trial ranks below the median"),
    ("probability_of_loss", ".4g", "Share in which it loses money out of sample"),
    ("blocks", "", "Equal parts of the hold-out; each half of them is a sample"),
    ("choices", ",", "Ways to choose that half"),
    ("median_sharpe_inside", ".2f", "Of the best trial, in the sample (a year)"),
    ("median_sharpe_outside", ".2f", "Of the same trial, out of sample (a year)"),
)
"""Numbers about overfitting: name, format and meaning."""

CHOSEN_ON_THE_TEST = (
    "All of this is measured on the hold-out: anyone who picks a trial by it has chosen on the test, and needs other "
    "dates to judge the choice."
)
COUNTED = {
    "study": "its study counts",
    "folders": "it has folders for; it holds no study",
    "declared": "were declared",
}


def write_words(report: dict[str, Any]) -> str:
    """Return the conclusions of the report; only numbers if trials were fitted on these dates."""
    trials, best = report["trials"], report["rows"][0]
    seen = _seen(report)
    sentences = [
        _compared(report),
        seen,
        _overfitting(report["overfitting"], claims=not seen),
        f"The best on these dates is trial {best['trial']}, Sharpe ratio {number('sharpe', best['sharpe'])}.",
        _equal_weight(report),
        "" if seen else _claim(report),
        _chosen(report),
        SEEN_SAYS if seen else CHOSEN_ON_THE_TEST,
    ]
    if trials["compared"] > trials["different"]:
        copies = trials["compared"] - trials["different"]
        sentences.insert(1, f"{copies} of them earned exactly what another did, and do not count as choices.")
    return " ".join(sentence.strip() for sentence in sentences if sentence)


def sweep_summary(report: dict[str, Any]) -> Group:
    """Return a rich renderable: the trials, the ranks of the best of one half in the other, and the verdict."""
    from rich.console import Group

    return Group(
        to_terminal(_trials(report)),
        to_terminal(_ranks(report)),
        terminal_line(report["verdict"], above=1),
    )


def render_markdown(report: dict[str, Any]) -> str:
    """Return the whole report."""
    numbers = [[code(name), format(report["overfitting"][name], spec), meaning] for name, spec, meaning in NUMBERS]
    return document(
        [
            heading(1, f"Sweep: {report['trials']['compared']} trials"),
            report["verdict"],
            heading(2, "Trials"),
            _title(report),
            to_markdown(_trials(report)),
            heading(2, "Overfitting"),
            to_markdown(Table(["", "value", "meaning"], numbers)),
            "Rank 1 is the best.",
            to_markdown(_ranks(report)),
        ]
    )


def _compared(report: dict[str, Any]) -> str:
    trials, holdout = report["trials"], report["holdout"]
    words = (
        f"{trials['compared']} trials compared over the {holdout['steps']} steps of their hold-out, {dates(holdout)}"
    )
    if trials["count"] == trials["compared"]:
        return f"{words}."
    return f"{words}, of {trials['count']} that {COUNTED[report['counted_from']]}."


def _seen(report: dict[str, Any]) -> str:
    """Return for how many trials the dates are no test; an empty string if none is known to be fitted on them."""
    seen = sum(row["seen_steps"] > 0 for row in report["rows"])
    which = "all" if seen == len(report["rows"]) else str(seen)
    return (
        f"Not a test: {which} of them trained, or were chosen by validation, on steps of the hold-out." if seen else ""
    )


def _claim(report: dict[str, Any]) -> str:
    """Return what may be claimed of the best trial, and of equal weight by the same bar."""
    best, other = Significance(**report["rows"][0]["significance"]), report["equal_weight"]
    known = other is not None and other["significance"] is not None
    claim = write_claim(best, Significance(**other["significance"]) if known else None)
    if known or not is_significant(best):
        return claim
    return f"{claim} Whether equal weight passes the same bar is not known from these scorecards."


def _equal_weight(report: dict[str, Any]) -> str:
    found = report["equal_weight"]
    if found is None:
        return ""
    measures = [number(measure, found[measure]) for measure in MEASURES]
    return "Equal weight over the same steps has a Sharpe ratio of {} and a return of {}.".format(*measures)


def _overfitting(found: dict[str, Any], *, claims: bool) -> str:
    pbo = found["pbo"]
    words = (
        f"Probability of backtest overfitting {pbo:.2f}: in {pbo:.0%} of {found['choices']:,} ways to choose half of "
        f"the dates, the trial with the best Sharpe ratio there is below the median in the other half"
    )
    if pbo >= 0.5:
        reading = "choosing by Sharpe ratio is no better than drawing one"
    elif pbo > ACCEPTED:
        reading = f"more than the {ACCEPTED:g} up to which a choice is accepted"
    else:
        reading = f"no more than {ACCEPTED:g}, so that the choice holds out of sample"
    loss = f"In {found['probability_of_loss']:.0%} of them it loses money there"
    inside, outside = (f"{found[f'median_sharpe_{side}']:.2f}" for side in ("inside", "outside"))
    words = f"{words}; {reading}" if claims else words
    return f"{words}. {loss}; its median Sharpe ratio goes from {inside} to {outside}."


def _chosen(report: dict[str, Any]) -> str:
    """Return how the trial that the sweep's own objective chose, without the hold-out, did on the hold-out."""
    names = [row["trial"] for row in report["rows"]]
    if report["chosen"] is None:
        return ""
    row = report["rows"][names.index(report["chosen"])]
    return (
        f"The sweep's own choice by validation is trial {row['trial']}: rank {names.index(row['trial']) + 1} of "
        f"{len(names)} here, Sharpe ratio {number('sharpe', row['sharpe'])}."
    )


def _title(report: dict[str, Any]) -> str:
    return comparison(report["holdout"], report["key"])


def _trials(report: dict[str, Any]) -> Table:
    objective: Column[dict[str, Any]] = Column("objective", lambda row: row["objective"], spec=".3f")
    has_objective = any(row["objective"] is not None for row in report["rows"])
    columns: list[Column[dict[str, Any]]] = [
        Column("trial", lambda row: f"{row['trial']}{' (chosen)' * (row['trial'] == report['chosen'])}", left=True),
        *(_setting(key, heading) for key, heading in _settings(report).items()),
        *([objective] if has_objective else []),
        Column("Sharpe", lambda row: row["sharpe"], measure="sharpe"),
        Column("return", lambda row: row["cumulative_return"], measure="cumulative_return"),
        Column("PSR", lambda row: row["significance"]["psr"], spec=".3f"),
        Column("deflated", lambda row: row["significance"]["dsr"], spec=".3f"),
    ]
    return Table.of(columns, report["rows"], _title(report))


def _setting(key: str, heading: str) -> Column[dict[str, Any]]:
    return Column(heading, lambda row: _short(row["settings"].get(key, "")))


def _settings(report: dict[str, Any]) -> dict[str, str]:
    """Return key and heading of what differs between trials: the last part of the key, if it is unique."""
    keys = list(dict.fromkeys(key for row in report["rows"] for key in row["settings"]))
    tails = [key.rpartition(".")[2] for key in keys]
    return {key: tail if tails.count(tail) == 1 else key for key, tail in zip(keys, tails, strict=True)}


def _ranks(report: dict[str, Any]) -> Table:
    columns: tuple[Column[dict[str, Any]], ...] = (
        Column("rank out of sample", lambda one: f"{one['rank']:g} of {report['trials']['different']}"),
        Column("logit", lambda one: one["logit"], spec=".2f"),
        Column("share of choices", lambda one: one["share"], spec=".1%"),
    )
    title = "Best of one half of the dates, in the other half (1 is best)"
    return Table.of(columns, report["overfitting"]["ranks"], title)


def _short(value: str) -> str:
    """Return a number with four digits, and other text as it is."""
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value
