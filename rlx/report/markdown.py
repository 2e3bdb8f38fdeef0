"""A scorecard as Markdown, for reading in a pull request or an editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlx.evaluate.scorecard import Scorecard
from rlx.files import write_text
from rlx.measures.performance import tagged
from rlx.measures.telemetry import telemetry_key
from rlx.report.audit_table import check_table, edge_table, parts_in_words
from rlx.report.numbers import meaning, number
from rlx.report.outliers_table import (
    EPISODE_HEADER,
    SUMMARY_HEADER,
    episode_lines,
    outliers_in_words,
    summary_lines,
)
from rlx.report.significance_table import INDEPENDENT, significance_table
from rlx.report.tables import measure_table, to_markdown
from rlx.report.windows_table import describe_in_words, shares_in_words, window_header, window_lines
from rlx.untrusted.markdown import Markdown, code, document, heading, joined, strong, table, words

LONGEST_CELL = 400
"""Characters of a free-form value shown before the reader is sent to the JSON document."""


def write_scorecard_markdown(path: str | Path, card: Scorecard) -> None:
    """Write ``render_markdown`` atomically."""
    write_text(path, render_markdown(card))


def render_markdown(card: Scorecard) -> str:
    """Return the whole scorecard but its configuration and package versions, which stay in the JSON document."""
    sections = [
        heading(1, f"Scorecard: {card.policy['name']}"),
        _facts(card),
        *_section("Verdict", card.verdict),
        *_section("Hold-out", _metrics(card)),
        *_section("Intervals", _intervals(card)),
        *(_section("Significance", _significance(card)) if card.significance else []),
        *_section("Every start index", _every_start(card) if card.every_start else _windows(card)),
        *(_section("Walk-forward", _walk_forward(card)) if card.walk_forward else []),
        *(_section("Audit", _audit(card.audit)) if card.audit else []),
        *_section("Guards and cooldowns", _guard(card)),
        heading(2, "Comparability key ", code(card.key["hash"])),
        _key(card),
        *_section("Policy", _pairs(card.policy)),
        *_section("Performance", "Timings differ between runs.", _pairs(card.performance)),
    ]
    if "hardware" in card.provenance:
        in_force = {name: value for name, value in card.provenance["hardware"].items() if value is not None}
        sections += _section("Hardware in force", _pairs(in_force))
    if card.provenance:
        rest = {name: value for name, value in card.provenance.items() if name not in ("versions", "hardware")}
        sections += _section("Provenance", _pairs(rest))
    return document(sections)


def _section(title: str, *blocks: str) -> list[str]:
    return [heading(2, title), *blocks]


def _facts(card: Scorecard) -> Markdown:
    holdout, data = card.key["windows"]["holdout"], card.data
    source = f"{data['source'] or 'a panel'} ({len(data['symbols'])} symbols, {data['frequency']} bars, fingerprint "
    dates = f"{holdout['first'][:10]} to {holdout['last'][:10]}: {holdout['steps']} steps."
    fingerprint = code(data["fingerprint"])
    return words("Module ", strong(card.module), f", judged on {source}", fingerprint, f"), {dates}")


def _metrics(card: Scorecard) -> Markdown:
    means = {name: meaning(f"eval/{name}") for name in card.metrics}
    return to_markdown(measure_table(code, {card.policy["name"]: card.metrics, **_labelled(card), "meaning": means}))


def _labelled(card: Scorecard) -> dict[str, Any]:
    """Return the baselines; one that has the policy's own name is marked."""
    own = card.policy["name"]
    return {f"{name} (baseline)" if name == own else name: metrics for name, metrics in card.baselines.items()}


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


def _windows(card: Scorecard) -> Markdown:
    windows = card.windows
    return joined(
        [
            f"{windows['n']} windows of {windows['steps']} steps; they overlap, so this is a picture and not a sample "
            f"of that size. {shares_in_words(windows)}",
            _quantiles(windows),
        ]
    )


def _walk_forward(card: Scorecard) -> Markdown:
    block = card.walk_forward
    said = f"{describe_in_words(block)} {shares_in_words(block)}"
    return joined([said, _quantiles(block), table(window_header(block), window_lines(block))])


def _every_start(card: Scorecard) -> Markdown:
    block = card.every_start
    parts = [
        f"{describe_in_words(block)} {shares_in_words(block)}",
        outliers_in_words(block),
        _quantiles(block),
        table(SUMMARY_HEADER, summary_lines(block)),
    ]
    if lines := episode_lines(block):
        parts.append(table(EPISODE_HEADER, lines))
    return joined(parts)


def _audit(block: dict[str, Any]) -> Markdown:
    parts, edges = [block["verdict"], to_markdown(check_table(block))], edge_table(block)
    if edges.rows:
        parts += [to_markdown(edges), parts_in_words(block)]
    return joined(parts)


def _quantiles(windows: dict[str, Any]) -> Markdown:
    rows = [
        [code(name), *(number(name, part[level]) for level in ("p05", "median", "p95"))]
        for name, part in ((name, windows[name]) for name in tagged("windows") if name in windows)
    ]
    return table(["", "p05", "median", "p95"], rows)


def _guard(card: Scorecard) -> Markdown:
    means = {name: meaning(telemetry_key(name)) for name in card.guard}
    return to_markdown(measure_table(code, {"value": card.guard, "meaning": means}))


def _key(card: Scorecard) -> Markdown:
    return _pairs({name: value for name, value in card.key.items() if name != "hash"})


def _pairs(values: dict[str, Any]) -> Markdown:
    return table(["", ""], [[code(name), _short(_inline(value))] for name, value in values.items()])


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + " ... (see scorecard.json)"


def _inline(value: Any) -> str:
    """Return a plain value on one line of a table."""
    if isinstance(value, dict):
        parts = (
            f"{name} ({_inline(item)})" if isinstance(item, dict) else f"{name} {_inline(item)}"
            for name, item in value.items()
        )
        return ", ".join(parts)
    if isinstance(value, list):
        return " ".join(_inline(item) for item in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return "off" if value is None else str(value)
