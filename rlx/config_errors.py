"""What went wrong on the command line, in this project's words: the key, what is allowed, the nearest match."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

from rlx.errors import ConfigError, did_you_mean
from rlx.untrusted.escape import one_line

LONGEST = 400  # characters of a message that another library wrote


def explain(error: HydraException | OmegaConfBaseException) -> ConfigError:
    """Return an error of Hydra or OmegaConf as a ConfigError with one message a user can act on."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    if isinstance(error, MissingConfigException):
        return ConfigError(_unknown_option(error))
    if isinstance(cause, (ConfigAttributeError, ConfigKeyError)):
        return ConfigError(_unknown_key(cause))
    if isinstance(cause, ValidationError):
        return ConfigError(f"{cause.full_key}: {_first_line(cause)}.")
    return ConfigError(_shortened(" ".join(str(error).split())))


def _first_line(error: Exception) -> str:
    return _shortened(str(error).partition("\n    full_key:")[0]).rstrip(".")


def _shortened(text: str) -> str:
    """Return a message on one line without the middle of a value that fills pages."""
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"


def _unknown_option(error: MissingConfigException) -> str:
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    options = [name for name in error.options or () if not name.endswith("schema")]
    if not options:
        return _first_line(error)
    return f"{group}={option}: no such option. Choose from {', '.join(options)}.{did_you_mean(option, options)}"


def _unknown_key(error: ConfigAttributeError | ConfigKeyError) -> str:
    parent = error.object_type
    if not (isinstance(parent, type) and is_dataclass(parent)):
        return f"{error.full_key}: {_first_line(error)}."
    return unknown_key(str(error.full_key), parent)


def unknown_key(full_key: str, schema: type) -> str:
    """Return the message for a key that ``schema``, a dataclass, does not have."""
    above, _, name = full_key.rpartition(".")
    known = [field.name for field in fields(schema) if not field.name.startswith("_")]
    hint = did_you_mean(name, known)
    return f"{full_key}: no such key. {above or 'The configuration'} has {', '.join(known)}.{hint}"


def refuse_unknown_keys(tree: DictConfig, above: str = "") -> None:
    """Raise ConfigError for a key no schema knows: ``+guard.windw=3`` is added without a word otherwise."""
    schema = OmegaConf.get_type(tree)
    for key in tree:
        name = above + str(key)
        if is_dataclass(schema) and key not in {field.name for field in fields(schema)}:
            raise ConfigError(unknown_key(name, schema))
        child = tree._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            refuse_unknown_keys(child, f"{name}.")
