"""The notebooks that come with kfnb leave the same values as a pipeline as in one kernel."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.differential.compare import Reference, run_pipeline, same

FOLDER = Path(__file__).parents[2] / "notebooks"
GIVEN = {
    "05": {"force": "heads", "force_number": "7"},
    "06": {"force": "heads", "force_number": "3"},
}
#: Names of a pipeline cell's loop: in Python the last iteration's value is left, a run keeps each iteration's.
LAST = {"08": {"t", "line"}}


@pytest.mark.parametrize("name", sorted(p.name for p in FOLDER.glob("0*.ipynb")))
def test_a_shipped_notebook_leaves_the_values_of_one_kernel(name: str, kernel: Reference, tmp_path: Path) -> None:
    data = json.loads((FOLDER / name).read_text())
    given = GIVEN.get(name[:2], {})
    sources = []
    for cell in data["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            if "parameters" in cell["metadata"].get("tags", []):
                source += "".join(f"\n{n} = {v if v.isdecimal() else repr(v)}" for n, v in given.items())
            sources.append(source)
    shutil.copytree(FOLDER / "data", tmp_path / "data")
    theirs = kernel.run(sources, tmp_path, kfnb=True)
    mine = run_pipeline(data, tmp_path, tmp_path / "home", given=given)
    assert (theirs.error, mine.error) == (None, None)
    mine.texts.clear()  # compared by `tests/test_notebooks.py`; a terminal's IPython shows no figures
    names = mine.values.keys() - LAST.get(name[:2], set())
    assert same(mine, theirs, names) == []
    assert len(mine.values) > 0 or name.startswith(("01", "02"))
