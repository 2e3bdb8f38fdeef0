"""The summary of a run of backtests: a table for each target, comparisons with a base, and readiness by rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from rlx.backtest.measured import PORTFOLIO, UPLIFT
from rlx.backtest.readiness import broken_rules, ready
from rlx.backtest.strategies import BUY_AND_HOLD
from rlx.measures.metric import UNDEFINED, written
from rlx.report.backtests.tables import YEARLY, Document, strategy_table
from rlx.report.numbers import number
from rlx.report.tables import Table, to_markdown
from rlx.untrusted.markdown import bullets, heading
from rlx.untrusted.markdown import document as whole

EQUAL = "="

READY = (
    "A strategy is ready only if it earned more than buying and holding in each of three consecutive windows that do "
    "not overlap, with the interval of all of them above zero, a pessimistic result above zero, forecasts of the close "
    "no worse than no move, and a forecaster that is not for tests and drew all of its samples."
)


class Result(Protocol):
    """What came of a target."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def base(self) -> str | None:
        """The target that it is compared with."""

    @property
    def documents(self) -> Mapping[str, Document]:
        """Its documents by symbol."""

    @property
    def failure(self) -> str | None:
        """Why it has none."""


def render_summary(results: Sequence[Result]) -> str:
    """Return the summary as Markdown: targets of real forecasters, those for tests only, comparisons, failures."""
    real = [one for one in results if one.documents and not is_test(one)]
    tests = [one for one in results if one.documents and is_test(one)]
    sections: list[str] = [heading(1, "Strategies on forecasts")]
    sections += [part for one in real for part in _section(one)]
    if tests:
        note = "These forecasters know the future, or are noise: what they earn is no evidence, and is not summarised."
        sections += [heading(2, "For tests only"), note]
        sections += [part for one in tests for part in (heading(3, one.name), to_markdown(target_table(one)))]
    compared = comparisons(results)
    if compared.rows:
        sections += [heading(2, compared.title), to_markdown(compared)]
    failures = [f"{one.name}: {one.failure}" for one in results if one.failure is not None]
    if failures:
        sections += [heading(2, "Failed"), bullets(failures)]
    sections += [heading(2, "Readiness"), *_readiness(real)]
    return whole(sections)


def _section(result: Result) -> list[str]:
    average = result.documents.get(PORTFOLIO)
    parts: list[str] = [heading(2, result.name), to_markdown(target_table(result))]
    if average is not None:
        parts += [heading(3, "Average of the symbols"), to_markdown(strategy_table(average, wide=True))]
    return parts + [_last(result)["verdict"]]


def target_table(result: Result) -> Table:
    """Return for each symbol what every strategy earned a year above buying and holding it, and its interval."""
    names = [name for name in _last(result)["strategies"] if name != BUY_AND_HOLD]
    header = ["symbol", "holding a year", *names]
    rows = [
        [symbol, _yearly(document, BUY_AND_HOLD), *(_excess(document, name) for name in names)]
        for symbol, document in result.documents.items()
    ]
    return Table(header, rows, f"{result.name}: a year above buying and holding, with 95% intervals")


def comparisons(results: Sequence[Result]) -> Table:
    """Return target less base of the same symbols and key: ``=`` for no difference, ``n/a`` where one is missing."""
    by_name = {one.name: one for one in results}
    header = ["target", "symbol", *(f"{name} {what}" for name in UPLIFT for what in ("a year", "Sharpe")), "turnover"]
    rows = []
    for one in results:
        base = by_name.get(one.base or "")
        if base is None:
            continue
        for symbol, document in one.documents.items():
            other = base.documents.get(symbol)
            alike = other is not None and other["key"] == document["key"]
            rows.append([f"{one.name} less {base.name}", symbol, *_changes(document, other if alike else None)])
    return Table([*header, "close error"], rows, "Compared with their base", left=(0, 1))


def _changes(document: Document, base: Document | None) -> list[str]:
    cells = []
    for name in UPLIFT:
        for measure in (YEARLY, "sharpe"):
            cells.append(_change(measure, *(_metric(one, name, measure) for one in (document, base))))
    cells.append(_change("turnover", *(_metric(one, UPLIFT[0], "turnover") for one in (document, base))))
    errors = [None if one is None else one["forecast_error"].get("close", {}).get("mae") for one in (document, base)]
    return [*cells, _change(YEARLY, *errors)]


def _change(measure: str, value: float | None, base: float | None) -> str:
    if value is None or base is None:
        return UNDEFINED
    return EQUAL if value == base else f"{'+' if value > base else ''}{number(measure, value - base)}"


def readiness_rows(results: Iterable[Result]) -> list[list[str]]:
    """Return target, symbol, strategy and the rules broken of each strategy, ready ones first."""
    rows = []
    for one in results:
        for symbol, document in one.documents.items():
            for name in document["strategies"]:
                if name != BUY_AND_HOLD:
                    broken = broken_rules(document, name)
                    rows.append([one.name, symbol, name, "ready" if not broken else f"not ready: {'; '.join(broken)}"])
    return sorted(rows, key=lambda row: row[3] != "ready")


def _readiness(results: Sequence[Result]) -> list[str]:
    if not results:
        return ["Nothing was run that could be ready."]
    found = [(one.name, symbol, ready(doc)) for one in results for symbol, doc in one.documents.items()]
    good = [f"{name}, {symbol}: {', '.join(names)}" for name, symbol, names in found if names]
    verdict: str = bullets(good) if good else "No strategy is ready."
    table = Table(["target", "symbol", "strategy", "readiness"], readiness_rows(results))
    return [READY, verdict, to_markdown(table)]


def is_test(result: Result) -> bool:
    """Whether a target's forecaster is for tests only."""
    return _last(result)["forecaster"].get("test_only") is not None


def _last(result: Result) -> Document:
    return list(result.documents.values())[-1]


def _metric(document: Document | None, strategy: str, measure: str) -> float | None:
    one = None if document is None else document["strategies"].get(strategy)
    value: float | None = None if one is None else one["metrics"].get(measure)
    return value


def _yearly(document: Document, strategy: str) -> str:
    return number(YEARLY, _metric(document, strategy, YEARLY))


def _excess(document: Document, strategy: str) -> str:
    one = document["strategies"].get(strategy)
    interval = None if one is None else one["excess_over_buy_and_hold"]
    if interval is None:
        return UNDEFINED
    words = written(interval["estimate"], "+.1%")
    return words if interval["low"] is None else f"{words} ({interval['low']:+.1%} to {interval['high']:+.1%})"
