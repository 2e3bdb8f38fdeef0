from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.commands import SMOKE, Finished, Shell


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Return a place to type commands in."""
    return Shell(tmp_path, capsys)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Train once, in seconds, under guards, leverage and cooldown; many tests look at the result."""
    shell = Shell(tmp_path_factory.mktemp("trained"))
    return shell.train("module=gymrl", "guard=calibrated", "env=levered", "env.cooldown.steps=12", *SMOKE)
