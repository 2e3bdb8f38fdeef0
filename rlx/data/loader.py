"""``data=folder``: read, check, refuse or warn, align."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rlx.data.align import AUTO, alignment_findings, build_panel, calendar_findings, common_stamps, lost_stamps
from rlx.data.findings import WAIVABLE, Finding, Severity, grouped
from rlx.data.panel import MarketPanel
from rlx.data.readers.options import ReadOptions
from rlx.data.survey import survey
from rlx.errors import DataError, did_you_mean

logger = logging.getLogger("rlx.data")

_SHOWN = 8


def load_folder(
    path: str,
    symbols: Sequence[str] | None = None,
    start: str | None = None,
    end: str | None = None,
    *,
    asset_class: Any = AUTO,
    close_only: bool = False,
    decimal: str = "auto",
    price_scale: float | None = None,
    allow: Sequence[str] = (),
) -> MarketPanel:
    """Read, check and align the price files at ``path`` (a file or a folder).

    Raises DataError when a file cannot be read or a check finds the prices unusable; warnings are logged to
    ``rlx.data``.
    """
    _check_allowed(allow)
    surveyed = survey(path, symbols, start, end, ReadOptions(close_only, decimal, price_scale))
    findings = [_waived(finding, allow) for finding in surveyed.findings]
    errors = [finding for finding in findings if finding.severity is Severity.error]
    if errors:
        raise DataError(_refusal(path, errors))
    bars = list(surveyed.bars.values())
    common = common_stamps(bars)
    source = surveyed.path.name
    findings = alignment_findings(bars, lost_stamps(bars, common), source) + findings
    panel = build_panel(bars, common, asset_class, source)
    findings += calendar_findings(bars, common, panel.measured, asset_class, source)
    for finding in grouped(findings):
        level = logging.INFO if finding.severity is Severity.note else logging.WARNING
        logger.log(level, "%s", finding)
    return panel


def _check_allowed(allow: Sequence[str]) -> None:
    for code in allow:
        if code not in WAIVABLE:
            allowed = ", ".join(sorted(WAIVABLE))
            hint = did_you_mean(code, WAIVABLE)
            raise DataError(f"data.allow: '{code}' cannot be allowed.{hint} Allowed: {allowed}.")


def _waived(finding: Finding, allow: Sequence[str]) -> Finding:
    return replace(finding, severity=Severity.warning) if finding.code in allow else finding


def _refusal(path: str, errors: list[Finding]) -> str:
    errors = grouped(errors)
    lines = [f"data.path={path}: unusable, {len(errors)} finding(s):"]
    lines += [f"  {finding}" for finding in errors[:_SHOWN]]
    if len(errors) > _SHOWN:
        lines.append(f"  ... and {len(errors) - _SHOWN} more")
    lines.append(f"See all findings with: rlx data check {path}")
    if waivable := sorted({finding.code for finding in errors if finding.code in WAIVABLE}):
        lines.append(f"To trade on it anyway: data.allow=[{','.join(waivable)}]")
    return "\n".join(lines)
