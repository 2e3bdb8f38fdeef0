"""Hides a key and passwords in text that is shown or stored."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

LONG = 8
"""Minimum length of a key that is hidden everywhere; a shorter one is hidden only as a whole word."""

_USER = re.compile(r"(?<=://)[^\s\"']{0,400}@")

_STORAGE = re.compile(r"""(hydra\.sweeper\.storage=["']?)(?!\S{0,400}://\[hidden\]@)\S{0,400}@""")  # without a scheme

_QUERY = re.compile(r"(?i)(?<=[?&])(\w*(?:password|passwd|pwd|secret|token)=)[^&\s\"']*")


def hide(text: str, key: str) -> str:
    """Return text without the user names and passwords of its addresses, and without ``key`` in any usual spelling."""
    return hide_key(hide_query(_STORAGE.sub(r"\1[hidden]@", _USER.sub("[hidden]@", text))), key)


def hide_query(text: str) -> str:
    """Return text without the passwords in the queries of addresses."""
    return _QUERY.sub(r"\1[hidden]", text)


def hide_key(text: str, key: str) -> str:
    """Return text with ``[key]`` in place of ``key``, literal or as JSON, Python and addresses write it."""
    spellings = {key, json.dumps(key)[1:-1], repr(key)[1:-1], quote(key, safe="")} - {""}
    if not spellings:
        return text
    pattern = "|".join(map(re.escape, sorted(spellings, key=len, reverse=True)))
    return re.sub(pattern if len(key) >= LONG else rf"(?<!\w)(?:{pattern})(?!\w)", "[key]", text)
