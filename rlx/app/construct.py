"""Build the object that a configuration names."""

from __future__ import annotations

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from rlx.errors import RlxError


def construct(config: Any) -> Any:
    """Return ``instantiate(config)``; an RlxError of the object is raised unchanged."""
    try:
        return instantiate(config)
    except InstantiationException as error:
        if isinstance(error.__cause__, RlxError):
            raise error.__cause__ from None
        raise
