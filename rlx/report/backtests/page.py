"""The HTML page of a backtest, which loads nothing and needs no script."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlx.report.backtests.markdown import READING
from rlx.report.backtests.tables import Document, error_table, fills_table, strategy_table, title_of
from rlx.report.page.templates import asset, content_policy, render
from rlx.report.tables import Table, on_one_line

TITLE = "Strategies on forecasts"


def render_backtests(sections: Sequence[Mapping[str, Any]], line: str, summaries: Sequence[Table] = ()) -> str:
    """Return the page of ``section``s, after tables that summarise them."""
    style = asset("page.css")
    return render(
        "backtests.html",
        {
            "title": TITLE,
            "line": line,
            "reading": READING,
            "sections": [{**one, "id": f"account-{number}"} for number, one in enumerate(sections)],
            "summaries": list(summaries),
            "policy": content_policy(style),
            "style": style,
        },
    )


def section(document: Document, picture: Path | None = None) -> dict[str, Any]:
    """Return the values of one account for the template; ``picture`` is a PNG file to embed."""
    tables = [strategy_table(document, wide=True), fills_table(document)]
    if document["forecast_error"]:
        tables.append(error_table(document))
    facts = {**document["data"], **document["forecaster"], **document["costs"], **document["settings"]}
    return {
        "name": f"{document['label']}: {document['symbol']}",
        "line": title_of(document),
        "verdict": document["verdict"],
        "tables": tables,
        "picture": None if picture is None else _embedded(picture),
        "facts": [(name, on_one_line(value)) for name, value in facts.items()],
    }


def _embedded(picture: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
