"""A scorecard as Markdown, for reading in a pull request or an editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlx.evaluate.scorecard import Scorecard
from rlx.files import write_text
from rlx.measures.telemetry import telemetry_key
from rlx.report.audit_table import check_table, edge_table, parts_in_words
from rlx.report.numbers import dates, meaning
from rlx.report.protocols import EVERY_START, report_of
from rlx.report.significance_table import INDEPENDENT, significance_table
from rlx.report.tables import measure_table, pairs, to_markdown, with_baselines
from rlx.report.windows_table import quantiles_table, shares_in_words
from rlx.untrusted.markdown import Markdown, code, document, heading, joined, strong, words


def write_scorecard_markdown(path: str | Path, card: Scorecard) -> None:
    """Write ``render_markdown`` atomically."""
    write_text(path, render_markdown(card))


def render_markdown(card: Scorecard) -> str:
    """Return the scorecard without its configuration and package versions, which are in the JSON document only."""
    sections = [
        heading(1, f"Scorecard: {card.policy['name']}"),
        _facts(card),
        *_section("Verdict", card.verdict),
        *_section("Hold-out", _metrics(card)),
        *_section("Intervals", _intervals(card)),
        *(_section("Significance", _significance(card)) if card.significance else []),
        *(part for title, text in _of_windows(card).items() for part in _section(title, text)),
        *(_section("Audit", _audit(card.audit)) if card.audit else []),
        *_section("Guards and cooldowns", _guard(card)),
        heading(2, "Comparability key ", code(card.key["hash"])),
        _key(card),
        *_section("Policy", pairs(card.policy)),
        *_section("Performance", "Timings differ between runs.", pairs(card.performance)),
    ]
    if "hardware" in card.provenance:
        in_force = {name: value for name, value in card.provenance["hardware"].items() if value is not None}
        sections += _section("Hardware in force", pairs(in_force))
    if card.provenance:
        rest = {name: value for name, value in card.provenance.items() if name not in ("versions", "hardware")}
        sections += _section("Provenance", pairs(rest))
    return document(sections)


def _section(title: str, *blocks: str) -> list[str]:
    return [heading(2, title), *blocks]


def _facts(card: Scorecard) -> Markdown:
    holdout, data = card.key["windows"]["holdout"], card.data
    source = f"{data['source'] or 'a panel'} ({len(data['symbols'])} symbols, {data['frequency']} bars, fingerprint "
    fingerprint = code(data["fingerprint"])
    return words(
        "Module ",
        strong(card.module),
        f", judged on {source}",
        fingerprint,
        f"), {dates(holdout)}: {holdout['steps']} steps.",
    )


def _metrics(card: Scorecard) -> Markdown:
    means = {name: meaning(f"eval/{name}") for name in card.metrics}
    return to_markdown(measure_table(code, {**with_baselines(card), "meaning": means}))


def _intervals(card: Scorecard) -> Markdown:
    first = next(iter(card.intervals.values()), None)
    if first is None:
        return words("None.")
    ends = {"estimate": "estimate", f"low ({first['confidence']:.0%})": "low", "high": "high"}
    columns = {heading: {name: one[end] for name, one in card.intervals.items()} for heading, end in ends.items()}
    columns["covers zero"] = {name: _covers_zero(one) for name, one in card.intervals.items()}
    note = "Stationary block bootstrap, percentile intervals"
    if first["block_steps"] is not None:
        note += f", {first['replications']} resamples of mean block length {first['block_steps']}"
    return joined([to_markdown(measure_table(code, columns)), f"{note}."])


def _covers_zero(interval: dict[str, Any]) -> str:
    return {True: "yes", False: "no", None: f"no interval: {interval['reason']}"}[interval["covers_zero"]]


def _significance(card: Scorecard) -> Markdown:
    reason = card.significance["reason"]
    note = INDEPENDENT if reason is None else f"Not measured: {reason}."
    return joined([to_markdown(significance_table(card.significance)), note])


def _of_windows(card: Scorecard) -> dict[str, str]:
    """Return the sections about windows by title; a protocol that reports more about the same windows replaces one."""
    reports = {name: report_of(name) for name in card.blocks}
    more = {report.title: report.markdown(card.blocks[name]) for name, report in reports.items()}
    return {EVERY_START: _windows(card), **more}


def _windows(card: Scorecard) -> Markdown:
    windows = card.windows
    return joined(
        [
            f"{windows['n']} windows of {windows['steps']} steps; they overlap, so this is a picture and not a sample "
            f"of that size. {shares_in_words(windows)}",
            quantiles_table(windows),
        ]
    )


def _audit(block: dict[str, Any]) -> Markdown:
    parts, edges = [block["verdict"], to_markdown(check_table(block))], edge_table(block)
    if edges.rows:
        parts += [to_markdown(edges), parts_in_words(block)]
    return joined(parts)


def _guard(card: Scorecard) -> Markdown:
    means = {name: meaning(telemetry_key(name)) for name in card.guard}
    return to_markdown(measure_table(code, {"value": card.guard, "meaning": means}))


def _key(card: Scorecard) -> Markdown:
    return pairs({name: value for name, value in card.key.items() if name != "hash"})
