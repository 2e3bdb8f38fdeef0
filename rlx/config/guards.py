"""The options of the ``guard`` group by name, as the commands compose them."""

from __future__ import annotations

from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from rlx.config.commands import schemas, writable
from rlx.config.options import file_options, option_file
from rlx.errors import ConfigError, did_you_mean
from rlx.evaluate.guard_config import CONFIGURED
from rlx.sim.rules import Guard


def guard_options() -> list[str]:
    """Return the names of all options of the group."""
    return file_options("guard")


def load_guard(name: str) -> Guard:
    """Return the guard of an option, checked by its schema; ConfigError names the options when it is none of them."""
    file = option_file("guard", name) if name in guard_options() else None
    if file is None:
        known = [*guard_options(), CONFIGURED]
        raise ConfigError(f"protocol.guards: {name!r} must be one of {', '.join(known)}.{did_you_mean(name, known)}")
    document: Any = OmegaConf.create(file.read_text(encoding="utf-8"))
    defaults = [item for item in document.pop("defaults") if item != "_self_"]
    tree = OmegaConf.merge(*(writable(schemas("guard")[schema]) for schema in defaults), document)
    return cast(Guard, OmegaConf.to_object(cast(DictConfig, tree)))
