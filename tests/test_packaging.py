"""The distribution has every package, every option file and the sample data."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    packages = (*ROOT.glob("rlx/**/__init__.py"), *ROOT.glob("hydra_plugins/**/__init__.py"))
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in packages}
    assert set(listed) == there | {"rlx.conf"}


def test_the_lock_names_no_machine() -> None:
    lock = (ROOT / "uv.lock").read_text()
    assert "file://" not in lock
    assert "path = " not in lock
