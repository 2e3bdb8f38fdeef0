"""The listing of docs/python.md runs, and does so in a notebook that has a Hydra of its own."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import rlx

PAGE = (Path(__file__).parents[1] / "docs" / "python.md").read_text(encoding="utf-8")


def listing() -> str:
    (found,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_every_name_is_on_the_page() -> None:
    for name in rlx.__all__:
        assert f"`rlx.{name}(" in PAGE or f"`{name}`" in PAGE


@pytest.mark.slow
def test_the_listing_runs_in_a_notebook(tmp_path: Path) -> None:
    of_its_own = "from hydra import initialize\nmine = initialize(config_path=None, version_base=None)"
    still = "from hydra import compose\nassert compose(overrides=['+number=3']).number == 3"
    cells = [nbformat.v4.new_code_cell(text) for text in (of_its_own, listing(), still)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = str(notebook.cells[1].outputs)
    assert "0.036 5.0" in printed
    assert "Did you mean 'commission_bps'?" in printed
    assert (tmp_path / "runs" / "first" / "scorecard.json").is_file()
