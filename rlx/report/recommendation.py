"""The board turned into a recommendation: what may be traded, what may not and why, and what to do next."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from rlx.backtest.plan import MONEY
from rlx.board.promotion import Candidate, PromotionRules, assess_candidates, next_experiments
from rlx.board.standing import Group, rank_board
from rlx.board.store import Scoreboard
from rlx.errors import RlxError
from rlx.files import file_name, write_text
from rlx.ranges import check
from rlx.report.board_rows import group_title
from rlx.report.tables import Column, Table, to_markdown, to_terminal
from rlx.untrusted.markdown import Markdown, bullets, document, heading, joined, strong, words
from rlx.untrusted.paths import below

if TYPE_CHECKING:
    from rich.table import Table as RichTable

MARKDOWN = "recommendation.md"
TEMPLATES = "recommended"

HEADER = """\
# Template for trading one promoted system with a broker such as Alpaca. Nothing here places orders: rlx judges, and a
# broker's client trades. Check every value before use; null has to be filled in.
# Past results are no promise. Start with paper trading, and stop at the drawdown limit below.
"""


MARK = HEADER.partition("\n")[0].encode()
"""The first line of every template."""


def write_recommendation(
    board: str | Path, rules: PromotionRules, *, key: str | None = None, notional: float | None = None
) -> tuple[list[Path], list[tuple[Group, list[Candidate]]]]:
    """Write ``recommendation.md`` and a template for each promoted system next to the board.

    The template of a system that is no longer promoted is removed; no other file is. Returns the files, and the
    candidates by group. ``key`` selects groups whose hash starts with it, ``notional`` is the money to trade, in the
    account's currency. ConfigError if ``notional`` is not a valid amount; RlxError if the board cannot be read, lacks
    the key, or if a file that is not one of our templates is in the place of a template.
    """
    check("--notional", notional, MONEY, optional=True)
    loaded = Scoreboard.load(board)
    judged = [(group, assess_candidates(group, rules)) for group in _chosen(rank_board(loaded), key)]
    folder = Path(board).parent
    written: dict[Path, str] = {}
    ours: set[Path] = set()
    for group, candidates in judged:
        names = template_names(group.key, (entry.system for entry in loaded.entries if entry.key == group.key))
        paths = {system: below(folder, TEMPLATES, name) for system, name in names.items()}
        ours |= set(paths.values())
        promoted = [candidate for candidate in candidates if candidate.promoted]
        written |= {paths[one.system]: render_template(group, one, rules, notional) for one in promoted}
    for path in written:
        _refuse_others(path)
    for path, content in written.items():
        write_text(path, content)
    for path in ours - written.keys():
        if _is_ours(path):
            path.unlink()
    write_text(folder / MARKDOWN, render_recommendation(judged, rules))
    return [folder / MARKDOWN, *written], judged


def template_names(key: str, systems: Iterable[str]) -> dict[str, str]:
    """Return the file name of the template of each system of a key; names that would be equal get a suffix."""
    names = {system: file_name(system) for system in systems}
    shared = Counter(name.lower() for name in names.values())
    return {
        system: f"{name}{'' if shared[name.lower()] == 1 else '_' + _digest(system)}_{key}.yaml"
        for system, name in names.items()
    }


def _digest(system: str) -> str:
    return hashlib.sha256(system.encode()).hexdigest()[:8]


def _is_ours(path: Path) -> bool:
    """Return whether a file was written by ``render_template``; other files are left alone."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK


def _refuse_others(path: Path) -> None:
    if (path.exists() or path.is_symlink()) and not _is_ours(path):
        raise RlxError(f"{path}: not a template that rlx recommend wrote. Move it away; it is not overwritten.")


def recommendation_table(group: Group, candidates: Sequence[Candidate]) -> RichTable:
    """Return the candidates of a group as a rich table."""
    table = to_terminal(Table.of(COLUMNS, candidates, group_title(group)))
    if not any(candidate.promoted for candidate in candidates):
        table.caption, table.caption_justify = "Nothing qualifies.", "left"
    return table


