"""Find the plan in a language model's answer, which often has thoughts, Markdown and prose around it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from rlx.app.chat import Completion, answer_shown
from rlx.backtest.plan_file import PLAN_KEYS
from rlx.errors import PlanError

THOUGHT = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
MOST_TRIES = 200  # number of braces tried as the beginning of an object
SOURCE = "the model's answer"


def plan_text(completion: Completion) -> str:
    """Return the JSON of the only plan in an answer, or the text in its place; PlanError for no text, or two plans.

    Thoughts in ``<think>`` are left out, finished or not. Text and Markdown fences around the object are skipped.
    """
    if not completion.text:
        said = f": {answer_shown(completion.refusal)}" if completion.refusal else ""
        raise PlanError(f"{SOURCE} has no text{said}.")
    text = _without_thoughts(completion.text)
    if not text:
        raise PlanError(f"{SOURCE} has only thoughts, no plan.")
    plans = {"".join(found.split()): found for found in _objects(text) if _like_a_plan(found)}
    if len(plans) > 1:
        raise PlanError(f"{SOURCE} has {len(plans)} different plans: {answer_shown(text)}.")
    return next(iter(plans.values()), None) or _in_its_place(text)


def remark(completion: Completion) -> str:
    """Return a sentence about an answer that ended unusually, '' for a usual end."""
    if completion.finish_reason == "length":
        return (
            " The answer was cut off (finish_reason: length) at the model's limit. Ask for fewer --symbols, or use "
            "another model."
        )
    if completion.finish_reason in (None, "stop"):
        return ""
    return f" The answer ended with finish_reason: {answer_shown(completion.finish_reason)}."


def _without_thoughts(text: str) -> str:
    """Return the text outside thoughts; text before a closing tag without an opening tag is a thought too."""
    if text.startswith("{"):  # a plan may mention thoughts
        return text
    kept, begins = "", 0
    thinking = False
    for tag in THOUGHT.finditer(text):
        ends = bool(tag[1])
        if ends and not thinking:
            kept = ""
        elif not ends and not thinking:
            kept += text[begins : tag.start()]
        thinking, begins = not ends, tag.end()
    return (kept if thinking else kept + text[begins:]).strip()


def _objects(text: str) -> Iterator[str]:
    """Yield the JSON objects in a text that are not inside another object."""
    decoder = json.JSONDecoder()
    begins = text.find("{")
    for _ in range(MOST_TRIES):
        if begins < 0:
            return
        try:
            _, ends = decoder.raw_decode(text, begins)
        except (ValueError, RecursionError):
            begins = text.find("{", begins + 1)
            continue
        yield text[begins:ends]
        begins = text.find("{", ends)


def _like_a_plan(text: str) -> bool:
    return any(f'"{name}"' in text for name in ("plan", *PLAN_KEYS[:2]))


def _in_its_place(text: str) -> str:
    """Return the text that was meant to be the plan, for the reader of plans to report what is wrong with it."""
    first, last = text.find("{"), text.rfind("}")
    return text[max(first, 0) : last + 1 if last > first else None]
