"""A module whose name begins with an underscore is imported only within its own package."""

from __future__ import annotations

import ast
from collections.abc import Iterable

import pytest

from tests.layers import ROOT, imported

# Of other distributions, which offer no public way: what a subclass or a type needs that they keep for themselves.
NO_OTHER_WAY = frozenset(
    {
        "hydra._internal.callbacks",
        "hydra._internal.hydra",
        "hydra_plugins.hydra_optuna_sweeper._impl",
        "omegaconf._utils",
        "torch._dynamo.exc",
        "torch._dynamo.utils",
        "torch._dynamo.backends.common",
        "torch._functorch",
        "torch._functorch.aot_autograd",
    }
)
PATHS = [
    path for folder in ("rlx", "hydra_plugins", "tests", "benchmarks") for path in ROOT.joinpath(folder).rglob("*.py")
]


def names(tree: ast.AST) -> Iterable[tuple[int, str]]:
    """Yield line and full name of every module that is imported, those after ``from package import`` too."""
    yield from imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            folder = ROOT.joinpath(*node.module.split("."))
            found = [alias.name for alias in node.names if (folder / f"{alias.name}.py").is_file()]
            yield from ((node.lineno, f"{node.module}.{name}") for name in found)


def intrusions(module: str, source: str) -> list[str]:
    """Return the imports of private modules by ``module`` that lie outside of its own package."""
    found = []
    for line, name in names(ast.parse(source)):
        parts = name.split(".")
        private = next((number for number, part in enumerate(parts) if part.startswith("_")), 0)
        if private and name not in NO_OTHER_WAY and module.split(".")[:private] != parts[:private]:
            found.append(f"{module}:{line} imports {name}")
    return found


def test_no_package_imports_a_private_module_of_another() -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in PATHS}
    found = [one for module, path in modules.items() for one in intrusions(module, path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    ("module", "source", "count"),
    [
        ("rlx.runs.sweeps", "from hydra_plugins.rlx_optuna._study import ResumableStudy", 1),
        ("rlx.app.train", "def late():\n    import hydra_plugins.rlx_optuna._study", 1),
        ("rlx.runs.sweeps", "from hydra_plugins.rlx_optuna import _study", 1),
        ("tests.sweep.test_x", "from hydra_plugins.rlx_optuna import config", 0),
        ("hydra_plugins.rlx_optuna.sweeper", "from hydra_plugins.rlx_optuna._study import ResumableStudy", 0),
        ("rlx.errors", "from __future__ import annotations", 0),
    ],
)
def test_the_checker_knows_whose_module_it_is(module: str, source: str, count: int) -> None:
    assert len(intrusions(module, source)) == count
