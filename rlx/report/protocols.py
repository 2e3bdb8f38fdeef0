"""How what a protocol finds is shown; one that declares nothing of the kind is shown as a table of its values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlx import registry
from rlx.report.numbers import capital
from rlx.report.pairs import on_one_line, pairs
from rlx.report.tables import Table, to_terminal

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

Block = dict[str, Any]
EVERY_START = "Every start index"
"""Title of the scorecard's section about ``windows``; a report of this title takes its place."""


@dataclass(frozen=True)
class ProtocolReport:
    """How a block of the scorecard, or the summary of a comparison, is shown: of the protocol of the same name.

    ``title`` heads its section of the scorecard, and ``markdown`` and ``terminal`` show it. ``draw`` makes the picture,
    of a ``Judgement`` or a ``Comparison``; it is None where there is no picture. ``document`` is the file name of a
    comparison, without its ending. ``shape`` is the type that a block from a file is held to first.
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
