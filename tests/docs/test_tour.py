"""examples/tour.ipynb runs in a notebook's kernel from the first cell to the last, and is stored clean."""

import importlib.util
import json
import shutil

import pytest

from tests.conftest import ROOT

TOUR = ROOT / "examples" / "tour.ipynb"
# What a notebook runs in.
KERNEL = ("nbformat", "nbclient", "ipykernel")


def test_it_is_stored_without_outputs():
    """Scores differ from machine to machine, and pictures would be most of the file."""
    tour = json.loads(TOUR.read_text(encoding="utf8"))
    cells = [cell for cell in tour["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 5
    assert [cell["id"] for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []
    assert set(tour["metadata"]) == {"kernelspec", "language_info"}


def test_it_runs(stand_in, tmp_path, monkeypatch):
    missing = [name for name in KERNEL if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed, in which notebooks run; the extra `test` brings it")
    import nbformat
    from nbclient import NotebookClient

    # `spacy.load` takes an installed pipeline first, and then a folder of its name.
    folder = tmp_path / "examples"
    shutil.copytree(stand_in, folder / "en_relext_demo")
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    tour = nbformat.read(TOUR, as_version=4)
    nbformat.validate(tour)
    NotebookClient(tour, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in tour.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert sum("<figure" in html for html in shown) >= 4
    assert any("<table" in html and "<figure" not in html for html in shown)
    assert "<svg" in (folder / "report.html").read_text(encoding="utf8")
    assert "<figure" in (folder / "relations.html").read_text(encoding="utf8")
    # Libraries may warn of what else a notebook could have; we do not.
    assert [output.text for output in outputs if output.get("name") == "stderr" and "relext" in output.text] == []
