"""``rlx data check``: the findings on a path as a table and in words, with an exit status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlx.console import open_console
from rlx.data.align import AUTO, alignment_findings, calendar_findings, common_stamps, lost_stamps
from rlx.data.calendars import infer_calendar
from rlx.data.checks.symbol import SymbolFigures
from rlx.data.findings import Finding, Severity, grouped
from rlx.data.survey import Survey, survey
from rlx.errors import DataError
from rlx.untrusted.escape import one_line

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

_STYLES = {Severity.note: "dim", Severity.warning: "yellow", Severity.error: "bold red"}


@dataclass(frozen=True)
class CheckReport:
    """figures: one line per symbol. findings: worst first. common_rows: timestamps that all symbols share.

    ``lost``: in words, how many timestamps are not shared, and which symbols lack them; empty for none.
    """

    path: str
    figures: tuple[SymbolFigures, ...]
    findings: tuple[Finding, ...]
    common_rows: int | None = None
    lost: str = ""

    def has(self, severity: Severity) -> bool:
        """Whether there is a finding of this severity."""
        return any(finding.severity is severity for finding in self.findings)

    def exit_status(self, strict: bool) -> int:
        """Return 0 clean (or warnings without ``strict``), 1 warnings with ``strict``, 2 unusable."""
        if self.has(Severity.error):
            return 2
        return 1 if strict and self.has(Severity.warning) else 0


def check_path(path: str) -> CheckReport:
    """Read and check a file or folder; an unreadable one is reported as an error finding, not raised."""
    try:
        surveyed = survey(path)
    except DataError as error:
        return CheckReport(path, (), (Finding("unreadable", Severity.error, str(error)),))
    findings = list(surveyed.findings)
    common_rows, lost = _check_alignment(surveyed, findings)
    order = list(Severity)[::-1]
    findings.sort(key=lambda finding: order.index(finding.severity))
    return CheckReport(path, tuple(surveyed.figures), tuple(findings), common_rows, lost)


def _check_alignment(surveyed: Survey, findings: list[Finding]) -> tuple[int | None, str]:
    """Add the findings of aligning the symbols; return the number of shared timestamps, and the loss in words."""
    bars = [one for one in surveyed.bars.values() if len(one) >= 2]
    if not bars:
        return None, ""
    try:
        common = common_stamps(bars)
    except DataError as error:
        findings.append(Finding("not_alignable", Severity.error, str(error), file=surveyed.path.name))
        return None, ""
    source, lost = surveyed.path.name, lost_stamps(bars, common)
    findings += alignment_findings(bars, lost, source)
    findings += calendar_findings(bars, common, infer_calendar(common), AUTO, source)
    return len(common), lost


def render(report: CheckReport) -> Group:
    """Return the table of figures, the findings in words and the verdict for a rich console.

    The first line reports the timestamps lost by alignment.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[Table | Text] = []
    if report.figures:
        lost = f"; {report.lost}" if report.lost else ""
        parts.append(Text(one_line(f"{report.path}: {len(report.figures)} symbol(s){lost}"), style="italic"))
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
        for name in ("symbol", "rows", "first", "last", "bars", "fields", *_COUNTS):
            table.add_column(name, justify="right" if name in ("rows", *_COUNTS) else "left", overflow="fold")
        for line in report.figures:
            counts = [_count(int(getattr(line, name))) for name in _COUNTS]
            table.add_row(
                one_line(line.symbol), f"{line.rows:,}", line.first, line.last, line.frequency, line.fields, *counts
            )
        parts.append(table)
    parts += [
        Text.assemble(
            (f"{finding.severity.value:8}", _STYLES[finding.severity]), one_line(str(finding).removeprefix(": "))
        )
        for finding in grouped(report.findings)
    ]
    if report.figures:
        parts.append(_looked_at(report))
    parts.append(_verdict(report))
    return Group(*parts)


_COUNTS = ("gaps", "moves", "splits", "zeros", "wicks", "duplicates", "stale", "missing")


def _count(value: int) -> str:
    return str(value) if value else "-"


def _looked_at(report: CheckReport) -> Text:
    """Return how many moves were checked for splits, and how many are splits."""
    from rich.text import Text

    moves, splits = (sum(getattr(line, name) for line in report.figures) for name in ("moves", "splits"))
    words = (
        f"Splits: {moves:,} overnight moves beyond 8% checked (ratios of small whole numbers, and falls of any ratio, "
        f"without unusual trading), {splits} found."
    )
    allow = " If they are real news: data.allow=[unadjusted_split]" if splits else ""
    return Text(words + allow, style="dim")


def _verdict(report: CheckReport) -> Text:
    from rich.text import Text

    common = f" {report.common_rows:,} common timestamps." if report.common_rows is not None else ""
    if report.has(Severity.error):
        return Text(f"Unusable.{common}", style="bold red")
    if report.has(Severity.warning):
        return Text(f"Usable, with warnings.{common}", style="yellow")
    return Text(f"Clean.{common}", style="green")


def run_check(path: str, strict: bool) -> int:
    """Check a path, write the report to standard output and return the exit status."""
    report = check_path(path)
    open_console().print(render(report))
    return report.exit_status(strict)
