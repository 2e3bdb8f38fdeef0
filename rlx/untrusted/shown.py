"""A value of a file in a message: what it is, on one line, and no longer than a message bears."""

from __future__ import annotations

import json
from typing import Any

from rlx.untrusted.escape import one_line

LONGEST = 60  # characters


def shown(value: Any, longest: int = LONGEST) -> str:
    """Return a plain value as JSON, cut after ``longest`` characters."""
    return brief(json.dumps(value, ensure_ascii=False, default=str), longest)


def brief(text: str, longest: int = LONGEST) -> str:
    """Return text on one line, cut after ``longest`` characters."""
    line = one_line(text[: 2 * longest])
    return line if len(line) <= longest and len(text) <= 2 * longest else f"{line[:longest]}..."


def reason(error: BaseException) -> str:
    """Return what an error of others says, on one line, or its kind when it says nothing."""
    return brief(" ".join(str(error).split()), 200) or type(error).__name__
