"""Arguments as people type them, made ready for Hydra: paths and symbols are text, whatever signs they hold."""

from __future__ import annotations

from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from rlx.errors import ConfigError

PATHS = ("data.path", "policy.path", "resume")
SYMBOLS = "data.symbols"
_GRAMMAR = frozenset("()[]{},\"'\\")  # sweeps, lists, functions and quotes are the user's own
_CHDIR = "hydra.job.chdir"


def quoted(argument: str) -> str:
    """Return an argument with a path or with symbols in quotes where Hydra would not take it for that very text.

    ``data.path=~/prices`` and ``data.symbols=[^GSPC]`` do not fit its grammar; TRUE, 1E5 and NULL would be values.
    """
    key, _, value = argument.partition("=")
    plain = key.lstrip("+")
    if plain in PATHS and value.lower() not in ("", "null", "none"):
        return f"{key}={_text(value)}"
    inner = value.strip()[1:-1]
    if plain == SYMBOLS and value.strip() == f"[{inner}]" and inner.strip():
        items = [item.strip() for item in inner.split(",")]
        if all(item and not _GRAMMAR & set(item) for item in items):
            return f"{key}=[{','.join(_text(item) for item in items)}]"
    return argument


def _text(value: str) -> str:
    return value if _GRAMMAR & set(value) or _is_text(value) else f'"{value}"'


def _is_text(value: str) -> bool:
    try:
        return bool(OverridesParser.create().parse_override(f"x={value}").value() == value)
    except HydraException:
        return False


def refuse_undecoded(arguments: list[str]) -> None:
    """Refuse arguments with bytes that Python could not decode: no file could be written that names them."""
    for argument in arguments:
        if any("\udc80" <= character <= "\udcff" for character in argument):
            raise ConfigError(f"{argument!a}: not in the encoding of this terminal; set PYTHONUTF8=1 or its locale.")


def refuse_moved_paths(arguments: list[str]) -> None:
    """Refuse a relative path where the run changes into its own folder first: nothing lies there yet."""
    values = dict(argument.lstrip("+").partition("=")[::2] for argument in arguments)
    if values.get(_CHDIR, "").lower() != "true":
        return
    for key in PATHS:
        path = Path(values.get(key, "").strip("\"'")).expanduser()
        if key in values and not path.is_absolute():
            raise ConfigError(
                f"{key}={path}: with {_CHDIR}=true relative paths start in the run's own folder; write"
                f" {key}={path.absolute()}."
            )
