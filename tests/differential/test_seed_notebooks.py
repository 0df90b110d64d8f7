"""The notebooks that come with kfnb: *Run All* leaves the values that `kfnb run` leaves. A new notebook is tested too."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import build
from kfnb.runs.record.run_store import RunStore
from tests.differential.compare import Outcome, recorded, same

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(str(p.relative_to(FOLDER)) for p in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
#: What notebooks that draw at random are given.
GIVEN: dict[str, dict[str, str]] = {
    "05-flip-coin.ipynb": {"force": "heads", "force_number": "7"},
    "06-flip-coin-exit-handler.ipynb": {"force": "heads", "force_number": "3"},
    "pipeline-cells/05-flip-coin.ipynb": {"coin": "tails", "number": "12"},
    "pipeline-cells/06-flip-coin-exit-handler.ipynb": {"coin": "heads", "number": "3"},
}
#: Names of a pipeline cell's loop: in Python the last iteration's value is left, a run keeps each iteration's.
LAST = {"08-conditions-loops-exit-handlers.ipynb": {"t", "line"}}
#: Notebooks whose steps leave nothing but what they print.
SILENT = ("01", "02", "pipeline-cells/01", "pipeline-cells/02")
#: Notebooks that show tables, which are as wide as the place where they are shown.
TABLES = ("07-machine-learning.ipynb",)

VALUES = f"""
import json, sys
sys.path.append({str(ROOT)!r})
from tests.differential.fingerprint import fingerprints
hidden = get_ipython().user_ns_hidden
print(json.dumps(fingerprints({{n: v for n, v in globals().items() if not n.startswith("_") and n not in hidden}})))
"""


def run_all(data: dict[str, Any], folder: Path, last_cell: str) -> tuple[Outcome, list[Any]]:
    """Run a notebook from top to bottom in a fresh kernel: the texts of its cells and the values left; and what one more cell shows."""
    more = [nbformat.v4.new_code_cell(source) for source in (VALUES, last_cell)]
    notebook = nbformat.from_dict({**data, "cells": [*data["cells"], *more]})
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    *cells, values, last = (c for c in notebook.cells if c.cell_type == "code")
    texts = {(n,): "".join(text(o) for o in c.outputs) for n, c in enumerate(cells, 1)}
    return Outcome(texts, values=json.loads(values.outputs[0].text)), last.outputs


def text(output: Any) -> str:
    """What an output says in text; the picture of a pipeline says nothing."""
    shown = output.get("data", {})
    return output.get("text", "") if "image/svg+xml" in shown or not shown else f"{shown['text/plain']}\n"


def lines(outcome: Outcome) -> Counter[str]:
    """What was printed, in whatever order steps ran."""
    return Counter(line.rstrip() for text in outcome.texts.values() for line in text.split("\n"))


def with_values(cell: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """A cell that a person would have given the values in: the parameters, or a pipeline cell's line."""
    source = "".join(cell["source"])
    if "parameters" in cell["metadata"].get("tags", []):
        source += "".join(f"\n{n} = {v if v.isdecimal() else repr(v)}" for n, v in given.items())
    options = "".join(f" -p {n}={v}" for n, v in given.items())
    return {**cell, "source": re.sub(r"^(%%pipeline [^\n]*?)( --run)?$", rf"\1 --run{options}", source, flags=re.M)}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_run_all_leaves_what_a_run_leaves_and_the_view_of_one_is_saved(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    data = json.loads((FOLDER / name).read_text())
    given = GIVEN.get(name, {})
    shutil.copytree(FOLDER / "data", (tmp_path / name).parent / "data")
    folder = (tmp_path / name).parent
    folder.mkdir(exist_ok=True)
    file = shutil.copy(FOLDER / name, tmp_path / name)
    view = f"%load_ext kfnb\n%pipeline run {file} " + " ".join(f"-p {n}={v}" for n, v in given.items())
    theirs, shown = run_all({**data, "cells": [with_values(c, given) for c in data["cells"]]}, folder, view)
    (saved,) = (o.data for o in shown if o.output_type == "display_data")
    assert saved["image/svg+xml"].startswith("<svg") and 'data-state="succeeded"' in saved["image/svg+xml"]
    assert re.match(r"✓ \S+ · succeeded · ", saved["text/plain"]) and "pending" not in saved["text/plain"]
    pipeline = build(notebook_from_json(data, folder=folder)).pipeline
    assert pipeline is not None
    store = RunStore(tmp_path / "home")
    mine = recorded(store, store.resolve("last"), pipeline)
    store.close()
    assert mine.error is None
    assert name in TABLES or not lines(mine) - lines(theirs)
    mine.texts.clear()
    assert same(mine, theirs, mine.values.keys() - LAST.get(name, set())) == []
    unnamed = mine.values.keys() - theirs.values.keys()  # a command's outputs have names of their own
    assert {mine.values[n] for n in unnamed} <= set(theirs.values.values()) or name.startswith(SILENT)
    assert mine.values or name.startswith(SILENT)
