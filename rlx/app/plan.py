"""``rlx plan generate``: ask a language model for the plan of one day, from the bars before it alone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from rlx.app.chat import ask, endpoint_from
from rlx.backtest.plan import Action, Plan, Session, Strategy, check_choice, check_positive
from rlx.backtest.plan_file import parse_plan
from rlx.data.config import DataConfig, FolderData, SampleData
from rlx.data.panel import MarketPanel
from rlx.errors import PlanError, did_you_mean
from rlx.plain import plain, write_text

SAMPLE = "sample_daily"
FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)
RULES = {
    Strategy.base: "buy and sell are carried out at the price of their session.",
    Strategy.entry_takeprofit: (
        "buy and sell enter at the price of their session; the position is left at exit_price if the day touches it, "
        "and otherwise at the day's close."
    ),
    Strategy.maxdiff: (
        "buy and sell enter only if the day touches entry_price, and the position is left at exit_price if the day "
        "touches it afterwards, and otherwise at the day's close; both prices are required."
    ),
}


@dataclass(frozen=True)
class Wanted:
    """What a plan is asked for: the day, the data and symbols shown, how many bars, and the cash it may use."""

    target_date: str
    data: str = SAMPLE
    symbols: tuple[str, ...] | None = None
    bars: int = 30
    cash: float = 100_000.0
    strategy: str = Strategy.base.value

    def __post_init__(self) -> None:
        check_choice("--strategy", self.strategy, Strategy)
        check_positive("--cash", self.cash)
        if self.bars < 2:
            raise PlanError(f"--bars {self.bars}: must be at least 2.")


def run_generate(wanted: Wanted, out: str, timeout_seconds: float) -> Path:
    """Ask for a plan and write it to ``out``, a ``.json`` file or a folder; return the file.

    Raises PlanError, and writes nothing, when the file is there already, anything about the request makes no sense, the
    model cannot be asked, or its answer is no plan that can be replayed.
    """
    day = _target(wanted.target_date)
    path = Path(out) if out.endswith(".json") else Path(out) / f"{day}.json"
    if path.exists():
        raise PlanError(f"{path}: is there already. Move it away, or name another file with --out.")
    endpoint = endpoint_from(os.environ, timeout_seconds)
    panel = shown_bars(wanted)
    answer = ask(endpoint, messages(wanted, panel))
    content = _plan_text(answer)
    _check(parse_plan(content, "the model's answer", wanted.strategy), day, panel.symbols)
    write_text(path, json.dumps(plain(json.loads(content)), indent=2) + "\n")
    return path


def shown_bars(wanted: Wanted) -> MarketPanel:
    """Return the last ``bars`` bars of the symbols before the target date: what the model is shown, and no more."""
    day = np.datetime64(_target(wanted.target_date), "ns")
    panel = _data(wanted).load()
    before = panel.timestamps < day
    if before.sum() < wanted.bars:
        raise PlanError(
            f"--bars {wanted.bars}: {panel.source} has {before.sum()} bars before {wanted.target_date}. Ask for fewer, "
            "or for a later day."
        )
    last = np.flatnonzero(before)[-wanted.bars :]
    first, end = (str(np.datetime_as_string(panel.timestamps[row], unit="s")) for row in (last[0], last[-1]))
    return panel.select(start=first, end=end)


def _data(wanted: Wanted) -> DataConfig:
    symbols = None if wanted.symbols is None else list(wanted.symbols)
    return SampleData(symbols=symbols) if wanted.data == SAMPLE else FolderData(path=wanted.data, symbols=symbols)


def messages(wanted: Wanted, panel: MarketPanel) -> list[dict[str, str]]:
    """Return the conversation that asks for the plan."""
    example = {
        "target_date": wanted.target_date,
        "instructions": [
            {
                "symbol": panel.symbols[0],
                "action": "buy",
                "quantity": 10,
                "execution_session": "market_open",
                "entry_price": 100.0,
                "exit_price": 103.0,
                "notes": "why",
            }
        ],
        "stop_trading_symbols": [],
    }
    rules = (
        "You write a trading plan for one day. Answer with one JSON object and nothing else, in this form:\n"
        f"{json.dumps(example, indent=1)}\n"
        f"action is one of {', '.join(Action)}; execution_session one of {', '.join(Session)}. quantity is in units "
        "and above 0; an exit may have null for the whole position. entry_price and exit_price may be null. No two "
        f"instructions have the same symbol, action and session. {RULES[Strategy(wanted.strategy)]} "
        "No leverage: the account's cash has to cover what is bought."
    )
    question = (
        f"target_date: {wanted.target_date}\ncash: {wanted.cash:g}\nsymbols: {', '.join(panel.symbols)}\n"
        f"The last {len(panel)} bars before that day:\n{_table(panel)}"
    )
    return [{"role": "system", "content": rules}, {"role": "user", "content": question}]


def _table(panel: MarketPanel) -> str:
    fields = [name for name in ("open", "high", "low", "close", "volume") if getattr(panel, name) is not None]
    lines = [",".join(["symbol", "date", *fields])]
    for column, symbol in enumerate(panel.symbols):
        for row, stamp in enumerate(panel.timestamps):
            numbers = [f"{getattr(panel, name)[row, column]:.8g}" for name in fields]
            lines.append(",".join([symbol, str(np.datetime_as_string(stamp, unit="m")), *numbers]))
    return "\n".join(lines)


def _plan_text(answer: str) -> str:
    """Return the JSON of an answer, without a fence of Markdown around it."""
    fenced = FENCED.search(answer)
    return fenced.group(1) if fenced else answer


def _target(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PlanError(f"target_date {text!r}: must be a day written as 2025-01-31.") from error


def _check(plan: Plan, day: date, symbols: Sequence[str]) -> None:
    if plan.target_date != day:
        raise PlanError(f"{plan.source}: target_date={plan.target_date}: asked for was {day}. Ask again.")
    for symbol in plan.symbols:
        if symbol not in symbols:
            hint = did_you_mean(symbol.upper(), symbols)
            raise PlanError(f"{plan.source}: symbol '{symbol}' was not shown; shown were {', '.join(symbols)}.{hint}")
