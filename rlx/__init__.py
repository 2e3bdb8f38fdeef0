"""rlx: reinforcement-learning portfolio allocators in one exact simulator, judged by one evaluator."""

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlx.api import Run, compose, evaluate, load_policy, load_run, train

__version__ = "0.1.0"

__all__ = ["Run", "compose", "evaluate", "load_policy", "load_run", "train"]


def __getattr__(name: str) -> Any:
    """Import the Python interface on first use, so that ``import rlx`` alone stays light."""
    if name not in __all__:
        raise AttributeError(f"module 'rlx' has no attribute '{name}'")
    return import_module("rlx.evaluate") if name == "evaluate" else getattr(import_module("rlx.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class CallablePackage(ModuleType):
    """The package ``rlx.evaluate``, which can also be called as the function ``rlx.api.evaluate``."""

    def __call__(self, *overrides: str, **named: Any) -> Any:
        """Judge as ``rlx-evaluate`` does; see ``rlx.api.evaluate``."""
        return import_module("rlx.api").evaluate(*overrides, **named)


def _take_options_of_the_checkout(folder: Path) -> None:
    """Make ``rlx.conf`` the folder next to the package in a checkout; an installed package contains it."""
    spec = spec_from_file_location(f"{__name__}.conf", folder / "__init__.py", submodule_search_locations=[str(folder)])
    assert spec is not None and spec.loader is not None  # a .py file has a loader
    sys.modules[spec.name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)


if not (Path(__file__).parent / "conf").is_dir():
    _take_options_of_the_checkout(Path(__file__).parents[1] / "conf")
