"""A package imports only from the layers below, siblings do not know each other, and docs/architecture.md shows it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.layers import LAYER, LAYERS, ROOT, drawing, imported, modules, package_of, table


def violations(module: str, source: str) -> list[str]:
    """Return every import of ``module`` that does not go downward."""
    here = package_of(module)
    assert here is not None
    found = []
    for line, name in imported(ast.parse(source)):
        there = package_of(name)
        if name == "relative import":
            found.append(f"{module}:{line} imports relatively")
        elif there is not None and there != here and LAYER.get(there, len(LAYERS)) >= LAYER[here]:
            found.append(f"{module}:{line} imports {name}")
    return found


def test_every_package_has_a_layer() -> None:
    assert {package_of(name) for name, _ in modules()} == set(LAYER)


@pytest.mark.parametrize(("module", "path"), modules())
def test_imports_go_downward_only(module: str, path: Path) -> None:
    assert violations(module, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("rlx.learners.gymrl.learner", "from rlx.evaluate.evaluator import evaluate"),
        ("rlx.evaluate.evaluator", "import rlx.learners.base"),
        ("rlx.sim.rules", "from rlx import envs"),
        ("rlx.data.panel", "def late():\n    from rlx.sim import simulate"),
        ("rlx.errors", "from rlx.types import FloatArray"),
        ("rlx.sim.rules", "from .ledger import Ledger"),
        ("rlx.sim.rules", "from rlx.nowhere import thing"),
    ],
)
def test_the_checker_catches_an_import_that_goes_up_or_sideways(module: str, source: str) -> None:
    assert len(violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("rlx.learners.gymrl.learner", "from rlx.sim import simulate\nfrom rlx.learners.base import Learner"),
        ("rlx.config", "import torch\nfrom rlx.errors import ConfigError"),
        ("rlx.app.train", "import rlx.config"),
    ],
)
def test_the_checker_lets_imports_that_go_down_pass(module: str, source: str) -> None:
    assert violations(module, source) == []


def test_the_page_shows_the_layers_as_they_are() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for part in (drawing(), table()):
        assert part in page, "put what `python -m tests.layers` prints into docs/architecture.md"
