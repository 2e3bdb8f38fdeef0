"""The templates of the page: values are text and are shown literally, without invisible characters."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rlx.untrusted.escape import visible

POLICY = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
"""Nothing may be loaded; the digests of the style sheet and the script are added."""


def content_policy(style: str, script: str = "") -> str:
    """Return what a page may load: nothing but its own style sheet and script, and pictures that it contains."""
    scripts = f"; script-src '{_digest(script)}'" if script else ""
    return f"{POLICY}; style-src '{_digest(style)}'{scripts}"


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def render(name: str, values: dict[str, Any]) -> str:
    """Return a template filled with values, each escaped; jinja2's UndefinedError if one is missing."""
    return environment().get_template(name).render(values)


@cache
def environment() -> Environment:
    """Return the Jinja environment of the templates."""
    made = Environment(
        loader=PackageLoader("rlx.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["breakable"] = breakable
    return made


def asset(name: str) -> Markup:
    """Return a file that is part of the package and needs no escaping."""
    return Markup(resources.files("rlx.report.page").joinpath("assets", name).read_text(encoding="utf-8"))


def breakable(name: str) -> Markup:
    """Return a name with possible line breaks after its underscores."""
    return Markup("_<wbr>").join(visible(part) for part in name.split("_"))
