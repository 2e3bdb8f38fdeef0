"""Symbols among the settings of a command."""

from __future__ import annotations

from collections.abc import Sequence

from rlx.errors import ConfigError


def as_settings(arguments: Sequence[str]) -> list[str]:
    """Return arguments as settings; ConfigError for symbols that are also given as ``data.symbols``."""
    from rlx.app.arguments import given_for, in_quotes

    symbols = [one for one in arguments if "=" not in one]
    given = [one for one in arguments if "=" in one]
    if not symbols:
        return given
    if given_for("data.symbols", given):
        raise ConfigError(f"{symbols[0]}: symbols are also given as data.symbols. Give them once.")
    return [*given, f"data.symbols=[{','.join(map(in_quotes, symbols))}]"]
