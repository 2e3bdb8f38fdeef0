"""The distribution has every package, every option file and the sample data."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_folder_of_modules_is_a_package_that_setup_finds() -> None:
    assert {path.parent for path in ROOT.glob("rlx/**/*.py") if not (path.parent / "__init__.py").is_file()} == set()
    assert [path.parent.name for path in ROOT.glob("hydra_plugins/**/__init__.py")] == ["rlx_optuna"]


def test_a_folder_of_the_same_name_does_not_hide_the_package(tmp_path: Path) -> None:
    (tmp_path / "rlx").mkdir()  # as in the folder that the repository was cloned into; `uv sync` after an old install
    program = "import rlx.sim, rlx.conf, hydra_plugins.rlx_optuna; print(rlx.__version__)"
    answer = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_the_lock_names_no_machine() -> None:
    lock = (ROOT / "uv.lock").read_text()
    assert "file://" not in lock
    assert "path = " not in lock


def test_every_file_that_is_no_module_is_package_data() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    listed = {
        file
        for package, patterns in data.items()
        if package != "rlx.conf"  # it lies elsewhere
        for pattern in patterns
        for file in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    there = {path for path in (ROOT / "rlx").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {path for path in there if path.suffix != ".py"} == {path for path in listed if path.is_file()}
