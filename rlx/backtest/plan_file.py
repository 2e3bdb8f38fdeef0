"""Reading and checking plan files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from rlx.backtest.plan import LARGEST, Action, Instruction, Plan, Session, Strategy, is_number
from rlx.errors import FileError, PlanError, did_you_mean
from rlx.untrusted.documents import parse_json, unique
from rlx.untrusted.paths import why_unreadable
from rlx.untrusted.shown import brief, shown
from rlx.untrusted.text import read_text

INSTRUCTION_KEYS = ("symbol", "action", "quantity", "execution_session", "entry_price", "exit_price")
PLAN_KEYS = ("target_date", "instructions", "stop_trading_symbols")
# Free text that a model may add; it is ignored.
INSTRUCTION_REMARKS = ("notes", "exit_reason")
PLAN_REMARKS = ("metadata", "risk_notes", "focus_symbols", "execution_window")
ANSWER = ".answer.json"
"""Suffix of the file with a model's answer, next to the plan made from it."""

LONGEST_SYMBOL = 100  # characters
MOST_INSTRUCTIONS = 10_000


def read_plans(path: str | Path, strategy: str = Strategy.base.value) -> tuple[Plan, ...]:
    """Read a plan file, or every ``*.json`` in a folder except models' answers, in the order of their days.

    Raises PlanError naming file, instruction, key and value: for an invalid plan, for one that lacks what ``strategy``
    needs, and for two plans for one day.
    """
    plans = sorted((read_plan(file, strategy) for file in _files(Path(path))), key=lambda plan: plan.target_date)
    for earlier, later in pairwise(plans):
        if earlier.target_date == later.target_date:
            raise PlanError(
                f"{later.source}: target_date={later.target_date} is also that of {earlier.source}. Keep one plan per "
                "day."
            )
    return tuple(plans)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = (file for file in path.glob("*.json") if not file.is_dir() and not file.name.startswith("."))
        files = sorted(file for file in found if not file.name.endswith(ANSWER))
        if not files:
            raise PlanError(
                f"policy.path={path}: the folder has no .json file with a plan. Put one plan per file into it."
            )
        return files
    if path.name.endswith(ANSWER):
        raise PlanError(f"policy.path={path}: has the name of a model's answer. Give the plan.")
    if not path.is_file():
        what = why_unreadable(path).replace("no such file", "no such file or folder")
        raise PlanError(f"policy.path={path}: {what}. Give a plan file (JSON) or a folder of them.")
    return [path]


def read_plan(path: Path, strategy: str = Strategy.base.value) -> Plan:
    """Read one file; PlanError when it is not the JSON of a plan."""
    try:
        text = read_text(path)
    except FileError as error:
        raise PlanError(str(error)) from error
    except OSError as error:
        raise PlanError(f"{path}: cannot be read: {error}.") from error
    return parse_plan(text, str(path), strategy)


def parse_plan(text: str, source: str, strategy: str = Strategy.base.value) -> Plan:
    """Return the plan that ``text`` is the JSON of; PlanError begins with ``source``."""
    try:
        content = parse_json(text, source, unique)
    except FileError as error:
        raise PlanError(str(error)) from error
    return _Checked(source, strategy).plan(content)


