"""The notebook of the documentation runs, and shows what it prints today."""

from __future__ import annotations

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"


def test_the_notebook_runs_and_prints_what_it_shows():
    nbformat = pytest.importorskip("nbformat", reason="the extra notebook is not installed")
    client = pytest.importorskip("nbclient", reason="the extra notebook is not installed")
    pytest.importorskip("nilearn", reason="the extra notebook is not installed")
    shown = nbformat.read(NOTEBOOK, as_version=4)
    run = nbformat.read(NOTEBOOK, as_version=4)
    client.NotebookClient(run, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    assert printed(run) == printed(shown)
    assert all(cell.execution_count for cell in shown.cells if cell.cell_type == "code")


def printed(notebook):
    """What each cell of a notebook prints, in however many pieces."""
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    return [
        "".join(out.text for out in cell.outputs if out.output_type == "stream" and out.name == "stdout")
        for cell in cells
    ]
