"""The tables of an audit, for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rlx.measures.metric import written
from rlx.report.tables import Column, Table, terminal_line, to_terminal
from rlx.untrusted.escape import one_line

if TYPE_CHECKING:
    from rich.console import Group

EDGES = {
    "foresight": "foresight: changing weights, beyond due",
    "timing": "timing: changing weights, before costs",
    "excess": "excess: over equal weight, after costs",
}
EDGE_COLUMNS: tuple[Column[tuple[str, Mapping[str, Any]]], ...] = (
    Column("a year", lambda edge: edge[0], left=True),
    Column("real order", lambda edge: edge[1]["real"], spec="+.2%"),
    Column("mean of shuffled", lambda edge: edge[1]["mean"], spec="+.2%"),
    Column("standard error", lambda edge: edge[1]["standard_error"], spec=".2%"),
    Column("5% to 95%", lambda edge: f"{edge[1]['p05']:+.2%} to {edge[1]['p95']:+.2%}"),
    Column("do as well", lambda edge: edge[1]["p_value"], spec=".1%"),
    Column("p of mean 0", lambda edge: edge[1]["mean_p_value"], spec=".2g"),
)


def check_table(block: Mapping[str, Any], title: str = "") -> Table:
    """Return a table with a row for each group of quantities that had to stay equal."""
    causality = block["causality"]
    columns: tuple[Column[Mapping[str, Any]], ...] = (
        Column("held equal up to each date", lambda group: group["meaning"], left=True),
        Column("values compared", lambda group: group["values"], spec=","),
        Column("plays changed", lambda group: f"{group['plays_changed']} of {causality['plays']}"),
        Column("first change", lambda group: "none" if group["first"] is None else _place(group["first"]), left=True),
    )
    return Table.of(columns, causality["groups"], title)


def edge_table(block: Mapping[str, Any]) -> Table:
    """Return a table with a row for each measure on shuffled futures; it is empty if nothing was measured."""
    shuffle = block["shuffle"]
    rows = [(meaning, shuffle[name]) for name, meaning in EDGES.items() if shuffle[name] is not None]
    return Table.of(EDGE_COLUMNS, rows, f"{shuffle['permutations']} shuffled futures")


def parts_in_words(block: Mapping[str, Any]) -> str:
    """Return the excess in the real order, split into its parts; an empty string if nothing was measured."""
    parts = block["shuffle"]["parts"]
    if parts is None:
        return ""
    excess = block["shuffle"]["excess"]["real"]
    return (
        f"Excess {excess:+.2%} a year = own mean weights above equal weight {parts['static']:+.2%}, timing "
        f"{parts['timing']:+.2%}, costs beyond equal weight's {-parts['costs']:+.2%}."
    )


def audit_summary(block: Mapping[str, Any]) -> Group:
    """Return a rich renderable: what had to stay equal, the edges on shuffled futures and the verdict."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    title = f"Audit of {block['policy']}, {block['first']} to {block['last']}, {block['steps']} steps"
    parts: list[Any] = [to_terminal(check_table(block, title))]
    edges = edge_table(block)
    if edges.rows:
        parts += [to_terminal(edges), terminal_line(parts_in_words(block), "dim")]
    style = "bold green" if block["passed"] else "bold red"
    head, _, rest = block["verdict"].partition(" ")
    return Group(*parts, Padding(Text.assemble((one_line(head), style), f" {one_line(rest)}"), (1, 1)))


def _place(leak: Mapping[str, Any]) -> str:
    of = f" of {leak['symbol']}" if leak["symbol"] else ""
    values = "" if leak["before"] is None else f", {_value(leak['before'])} became {_value(leak['after'])}"
    cause = f"{leak['perturbation']} after {leak['perturbed_after']}"
    return f"{leak['quantity']}{of} at {leak['changed_at']}{values} ({cause})"


def _value(value: Any) -> str:
    return written(value, ".6g" if isinstance(value, float) else "")
