"""How the findings of a protocol are shown; without a declared report, they are shown as a table of values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlx import registry
from rlx.report.numbers import capital
from rlx.report.tables import Table, on_one_line, pairs, to_terminal

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

Block = dict[str, Any]
EVERY_START = "Every start index"
"""Title of the scorecard's section about ``windows``; a report with this title replaces it."""


@dataclass(frozen=True)
class ProtocolReport:
    """How the block of a protocol in a scorecard, or the summary of a comparison, is shown.

    It is registered under the name of the protocol. ``title`` is the heading of its section of the scorecard, and
    ``markdown`` and ``terminal`` render it. ``draw`` makes the figure from a ``Judgement`` or a ``Comparison``; None if
    there is none. ``document`` is the file name of a comparison, without its suffix. ``shape`` is the type that a block
    from a file must have.
    """

    title: str
    markdown: Callable[[Block], str]
    terminal: Callable[[Block], Sequence[RenderableType]]
    draw: Callable[[Any], Figure] | None = None
    document: str = ""
    shape: Any = Block


def report_of(protocol: str) -> ProtocolReport:
    """Return the report that an installed package registers under a protocol's name, or a plain one."""
    found: ProtocolReport | None = registry.find("report", protocol)
    return _plain_report(protocol) if found is None else found


def _plain_report(protocol: str) -> ProtocolReport:
    title = capital(protocol.replace("_", " "))

    def terminal(block: Block) -> Sequence[RenderableType]:
        rows = [[name, on_one_line(value)] for name, value in block.items()]
        return [to_terminal(Table(["", title], rows, title))]

    return ProtocolReport(title, pairs, terminal, document=protocol)
