"""An audit as rows of text, for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rlx.report.numbers import UNDEFINED
from rlx.report.tables import terminal_line, terminal_table
from rlx.untrusted.escape import one_line

if TYPE_CHECKING:
    from rich.console import Group

CHECK_HEADER = ("held equal up to each date", "values compared", "plays changed", "first change")
EDGE_HEADER = ("a year", "real order", "mean of shuffled", "standard error", "5% to 95%", "do as well", "p of mean 0")
EDGES = {
    "foresight": "foresight: changing weights, beyond due",
    "timing": "timing: changing weights, before costs",
    "excess": "excess: over equal weight, after costs",
}


def check_rows(block: Mapping[str, Any]) -> list[list[str]]:
    """Return a row for each group of quantities that was held equal."""
    causality = block["causality"]
    return [
        [
            group["meaning"],
            f"{group['values']:,}",
            f"{group['plays_changed']} of {causality['plays']}",
            "none" if group["first"] is None else _place(group["first"]),
        ]
        for group in causality["groups"]
    ]


def edge_rows(block: Mapping[str, Any]) -> list[list[str]]:
    """Return a row for each measure on shuffled futures; none where nothing was measured."""
    shuffle = block["shuffle"]
    return [_edge_row(meaning, shuffle[name]) for name, meaning in EDGES.items() if shuffle[name] is not None]


def parts_in_words(block: Mapping[str, Any]) -> str:
    """Return the excess in the real order, taken apart; nothing where nothing was measured."""
    parts = block["shuffle"]["parts"]
    if parts is None:
        return ""
    excess = block["shuffle"]["excess"]["real"]
    return (
        f"Excess {excess:+.2%} a year = own mean weights above equal weight {parts['static']:+.2%}, timing "
        f"{parts['timing']:+.2%}, costs beyond equal weight's {-parts['costs']:+.2%}."
    )


def audit_summary(block: Mapping[str, Any]) -> Group:
    """Return a rich renderable: what was held equal, the edges on shuffled futures, the verdict."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    title = f"Audit of {block['policy']}, {block['first']} to {block['last']}, {block['steps']} steps"
    parts: list[Any] = [terminal_table(title, CHECK_HEADER, check_rows(block))]
    if edges := edge_rows(block):
        futures = f"{block['shuffle']['permutations']} shuffled futures"
        parts += [
            terminal_table(futures, EDGE_HEADER, edges),
            terminal_line(parts_in_words(block), "dim"),
        ]
    style = "bold green" if block["passed"] else "bold red"
    head, _, rest = block["verdict"].partition(" ")
    return Group(*parts, Padding(Text.assemble((one_line(head), style), f" {one_line(rest)}"), (1, 1)))


def _place(leak: Mapping[str, Any]) -> str:
    of = f" of {leak['symbol']}" if leak["symbol"] else ""
    values = "" if leak["before"] is None else f", {_value(leak['before'])} became {_value(leak['after'])}"
    cause = f"{leak['perturbation']} after {leak['perturbed_after']}"
    return f"{leak['quantity']}{of} at {leak['changed_at']}{values} ({cause})"


def _value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else UNDEFINED if value is None else str(value)


def _edge_row(meaning: str, found: Mapping[str, Any]) -> list[str]:
    mean_p_value = found["mean_p_value"]
    return [
        meaning,
        f"{found['real']:+.2%}",
        f"{found['mean']:+.2%}",
        f"{found['standard_error']:.2%}",
        f"{found['p05']:+.2%} to {found['p95']:+.2%}",
        f"{found['p_value']:.1%}",
        UNDEFINED if mean_p_value is None else f"{mean_p_value:.2g}",
    ]
