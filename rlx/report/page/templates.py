"""The page's templates: what is put into them is text and is shown as it is, without what is not seen."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from rlx.untrusted.escape import visible

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def render(name: str, values: dict[str, Any]) -> str:
    """Return a template with its values; each is escaped, and one that is missing raises jinja2's UndefinedError."""
    return environment().get_template(name).render(values)


@cache
def environment() -> Environment:
    """Return where templates are found and how they are filled in."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("rlx.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["breakable"] = breakable
    return made


def asset(name: str) -> Markup:
    """Return a file that is shipped with the package, which needs no escaping."""
    from markupsafe import Markup

    return Markup(resources.files("rlx.report.page").joinpath("assets", name).read_text(encoding="utf-8"))


def breakable(name: str) -> Markup:
    """Return a name that may be broken after its underscores."""
    from markupsafe import Markup

    return Markup("_<wbr>").join(visible(part) for part in name.split("_"))


def _shown(value: Any) -> Any:
    return visible(value) if type(value) is str else value
