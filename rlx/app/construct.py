"""Build the object a configuration names."""

from __future__ import annotations

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from rlx.errors import RlxError


def construct(config: Any) -> Any:
    """Return ``instantiate(config)``; a refusal of the object itself comes out as it was raised."""
    try:
        return instantiate(config)
    except InstantiationException as error:
        if isinstance(error.__cause__, RlxError):
            raise error.__cause__ from None
        raise
