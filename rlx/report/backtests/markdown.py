"""A document of strategies as Markdown."""

from __future__ import annotations

from rlx.report.backtests.tables import Document, error_table, fills_table, strategy_table
from rlx.report.tables import pairs, to_markdown
from rlx.untrusted.markdown import document as whole
from rlx.untrusted.markdown import heading

READING = (
    "After costs. 'Above holding' is the mean return a year above buying and holding the symbol on the same bars, with "
    "a paired block-bootstrap interval. 'Optimistic' and 'pessimistic' are the two assumptions about bars that touch "
    "both the entry and the target. DSR is the deflated Sharpe ratio for the number of rules tried. 'Peeking' is what "
    "tuning on the judged bars would add a year."
)


def render_document(document: Document) -> str:
    """Return a document as Markdown; the JSON document has all of its numbers."""
    sections = [heading(1, f"{document['label']}: {document['symbol']}"), document["verdict"]]
    sections += [heading(2, "Strategies"), to_markdown(strategy_table(document, wide=True)), READING]
    sections += [heading(2, "Bars and orders"), to_markdown(fills_table(document))]
    if document["forecast_error"]:
        sections += [heading(2, "Errors of the forecasts"), to_markdown(error_table(document))]
    for title, name in (("Data", "data"), ("Forecaster", "forecaster"), ("Costs", "costs"), ("Settings", "settings")):
        sections += [heading(2, title), pairs(document[name])]
    return whole(sections)
