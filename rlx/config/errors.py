"""Errors of the command line in this project's form: the key, what is allowed, the nearest match."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from itertools import takewhile

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

from rlx import registry
from rlx.config.options import file_options
from rlx.errors import ConfigError, did_you_mean
from rlx.untrusted.escape import one_line

LONGEST = 400  # characters of a message that another library wrote


def explain(error: HydraException | OmegaConfBaseException) -> ConfigError:
    """Return an error of Hydra or OmegaConf as a ConfigError with one actionable message."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    if isinstance(error, OverrideParseException):
        return ConfigError(_unreadable_argument(error))
    if isinstance(error, MissingConfigException):
        return ConfigError(_unknown_option(error))
    if isinstance(cause, (ConfigAttributeError, ConfigKeyError)):
        return ConfigError(_unknown_key(cause))
    if isinstance(cause, ValidationError):
        return ConfigError(f"{cause.full_key}: {_first_line(cause)}.")
    return ConfigError(_shortened(" ".join(str(error).split())))


def pointed(error: Exception) -> str:
    """Return the unreadable argument with a caret under the place, on two lines; nothing for other errors."""
    if not isinstance(error, OverrideParseException):
        return ""
    place = _place(error.override)
    return "" if place is None else f"  {one_line(error.override)}\n  {'^':>{place + 1}}\n"


def _place(override: str) -> int | None:
    """Return where Hydra's grammar rejects an argument."""
    try:
        OverridesParser.create().parse_rule(override, "override")
    except HydraException as error:
        token = getattr(error.__cause__, "offendingToken", None)
        place = getattr(error.__cause__, "startIndex", None) if token is None else token.column
        return min(place, len(override)) if isinstance(place, int) and place >= 0 else None
    return None


def _unreadable_argument(error: OverrideParseException) -> str:
    override = one_line(error.override)
    key, equals, value = override.partition("=")
    place = _place(error.override)
    where = "" if place is None else f" from character {place + 1} on"
    start = f"{override}: cannot be read{where}."
    if not equals:
        return f"{start} Arguments are KEY=VALUE; --help lists the groups."
    if key.lstrip("+").startswith("costs.per_asset_bps"):
        return (
            f"{start} A symbol with characters other than letters and digits cannot be a key here; write one number "
            "per asset, in the order of data.symbols: '+costs.per_asset_bps=[12,4]'."
        )
    items = value.strip().removeprefix("[").removesuffix("]").split(",")
    listed = ",".join(f'"{item.strip()}"' for item in items)
    example = f"[{listed}]" if value.strip().startswith("[") else f'"{value}"'
    return f"{start} Put text in quotes, and the argument in others for the shell: '{key}={example}'."


def _first_line(error: Exception) -> str:
    return _shortened(str(error).partition("\n    full_key:")[0]).rstrip(".")


def _shortened(text: str) -> str:
    """Return a message on one line, with the middle of a very long one cut out."""
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"


def _unknown_option(error: MissingConfigException) -> str:
    group, option = _group_and_option(error.missing_cfg_file or "")
    options = [name for name in error.options or () if not name.endswith("schema")]
    if not options:
        return _first_line(error)
    elsewhere = " Options of other packages need the package installed." if group in registry.GROUPS else ""
    hint = did_you_mean(option, options)
    return f"{group}={option}: no such option. Choose from {', '.join(options)}.{hint or elsewhere}"


def _group_and_option(file: str) -> tuple[str, str]:
    """Return the group in which a file was looked for, the nearest existing group above it, and the option."""
    parts = file.split("/")
    names = list(takewhile(lambda part: part not in ("", ".", ".."), parts[:-1]))
    groups = ("/".join(names[:end]) for end in range(len(names), 0, -1))
    group = next((group for group in groups if file_options(group)), file.rpartition("/")[0])
    return group, file.removeprefix(f"{group}/")


def _unknown_key(error: ConfigAttributeError | ConfigKeyError) -> str:
    parent = error.object_type
    if not (isinstance(parent, type) and is_dataclass(parent)):
        options = " or ".join(_options_with(str(error.full_key), None))  # of a group that is null
        return f"{error.full_key}: {f'needs {options}' if options else _first_line(error)}."
    return unknown_key(str(error.full_key), parent)


def unknown_key(full_key: str, schema: type) -> str:
    """Return the message for a key that ``schema``, a dataclass, does not have."""
    above, _, name = full_key.rpartition(".")
    known = [field.name for field in fields(schema) if not field.name.startswith("_")]
    if options := _options_with(full_key, schema):
        return f"{full_key}: no such key. {full_key} needs {' or '.join(options)}."
    hint = did_you_mean(name, known)
    return f"{full_key}: no such key. {above or 'The configuration'} has {', '.join(known)}.{hint}"


def _options_with(full_key: str, schema: type | None) -> list[str]:
    """Return the options of the same group, such as data=folder, that have a key."""
    group, _, name = full_key.partition(".")
    stems = []
    for file, config in (ConfigStore.instance().repo.get(group) or {}).items():
        other = OmegaConf.get_type(config.node) if hasattr(config, "node") else None
        if is_dataclass(other) and other is not schema and name in {field.name for field in fields(other)}:
            stems.append(file.removesuffix(".yaml").removesuffix("_schema"))
    options = file_options(group) if stems else []
    return [f"{group}={option}" for option in options for stem in stems if f"{option}_".startswith(f"{stem}_")]


def refuse_unknown_keys(tree: DictConfig, above: str = "") -> None:
    """Raise ConfigError for a key that is in no schema: ``+guard.windw=3`` would otherwise be added silently."""
    schema = OmegaConf.get_type(tree)
    for key in tree:
        name = above + str(key)
        if is_dataclass(schema) and key not in {field.name for field in fields(schema)}:
            raise ConfigError(unknown_key(name, schema))
        child = tree._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            refuse_unknown_keys(child, f"{name}.")
