"""The floors of the house: a package imports only from below, and siblings do not know each other."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Bottom to top. Rooms on one floor are siblings: neither may import the other.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "plain", "compilation", "stops"}),
    frozenset({"untrusted"}),
    frozenset({"types", "console", "ranges", "registry"}),
    frozenset({"data"}),
    frozenset({"sim"}),
    frozenset({"decisions"}),
    frozenset({"measures"}),
    frozenset({"keys"}),
    frozenset({"envs", "backtest"}),
    frozenset({"policies"}),
    frozenset({"learners", "evaluate"}),
    frozenset({"audit", "board", "tracking"}),
    frozenset({"report"}),
    frozenset({"run_folder"}),
    frozenset({"config"}),
    frozenset({"app"}),
    frozenset({"testing"}),
    frozenset({"api", "cli"}),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def room_of(module: str) -> str | None:
    """Return the room of ``rlx.room.anything``; None for the package itself and for other packages."""
    parts = module.split(".")
    return parts[1] if parts[0] == "rlx" and len(parts) > 1 else None


def imported(tree: ast.AST) -> Iterable[tuple[int, str]]:
    """Yield line and full name of everything imported, inside functions and for type checking too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "relative import"
            elif node.module == "rlx":
                yield from ((node.lineno, f"rlx.{alias.name}") for alias in node.names)
            elif node.module is not None:
                yield node.lineno, node.module


def violations(module: str, source: str) -> list[str]:
    """Return every import of ``module`` that does not go downward."""
    here = room_of(module)
    assert here is not None
    found = []
    for line, name in imported(ast.parse(source)):
        there = room_of(name)
        if name == "relative import":
            found.append(f"{module}:{line} imports relatively")
        elif there is not None and there != here and FLOOR.get(there, len(FLOORS)) >= FLOOR[here]:
            found.append(f"{module}:{line} imports {name}")
    return found


def modules() -> list[tuple[str, Path]]:
    """Return every module of the package but its ``__init__``, by dotted name."""
    paths = sorted((ROOT / "rlx").rglob("*.py"))
    named = [(".".join(path.relative_to(ROOT).with_suffix("").parts), path) for path in paths]
    return [(name, path) for name, path in named if name != "rlx.__init__"]


def test_every_room_has_a_floor() -> None:
    assert {room_of(name) for name, _ in modules()} == set(FLOOR)


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
