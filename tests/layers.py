"""The layers of the package, and the table of them in docs/architecture.md, which ``python -m tests.layers`` prints."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Bottom to top. Packages of one layer are siblings: neither may import the other.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "files", "compilation", "states", "stops"}),
    frozenset({"untrusted", "locks"}),
    frozenset({"types", "console", "ranges", "registry", "run_folder"}),
    frozenset({"data", "fields"}),
    frozenset({"sim"}),
    frozenset({"decisions", "measures"}),
    frozenset({"forecast", "keys"}),
    frozenset({"envs", "backtest"}),
    frozenset({"policies"}),
    frozenset({"learners", "evaluate"}),
    frozenset({"audit", "board", "compile_check", "offline", "runs", "tracking"}),
    frozenset({"report"}),
    frozenset({"config"}),
    frozenset({"training"}),
    frozenset({"app"}),
    frozenset({"testing"}),
    frozenset({"api", "cli"}),
)
LAYER = {package: number for number, packages in enumerate(LAYERS) for package in packages}


def package_of(module: str) -> str | None:
    """Return the package of ``rlx.package.anything``; None for rlx itself and for other distributions."""
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


def modules() -> list[tuple[str, Path]]:
    """Return every module of rlx but its ``__init__``, by dotted name."""
    paths = sorted((ROOT / "rlx").rglob("*.py"))
    named = [(".".join(path.relative_to(ROOT).with_suffix("").parts), path) for path in paths]
    return [(name, path) for name, path in named if name != "rlx.__init__"]


def uses() -> dict[str, set[str]]:
    """Return by package the packages it imports."""
    found: dict[str, set[str]] = {package: set() for package in LAYER}
    for name, path in modules():
        here = package_of(name)
        assert here is not None
        for _, module in imported(ast.parse(path.read_text(encoding="utf-8"))):
            there = package_of(module)
            if there in LAYER and there != here:
                found[here].add(there)
    return found


def purpose(package: str) -> str:
    """Return the first line of a package's or module's docstring."""
    path = ROOT / "rlx" / package / "__init__.py"
    source = path if path.is_file() else ROOT / "rlx" / f"{package}.py"
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8")))
    assert text, package
    return text.partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def table() -> str:
    """Return the layers from top to bottom as a Markdown table."""
    used = uses()
    rows = ["| layer | package | what it is | packages of the next layers that it uses |", "|---|---|---|---|"]
    for number in reversed(range(len(LAYERS))):
        for package in sorted(LAYERS[number]):
            near = sorted(used[package], key=lambda other: (-LAYER[other], other))[:4]
            rows.append(f"| {number} | `{package}` | {purpose(package)} | {' '.join(f'`{one}`' for one in near)} |")
    return "\n".join(rows) + "\n"


def drawing() -> str:
    """Return the layers as a Mermaid flow chart: an arrow to each package used that is not used through another."""
    used = uses()

    def below(package: str) -> set[str]:
        return used[package] | {deeper for one in used[package] for deeper in below(one)}

    lines = ["flowchart TD"]
    for number in reversed(range(len(LAYERS))):
        lines.append(f"    subgraph layer{number}[{number}]")
        lines += [f"        {package}" for package in sorted(LAYERS[number])]
        lines.append("    end")
    for package in sorted(used, key=lambda one: (-LAYER[one], one)):
        direct = used[package] - {deeper for one in used[package] for deeper in below(one)}
        lines += [f"    {package} --> {other}" for other in sorted(direct)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(f"```mermaid\n{drawing()}```\n\n{table()}")