def render_recommendation(judged: Sequence[tuple[Group, list[Candidate]]], rules: PromotionRules) -> str:
    """Return the recommendation as Markdown."""
    parts: list[str] = [heading(1, "Recommendation"), _rules(rules)]
    for group, candidates in judged:
        table = to_markdown(Table.of(COLUMNS, candidates))
        parts += [heading(2, group_title(group)), _conclusion(candidates), table]
        parts += [_why_not(candidate) for candidate in candidates if not candidate.promoted]
        if experiments := next_experiments(candidates, rules):
            parts += ["Next:", bullets(experiments)]
    return document(parts)


def render_template(group: Group, candidate: Candidate, rules: PromotionRules, notional: float | None) -> str:
    """Return the configuration of a promoted system as YAML."""
    key, data, entry = group.shared["key"], group.shared["data"], candidate.representative.entry
    intraday = not str(data["frequency"]).endswith("D")
    template: dict[str, Any] = {
        "system": candidate.system,
        "policy": {"kind": entry.kind, **entry.options},
        "symbols": data["symbols"],
        "costs": key["costs"],
        "limits": key["limits"],
        "guard": key["guard"],
        "cooldown": key["cooldown"],
        "notional": notional,
        "max_drawdown": rules.max_drawdown,
        "schedule": {
            "frequency": data["frequency"],
            "calendar": data["calendar"],
            "decide": "at the close of every bar",
            "trade": "at the next open" if key["execution"] == "next_open" else "at the close",
            "time_in_force": "day" if intraday or key["execution"] == "next_open" else "cls",
        },
        "judged": {
            "key": group.key,
            "target": entry.target,
            "first": key["windows"]["holdout"]["first"],
            "last": key["windows"]["holdout"]["last"],
            "cumulative_return": entry.score,
            "sharpe": entry.sharpe,
        },
    }
    return HEADER + yaml.safe_dump(template, sort_keys=False, allow_unicode=True)


def _chosen(groups: list[Group], key: str | None) -> list[Group]:
    chosen = [group for group in groups if key is None or group.key.startswith(key)]
    if not chosen and key is not None:
        there = ", ".join(group.key for group in groups) or "none"
        raise RlxError(f"--key={key}: the board has {there}.")
    return chosen


def _rules(rules: PromotionRules) -> str:
    return (
        "A system is promoted when every one of its targets is ranked, beats equal weight with an interval of its "
        f"yearly excess above zero, with a p-value of at most {rules.max_p_value:g} when corrected for all "
        f"competitors, has a deflated Sharpe ratio of at least {rules.min_dsr:g}, a drawdown of at most "
        f"{rules.max_drawdown:.0%}, and was judged on at least {rules.min_steps} steps from at least "
        f"{rules.min_windows} start indices. Of several seeds the one of the middle score is proposed, not the best."
    )


def _conclusion(candidates: Sequence[Candidate]) -> Markdown:
    promoted = [candidate.system for candidate in candidates if candidate.promoted]
    if promoted:
        return words(f"Promoted: {', '.join(promoted)}.")
    none = f" None of {len(candidates)} systems keeps every rule; do not trade them on this record."
    return words(strong("Nothing qualifies."), none)


COLUMNS: tuple[Column[Candidate], ...] = (
    Column("system", lambda candidate: candidate.system, left=True),
    Column("targets", lambda candidate: len(candidate.rows)),
    Column("middle score", lambda candidate: candidate.representative.entry.score, measure="cumulative_return"),
    Column("Sharpe", lambda candidate: candidate.representative.entry.sharpe, measure="sharpe"),
    Column("promoted", lambda candidate: "yes" if candidate.promoted else _broken(candidate), left=True),
)


def _broken(candidate: Candidate) -> str:
    return "no: " + ", ".join(dict.fromkeys(finding.rule for finding in candidate.broken))


def _why_not(candidate: Candidate) -> Markdown:
    lines = [f"{finding.target}: {finding.asked}; found {finding.found}" for finding in candidate.broken]
    return joined([f"Why not {candidate.system}:", bullets(lines)])
