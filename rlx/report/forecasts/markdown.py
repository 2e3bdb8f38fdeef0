"""``forecast_check.md``: a check of forecasts to read."""

from __future__ import annotations

from typing import Any

from rlx.report.forecasts.tables import (
    Document,
    coverage_table,
    latency_table,
    price_table,
    symbols_table,
    title_of,
)
from rlx.report.tables import pairs, to_markdown
from rlx.untrusted.markdown import Markdown, heading
from rlx.untrusted.markdown import document as whole

READING = (
    "Losses are in moves of the close. A skill is the share of another forecast's loss that is saved: of the null "
    "model's, which draws recent bars at random, and of a median that does not move. 'No move' has no spread, so every "
    "forecast with one saves much of its pinball loss; only the null model is a test of that. Intervals are by a block "
    "bootstrap over bars; every symbol counts the same."
)


def render_check(document: Document) -> str:
    """Return the page of a check."""
    sections = [heading(1, title_of(document)), document["verdict"], READING]
    sections += [
        heading(2, "All symbols"),
        to_markdown(price_table(document, wide=True)),
        Markdown("![Skill](skill.png)"),
    ]
    sections += [heading(2, "By symbol"), to_markdown(symbols_table(document))]
    sections += [heading(2, "Coverage"), to_markdown(coverage_table(document)), Markdown("![Coverage](coverage.png)")]
    sections += [Markdown("![The last forecasts](fan.png)"), heading(2, "Facts"), pairs(_facts(document))]
    if "latency" in document:
        sections += [heading(2, "Latency"), to_markdown(latency_table(document["latency"]["profiles"]))]
    return whole(sections)


def _facts(document: Document) -> dict[str, Any]:
    own = document["forecaster"]
    facts = {"name": own["name"], **own["options"], "last_seen": own["last_seen"]}
    for name in ("weights", "settings"):
        facts |= {f"{name}: {key}": value for key, value in (own[name] or {}).items()}
    facts |= {f"null model: {key}": value for key, value in document["null"].items()}
    return {**facts, **{f"data: {key}": value for key, value in document["data"].items()}, **document["counted"]}
