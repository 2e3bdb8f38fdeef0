"""The summary of an offline data set, as a table."""

from __future__ import annotations

from collections.abc import Iterable

from rlx.offline.files import Behaviour
from rlx.report.tables import Column, Table

_COLUMNS: tuple[Column[Behaviour], ...] = (
    Column("behaviour", lambda one: one.name, left=True),
    Column("episodes", lambda one: one.episodes, spec=",d"),
    Column("steps", lambda one: one.steps, spec=",d"),
    Column("ruined", lambda one: one.ruined, spec=",d"),
    Column("reward a year", lambda one: one.annual_reward, spec="+.4f"),
    Column("sd over episodes", lambda one: one.annual_reward_std, spec=".4f"),
    Column("turnover a step", lambda one: one.turnover, spec=".2%"),
)


def behaviours_table(behaviours: Iterable[Behaviour]) -> Table:
    """Return a row for each behaviour."""
    return Table.of(_COLUMNS, behaviours, "Behaviours")
