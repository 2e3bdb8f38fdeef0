"""The options of the ``guard`` group by name, as the commands compose them."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from rlx.config.commands import SCHEMAS, writable
from rlx.errors import ConfigError, did_you_mean
from rlx.evaluate.guard_config import CONFIGURED
from rlx.sim.rules import Guard


def guard_options() -> list[str]:
    """Return the names of all options of the group."""
    folder = files("rlx.conf").joinpath("guard")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_guard(name: str) -> Guard:
    """Return the guard of an option, checked by its schema; ConfigError names the options when it is none of them."""
    options = guard_options()
    if name not in options:
        known = [*options, CONFIGURED]
        raise ConfigError(f"protocol.guards: {name!r} must be one of {', '.join(known)}.{did_you_mean(name, known)}")
    document: Any = OmegaConf.create(files("rlx.conf").joinpath(f"guard/{name}.yaml").read_text(encoding="utf-8"))
    defaults = [item for item in document.pop("defaults") if item != "_self_"]
    tree = OmegaConf.merge(*(writable(SCHEMAS["guard"][schema]) for schema in defaults), document)
    return cast(Guard, OmegaConf.to_object(cast(DictConfig, tree)))
