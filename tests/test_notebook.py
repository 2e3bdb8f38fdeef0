"""The notebook runs from top to bottom on the committed scoreboard."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "board.ipynb"


def errors_and_outputs(notebook: nbformat.NotebookNode) -> tuple[list[str], int]:
    """Return the errors in a notebook, and how many pictures and tables it shows."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    errors = [output.ename for output in outputs if output.output_type == "error"]
    return errors, sum(output.output_type == "display_data" for output in outputs)


def test_it_is_committed_with_its_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    errors, shown = errors_and_outputs(notebook)
    assert errors == [] and shown > 0
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.slow
def test_it_runs_and_never_simulates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPLBACKEND", raising=False)  # other tests draw into files alone
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    committed = errors_and_outputs(notebook)
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    assert errors_and_outputs(notebook) == committed
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert not any(word in source for word in ("rlx.sim", "evaluate(", "judge("))