class _Checked:
    """Turns the content of one file into a plan; every error names the file."""

    def __init__(self, source: str, strategy: str) -> None:
        self.source, self.strategy = source, strategy

    def plan(self, content: Any) -> Plan:
        """Return the plan, without its envelope where it has one."""
        if isinstance(content, Mapping) and "plan" in content:
            content = content["plan"]
        if not isinstance(content, Mapping):
            self._refuse(f"holds {_named(content)}; expected an object with {', '.join(PLAN_KEYS)}")
        self._known("", content, PLAN_KEYS, PLAN_REMARKS)
        day = self._date(content)
        instructions = self._instructions(content)
        return Plan(self.source, day, instructions, self._stopped(content))

    def _date(self, content: Mapping[str, Any]) -> date:
        value = self._required("", content, "target_date")
        try:
            day = date.fromisoformat(value)
        except (TypeError, ValueError):
            day = None
        if day is None or str(day) != value:  # Python also parses a week number as a date
            self._refuse(f"target_date={shown(value)}: must be a day written as 2025-01-31")
        return day

    def _instructions(self, content: Mapping[str, Any]) -> tuple[Instruction, ...]:
        listed = self._required("", content, "instructions")
        if not isinstance(listed, list):
            self._refuse(f"instructions={shown(listed)}: must be a list of objects")
        if not listed:
            self._refuse("instructions=[]: must have at least one instruction; a day without trades has action 'hold'")
        if len(listed) > MOST_INSTRUCTIONS:
            self._refuse(f"instructions: {len(listed):,} are listed; a plan has at most {MOST_INSTRUCTIONS:,}")
        found = tuple(self._instruction(number, item) for number, item in enumerate(listed, start=1))
        self._refuse_repeats(found)
        return found

    def _instruction(self, number: int, item: Any) -> Instruction:
        where = f"instruction {number}: "
        if not isinstance(item, Mapping):
            self._refuse(f"{where}is {_named(item)}; expected an object with {', '.join(INSTRUCTION_KEYS)}")
        self._known(where, item, INSTRUCTION_KEYS, INSTRUCTION_REMARKS)
        symbol = self._required(where, item, "symbol")
        if not _names_a_symbol(symbol):
            self._refuse(f"{where}symbol={shown(symbol)}: must be the name of a symbol")
        action = Action(self._choice(where, item, "action", [one.value for one in Action], None))
        session = self._choice(
            where, item, "execution_session", [one.value for one in Session], Session.market_open.value
        )
        return Instruction(
            number=number,
            symbol=symbol.strip(),
            action=action,
            quantity=self._quantity(where, item, action),
            session=Session(session),
            entry_price=self._price(where, item, "entry_price", action),
            exit_price=self._price(where, item, "exit_price", action),
        )

    def _choice(
        self, where: str, item: Mapping[str, Any], key: str, allowed: Sequence[str], default: str | None
    ) -> str:
        value = item.get(key) if default is not None else self._required(where, item, key)
        if value is None and default is not None:
            return default
        if value not in allowed:
            hint = did_you_mean(str(value).lower(), allowed)
            self._refuse(f"{where}{key}={shown(value)}: must be one of {', '.join(allowed)}", hint)
        return str(value)

    def _quantity(self, where: str, item: Mapping[str, Any], action: Action) -> float | None:
        trades = action in (Action.buy, Action.sell)
        value = self._required(where, item, "quantity") if trades else item.get("quantity")
        if value is None:
            return None
        low = "above 0 (to do nothing, use action 'hold')" if trades else "at least 0, or null"
        if not is_number(value) or value < 0 or (trades and value == 0):
            self._refuse(f"{where}quantity={shown(value)}: must be a number {low}")
        self._refuse_beyond(where, "quantity", value)
        return float(value) if value > 0 else None

    def _price(self, where: str, item: Mapping[str, Any], key: str, action: Action) -> float | None:
        value = item.get(key)
        if value is None:
            if self.strategy == Strategy.maxdiff.value and action in (Action.buy, Action.sell):
                self._refuse(
                    f"{where}{key} is missing: strategy maxdiff needs entry_price and exit_price of every trade"
                )
            return None
        if not is_number(value) or value <= 0:
            self._refuse(f"{where}{key}={shown(value)}: must be a price above 0, or null")
        self._refuse_beyond(where, key, value)
        return float(value)

    def _refuse_beyond(self, where: str, key: str, value: float) -> None:
        if value > LARGEST:
            self._refuse(f"{where}{key}={shown(value)}: must be at most {LARGEST:g}")

    def _refuse_repeats(self, found: Iterable[Instruction]) -> None:
        seen: dict[tuple[str, Action, Session], int] = {}
        for one in found:
            key = (one.symbol, one.action, one.session)
            if key in seen:
                self._refuse(
                    f"instruction {one.number}: repeats instruction {seen[key]} ({one.action.value} {one.symbol} at "
                    f"{one.session.value}); combine the quantities in one"
                )
            seen[key] = one.number

    def _stopped(self, content: Mapping[str, Any]) -> frozenset[str]:
        listed = content.get("stop_trading_symbols")
        if listed is None:
            return frozenset()
        if not isinstance(listed, list) or not all(map(_names_a_symbol, listed)):
            self._refuse(f"stop_trading_symbols={shown(listed)}: must be a list of symbols")
        return frozenset(name.strip() for name in listed)

    def _required(self, where: str, item: Mapping[str, Any], key: str) -> Any:
        if item.get(key) is None:
            self._refuse(f"{where}{key} is missing")
        return item[key]

    def _known(self, where: str, item: Mapping[str, Any], keys: Sequence[str], remarks: Sequence[str]) -> None:
        for name in item:
            if name not in (*keys, *remarks):
                hint = did_you_mean(name, (*keys, *remarks))
                what = f"{where}{brief(name)}={shown(item[name])}"
                self._refuse(f"{what}: no such key; allowed are {', '.join(keys)}", hint)

    def _refuse(self, what: str, hint: str = "") -> NoReturn:
        raise PlanError(f"{self.source}: {what}.{hint}")


def _named(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null", dict: "an object"}
    return names.get(type(value), "a number")


def _names_a_symbol(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= LONGEST_SYMBOL and value.isprintable()
