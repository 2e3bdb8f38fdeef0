"""A scorecard as Markdown, for reading in a pull request or an editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlx.evaluate.scorecard import Scorecard
from rlx.keys import KEYS
from rlx.plain import write_text
from rlx.report.audit_table import CHECK_HEADER, EDGE_HEADER, check_rows, edge_rows, parts_in_words
from rlx.report.numbers import number
from rlx.report.outliers_table import (
    EPISODE_HEADER,
    SUMMARY_HEADER,
    episode_lines,
    outliers_in_words,
    summary_lines,
)
from rlx.report.significance_table import significance_rows
from rlx.report.tables import markdown_table
from rlx.report.windows_table import describe_in_words, shares_in_words, window_header, window_lines

LONGEST_CELL = 400
"""Characters of a free-form value shown before the reader is sent to the JSON document."""


def write_scorecard_markdown(path: str | Path, card: Scorecard) -> None:
    """Write ``render_markdown`` atomically."""
    write_text(path, render_markdown(card))


def render_markdown(card: Scorecard) -> str:
    """Return the whole scorecard but its configuration and package versions, which stay in the JSON document."""
    name = card.policy["name"]
    sections = [
        f"# Scorecard: {name}",
        _facts(card),
        f"## Verdict\n\n{card.verdict}",
        f"## Hold-out\n\n{_metrics(card)}",
        f"## Intervals\n\n{_intervals(card)}",
        *([f"## Significance\n\n{_significance(card)}"] if card.significance else []),
        f"## Every start index\n\n{_every_start(card) if card.every_start else _windows(card)}",
        *([f"## Walk-forward\n\n{_walk_forward(card)}"] if card.walk_forward else []),
        *([f"## Audit\n\n{_audit(card.audit)}"] if card.audit else []),
        f"## Guards and cooldowns\n\n{_guard(card)}",
        f"## Comparability key `{card.key['hash']}`\n\n{_key(card)}",
        f"## Policy\n\n{_pairs(card.policy)}",
        f"## Performance\n\nTimings differ between runs.\n\n{_pairs(card.performance)}",
    ]
    if "hardware" in card.provenance:
        in_force = {name: value for name, value in card.provenance["hardware"].items() if value is not None}
        sections.append(f"## Hardware in force\n\n{_pairs(in_force)}")
    if card.provenance:
        rest = {name: value for name, value in card.provenance.items() if name not in ("versions", "hardware")}
        sections.append(f"## Provenance\n\n{_pairs(rest)}")
    return "\n\n".join(sections) + "\n"


def _facts(card: Scorecard) -> str:
    holdout, data = card.key["windows"]["holdout"], card.data
    return (
        f"Module **{card.module}**, judged on {data['source'] or 'a panel'} ({len(data['symbols'])} symbols, "
        f"{data['frequency']} bars, fingerprint `{data['fingerprint']}`), {holdout['first'][:10]} to "
        f"{holdout['last'][:10]}: {holdout['steps']} steps."
    )


def _metrics(card: Scorecard) -> str:
    columns = {card.policy["name"]: card.metrics, **_labelled(card)}
    rows = [
        [f"`{name}`", *(number(name, column.get(name)) for column in columns.values()), _meaning(f"eval/{name}")]
        for name in card.metrics
    ]
    return markdown_table(["", *columns, "meaning"], rows)


def _labelled(card: Scorecard) -> dict[str, Any]:
    """Return the baselines; one that has the policy's own name is marked."""
    own = card.policy["name"]
    return {f"{name} (baseline)" if name == own else name: metrics for name, metrics in card.baselines.items()}


def _intervals(card: Scorecard) -> str:
    rows = [
        [
            f"`{name}`",
            number(name, interval["estimate"]),
            number(name, interval["low"]),
            number(name, interval["high"]),
            {True: "yes", False: "no", None: f"no interval: {interval['reason']}"}[interval["covers_zero"]],
        ]
        for name, interval in card.intervals.items()
    ]
    first = next(iter(card.intervals.values()))
    note = "Stationary block bootstrap, percentile intervals"
    if first["block_steps"] is not None:
        note += f", {first['replications']} resamples of mean block length {first['block_steps']}"
    return (
        markdown_table(["", "estimate", f"low ({first['confidence']:.0%})", "high", "covers zero"], rows)
        + f"\n\n{note}."
    )


def _significance(card: Scorecard) -> str:
    table = markdown_table(["", "value", "meaning"], significance_rows(card.significance))
    reason = card.significance["reason"]
    return table if reason is None else f"{table}\n\nNot measured: {reason}."


def _windows(card: Scorecard) -> str:
    windows = card.windows
    return (
        f"{windows['n']} windows of {windows['steps']} steps; they overlap, so this is a picture and not a sample of "
        f"that size. {shares_in_words(windows)}\n\n{_quantiles(windows)}"
    )


def _walk_forward(card: Scorecard) -> str:
    block = card.walk_forward
    words = f"{describe_in_words(block)} {shares_in_words(block)}"
    return f"{words}\n\n{_quantiles(block)}\n\n{markdown_table(window_header(block), window_lines(block))}"


def _every_start(card: Scorecard) -> str:
    block = card.every_start
    words = f"{describe_in_words(block)} {shares_in_words(block)}\n\n{outliers_in_words(block)}"
    tables = [_quantiles(block), markdown_table(SUMMARY_HEADER, summary_lines(block))]
    if lines := episode_lines(block):
        tables.append(markdown_table(EPISODE_HEADER, lines))
    return "\n\n".join([words, *tables])


def _audit(block: dict[str, Any]) -> str:
    parts = [block["verdict"], markdown_table(CHECK_HEADER, check_rows(block))]
    if edges := edge_rows(block):
        parts += [markdown_table(EDGE_HEADER, edges), parts_in_words(block)]
    return "\n\n".join(parts)


def _quantiles(windows: dict[str, Any]) -> str:
    rows = [
        [f"`{name}`", *(number(name, part[level]) for level in ("p05", "median", "p95"))]
        for name, part in windows.items()
        if isinstance(part, dict) and "median" in part
    ]
    return markdown_table(["", "p05", "median", "p95"], rows)


def _guard(card: Scorecard) -> str:
    rows = [[f"`{name}`", number(name, value), _meaning(_guard_key(name))] for name, value in card.guard.items()]
    return markdown_table(["", "value", "meaning"], rows)


def _guard_key(name: str) -> str:
    return f"cooldown/{name.removeprefix('cooldown_')}" if name.startswith("cooldown_") else f"guard/{name}"


def _meaning(key: str) -> str:
    return f"{KEYS[key].meaning} ({KEYS[key].unit})"


def _key(card: Scorecard) -> str:
    return _pairs({name: value for name, value in card.key.items() if name != "hash"})


def _pairs(values: dict[str, Any]) -> str:
    return markdown_table(["", ""], [[f"`{name}`", _short(_inline(value))] for name, value in values.items()])


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
