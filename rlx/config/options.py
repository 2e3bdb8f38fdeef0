"""The option files of every installed package: those of ``rlx.conf``, and folders that other packages declare.

A package declares a folder, which is a package itself, by an entry point:

    [project.entry-points."rlx.options"]
    their_package = "their_package.conf"
"""

from __future__ import annotations

import logging
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from rlx.registry import components, package_of

OURS = "rlx.conf"
ENTRY_POINT_GROUP = "rlx.options"
log = logging.getLogger(__name__)


@cache
def option_folders() -> tuple[str, ...]:
    """Return the packages with option files, rlx first; one that cannot be found is skipped with a warning."""
    found = [OURS]
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            there = find_spec(point.value) is not None
        except Exception:  # any exception from the package's own __init__
            there = False
        if there:
            found.append(point.value)
            continue
        log.warning("package %s: its folder of option files, %s, cannot be found.", package_of(point), point.value)
    return tuple(dict.fromkeys(found))


def option_file(group: str, option: str) -> Traversable | None:
    """Return the file of an option, that of rlx where several packages have one; None where none has."""
    places = (files(folder).joinpath(group, f"{option}.yaml") for folder in option_folders())
    return next((place for place in places if place.is_file()), None)


def file_options(group: str) -> list[str]:
    """Return the options of a group that have a file in ``rlx.conf`` or in another package, sorted."""
    names: set[str] = set()
    for folder in (files(folder).joinpath(group) for folder in option_folders()):
        if folder.is_dir():
            names |= {entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    return sorted(names)


def options_without_file(group: str) -> list[str]:
    """Return the components of a group for which rlx has no option file, including all those of other packages."""
    ours = [entry.name for entry in files(OURS).joinpath(group).iterdir()]
    return [name for name in components(group) if not any(file.startswith((f"{name}.", f"{name}_")) for file in ours)]


class OptionFolders(SearchPathPlugin):
    """Adds the folders of other packages to Hydra's search path, after that of rlx."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append them."""
        for folder in option_folders()[1:]:
            search_path.append(provider=folder, path=f"pkg://{folder}")


def register_folders() -> None:
    """Register the folders with Hydra."""
    Plugins.instance().register(OptionFolders)
