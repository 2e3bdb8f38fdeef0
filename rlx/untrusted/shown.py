"""Untrusted values in a message: on one line and of limited length."""

from __future__ import annotations

import json
import math
from typing import Any

from rlx.untrusted.escape import one_line

LONGEST = 60  # characters


def shown(value: Any, longest: int = LONGEST) -> str:
    """Return a value of a file as JSON, cut after ``longest`` characters."""
    try:
        return brief(json.dumps(value, ensure_ascii=False, default=str, skipkeys=True), longest)
    except ValueError:  # str() refuses numbers of very many digits
        return as_typed(value) if isinstance(value, int) else "a value with a number of thousands of digits"


def as_typed(value: Any, longest: int = LONGEST) -> str:
    """Return a value of the configuration as it is typed, cut after ``longest`` characters."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**LONGEST:
        return f"a number of {int(value.bit_length() * math.log10(2)) + 1} digits"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return brief(text, longest) or "''"


def brief(text: str, longest: int = LONGEST) -> str:
    """Return text on one line, cut after ``longest`` characters."""
    line = one_line(text[: 2 * longest])
    return line if len(line) <= longest and len(text) <= 2 * longest else f"{line[:longest]}..."


def reason(error: BaseException) -> str:
    """Return the text of another library's error on one line, or its type when it is empty."""
    return brief(" ".join(str(error).split()), 200) or type(error).__name__
