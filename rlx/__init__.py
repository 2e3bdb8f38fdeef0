"""rlx: reinforcement-learning portfolio allocators in one exact simulator, judged by one evaluator."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

__version__ = "0.1.0"


def _take_options_of_the_checkout(folder: Path) -> None:
    """Have ``rlx.conf`` be the folder that a checkout has beside the package; an installed package has it inside."""
    spec = spec_from_file_location(f"{__name__}.conf", folder / "__init__.py", submodule_search_locations=[str(folder)])
    assert spec is not None and spec.loader is not None  # a .py file has a loader
    sys.modules[spec.name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)


if not (Path(__file__).parent / "conf").is_dir():
    _take_options_of_the_checkout(Path(__file__).parents[1] / "conf")
