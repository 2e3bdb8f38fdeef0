"""The targets file of ``protocol=benchmark``: a list of policies, each with its own options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from rlx import registry
from rlx.config.commands import writable
from rlx.config.errors import explain
from rlx.config.records import refuse_non_values
from rlx.errors import ConfigError, FileError, RlxError, did_you_mean
from rlx.files import file_name
from rlx.measures.trials import MAX_TRIALS
from rlx.ranges import Whole, check
from rlx.untrusted.documents import read_yaml
from rlx.untrusted.escape import one_line

OWN_KEYS = ("name", "system", "policy", "trials")
LONGEST_NAME = 200
MOST = 1000
"""Maximum number of targets: each takes at least seconds."""


@dataclass(frozen=True)
class Target:
    """One policy to judge: ``config`` builds it, or ``failure`` says why it cannot be built.

    ``kind`` is the option of the ``policy`` group, ``system`` the name under which its seeds are pooled. ``trials``
    declares how many of its kind were tried, including this one; None leaves that to ``protocol.trials``.
    """

    name: str
    system: str
    kind: str
    trials: int | None = None
    config: Any = None
    failure: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The options of its policy, by key."""
        return {name: value for name, value in vars(self.config).items() if not name.startswith("_")}

    @property
    def slug(self) -> str:
        """The name in a form suitable for a file."""
        return file_name(self.name)


def read_targets(path: str | Path) -> list[Target]:
    """Return the targets of a YAML file; a target with wrong options has the reason as its ``failure``.

    Raises ConfigError, naming the file, when it has no list of targets or two have the same name.
    """
    documents = _documents(Path(path))
    targets = [_target(number, document, path) for number, document in enumerate(documents, start=1)]
    slugs = Counter(target.slug.lower() for target in targets)  # some file systems ignore case
    if twice := [target.name for target in targets if slugs[target.slug.lower()] > 1]:
        named = ", ".join(dict.fromkeys(twice))
        raise ConfigError(
            f"protocol.targets={path}: {named}: more than one target with that name, or two with the same file name. "
            "Give each a different name."
        )
    return targets


def _documents(path: Path) -> list[Any]:
    try:
        document: Any = read_yaml(path)  # reads 1e-3 as a number, like options
    except FileNotFoundError:
        raise ConfigError(
            f"protocol.targets={path}: no such file. Write one (docs/scoreboard.md says how), or name another."
        ) from None
    except OSError as error:
        raise ConfigError(f"protocol.targets={path}: cannot be read ({error}).") from error
    except FileError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise ConfigError(f"protocol.targets={path}: cannot be read as YAML: {reason}") from error
    targets = document.get("targets") if isinstance(document, dict) else None
    if not isinstance(targets, list) or not targets:
        raise ConfigError(f"protocol.targets={path}: must have a list 'targets' with at least one policy.")
    if len(targets) > MOST:
        raise ConfigError(f"protocol.targets={path}: lists {len(targets):,} targets; the maximum is {MOST:,}.")
    return targets


def _target(number: int, document: Any, path: str | Path) -> Target:
    """Return the target of one item of the list."""
    if not isinstance(document, dict) or not isinstance(document.get("policy"), str):
        return Target(
            f"target {number}", f"target {number}", "unknown", failure="it names no policy, for example policy: cash."
        )
    kind = document["policy"]
    options = {str(key): value for key, value in document.items() if key not in OWN_KEYS}
    name = _name(document.get("name", _default_name(kind, options)), f"protocol.targets={path}: target {number}: name")
    system = _name(document.get("system", name), f"protocol.targets={path}: target {number}: system")
    try:
        check("trials", trials := document.get("trials"), Whole(1, MAX_TRIALS), optional=True)
        return Target(name, system, kind, trials, _config(kind, options))
    except RlxError as error:
        return Target(name, system, kind, failure=str(error))


def _name(value: Any, place: str) -> str:
    """Return a name as text; ConfigError, naming the ``place``, for one that does not fit on a line of a table."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ConfigError(f"{place}={value!r:.60}: must be text.")
    name = str(value)
    if name != one_line(name) or not 0 < len(name) <= LONGEST_NAME:
        allowed = f"1 to {LONGEST_NAME} characters on one line, without spaces at its ends"
        raise ConfigError(f"{place}={name[:60]!r}: must be {allowed}.")
    return name


def _default_name(kind: str, options: Mapping[str, Any]) -> str:
    path = options.get("path")
    return Path(str(path)).name or kind if path is not None else kind


def _config(kind: str, options: Mapping[str, Any]) -> Any:
    """Return the dataclass that builds the policy; ConfigError names what is misspelt, missing or wrong."""
    policies = registry.loaded("policy")
    if kind not in policies:
        raise ConfigError(f"policy={kind!r}: {registry.unknown('policy', kind)}")
    refuse_non_values(options, f"policy={kind}")
    schema = writable(policies[kind])
    names = [str(key) for key in schema if key != "_target_"]
    for key in options:
        if key not in names:
            allowed = ", ".join(names) or "none"
            raise ConfigError(f"{key!r} is not an option of policy={kind}; it has {allowed}.{did_you_mean(key, names)}")
    try:
        return OmegaConf.to_object(cast(DictConfig, OmegaConf.merge(schema, dict(options))))
    except MissingMandatoryValue as error:
        raise ConfigError(f"{error.full_key}: must be given.") from error
    except OmegaConfBaseException as error:
        raise explain(error) from error
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"policy={kind}: {error}.") from error
