"""Reading and checking plan files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from rlx.backtest.plan import Action, Instruction, Plan, Session, Strategy, is_number
from rlx.errors import PlanError, did_you_mean

INSTRUCTION_KEYS = ("symbol", "action", "quantity", "execution_session", "entry_price", "exit_price")
PLAN_KEYS = ("target_date", "instructions", "stop_trading_symbols")
# What a model may add in its own words; nothing is done with it.
INSTRUCTION_REMARKS = ("notes", "exit_reason")
PLAN_REMARKS = ("metadata", "risk_notes", "focus_symbols", "execution_window")
SHOWN = 60  # characters of a value in a message


def read_plans(path: str | Path, strategy: str = Strategy.base.value) -> tuple[Plan, ...]:
    """Read a plan file, or every ``*.json`` of a folder, in the order of their days.

    Raises PlanError naming file, instruction, key and value: for what is no plan, for what ``strategy`` cannot do
    without, and for two plans of one day.
    """
    plans = sorted((read_plan(file, strategy) for file in _files(Path(path))), key=lambda plan: plan.target_date)
    for earlier, later in pairwise(plans):
        if earlier.target_date == later.target_date:
            raise PlanError(
                f"{later.source}: target_date={later.target_date} is also that of {earlier.source}. Keep one plan a "
                "day."
            )
    return tuple(plans)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.glob("*.json") if file.is_file() and not file.name.startswith("."))
        if not files:
            raise PlanError(f"policy.path={path}: the folder holds no .json file. Put one plan a file into it.")
        return files
    if not path.is_file():
        raise PlanError(f"policy.path={path}: no such file or folder. Give a plan file (JSON) or a folder of them.")
    return [path]


def read_plan(path: Path, strategy: str = Strategy.base.value) -> Plan:
    """Read one file; PlanError when it is not the JSON of a plan."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: cannot be read: {error}.") from error
    return parse_plan(text, str(path), strategy)


def parse_plan(text: str, source: str, strategy: str = Strategy.base.value) -> Plan:
    """Return the plan that ``text`` is the JSON of; PlanError begins with ``source``."""
    try:
        content = json.loads(text, object_pairs_hook=_without_repeats)
    except RecursionError as error:
        raise PlanError(f"{source}: is nested too deeply to be a plan.") from error
    except ValueError as error:
        raise PlanError(f"{source}: is not valid JSON: {error}.") from error
    return _Checked(source, strategy).plan(content)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key '{repeated}' appears twice in one object")
    return found


class _Checked:
    """Turns the content of one file into a plan; every refusal names the file."""

    def __init__(self, source: str, strategy: str) -> None:
        self.source, self.strategy = source, strategy

    def plan(self, content: Any) -> Plan:
        """Return the plan, taken out of its envelope where it has one."""
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
        if day is None or str(day) != value:  # a week's number is a date to Python too
            self._refuse(f"target_date={_shown(value)}: must be a day written as 2025-01-31")
        return day

    def _instructions(self, content: Mapping[str, Any]) -> tuple[Instruction, ...]:
        listed = self._required("", content, "instructions")
        if not isinstance(listed, list):
            self._refuse(f"instructions={_shown(listed)}: must be a list of objects")
        if not listed:
            self._refuse("instructions=[]: must hold at least one instruction; a day without trades has action 'hold'")
        found = tuple(self._instruction(number, item) for number, item in enumerate(listed, start=1))
        self._refuse_repeats(found)
        return found

    def _instruction(self, number: int, item: Any) -> Instruction:
        where = f"instruction {number}: "
        if not isinstance(item, Mapping):
            self._refuse(f"{where}is {_named(item)}; expected an object with {', '.join(INSTRUCTION_KEYS)}")
        self._known(where, item, INSTRUCTION_KEYS, INSTRUCTION_REMARKS)
        symbol = self._required(where, item, "symbol")
        if not isinstance(symbol, str) or not symbol.strip():
            self._refuse(f"{where}symbol={_shown(symbol)}: must be the name of a symbol")
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
            self._refuse(f"{where}{key}={_shown(value)}: must be one of {', '.join(allowed)}", hint)
        return str(value)

    def _quantity(self, where: str, item: Mapping[str, Any], action: Action) -> float | None:
        trades = action in (Action.buy, Action.sell)
        value = self._required(where, item, "quantity") if trades else item.get("quantity")
        if value is None:
            return None
        low = "above 0 (to do nothing, use action 'hold')" if trades else "at least 0, or null"
        if not is_number(value) or value < 0 or (trades and value == 0):
            self._refuse(f"{where}quantity={_shown(value)}: must be a number {low}")
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
            self._refuse(f"{where}{key}={_shown(value)}: must be a price above 0, or null")
        return float(value)

    def _refuse_repeats(self, found: Iterable[Instruction]) -> None:
        seen: dict[tuple[str, Action, Session], int] = {}
        for one in found:
            key = (one.symbol, one.action, one.session)
            if key in seen:
                self._refuse(
                    f"instruction {one.number}: repeats instruction {seen[key]} ({one.action.value} {one.symbol} at "
                    f"{one.session.value}); put the quantity into one"
                )
            seen[key] = one.number

    def _stopped(self, content: Mapping[str, Any]) -> frozenset[str]:
        listed = content.get("stop_trading_symbols")
        if listed is None:
            return frozenset()
        if not isinstance(listed, list) or not all(isinstance(name, str) and name.strip() for name in listed):
            self._refuse(f"stop_trading_symbols={_shown(listed)}: must be a list of symbols")
        return frozenset(name.strip() for name in listed)

    def _required(self, where: str, item: Mapping[str, Any], key: str) -> Any:
        if item.get(key) is None:
            self._refuse(f"{where}{key} is missing")
        return item[key]

    def _known(self, where: str, item: Mapping[str, Any], keys: Sequence[str], remarks: Sequence[str]) -> None:
        for name in item:
            if name not in (*keys, *remarks):
                hint = did_you_mean(name, (*keys, *remarks))
                self._refuse(f"{where}{name}={_shown(item[name])}: no such key; allowed are {', '.join(keys)}", hint)

    def _refuse(self, what: str, hint: str = "") -> NoReturn:
        raise PlanError(f"{self.source}: {what}.{hint}")


def _named(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null", dict: "an object"}
    return names.get(type(value), "a number")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
