"""An unmarked notebook as one step, by headings and by cells: which cells become steps, and how these are named."""

from __future__ import annotations

from typing import Any

import pytest

from kfnb.notebook import notebook_from_json
from kfnb.notebook.marks.cell_names import suggested_name
from kfnb.notebook.parsed_notebook import Notebook
from tests.notebooks import cell, markdown, notebook

CELLS = (
    markdown("# Houses"),
    cell("%matplotlib inline\nimport pandas as pd"),
    cell("seed = 7", "parameters"),
    cell("def double(x):\n    return 2 * x"),
    markdown("## Read"),
    cell("rows = pd.read_csv('rows.csv')"),
    cell("rows = rows.dropna()"),
    markdown("## Learn"),
    cell("train, test = train_test_split(rows)"),
    cell("model.fit(train)\nprint(double(2))"),
    cell("# a note for myself", "skip"),
)


def read(how: str, *cells: dict[str, Any]) -> Notebook:
    return notebook_from_json(notebook(*cells, metadata={"kfnb": {"as": how}}), "houses.ipynb")


def steps(found: Notebook) -> dict[str, list[int]]:
    return {s.name: [c.number for c in s.cells] for s in found.steps}


def test_a_notebook_is_divided_as_it_is_asked_for() -> None:
    assert steps(read("one", *CELLS)) == {"houses": [1, 3, 4, 5, 6, 7]}
    assert steps(read("headings", *CELLS)) == {"read": [4, 5], "learn": [6, 7]}
    assert steps(read("cells", *CELLS)) == {"read": [4], "clean": [5], "learn": [6], "train": [7]}
    assert read("cells", *CELLS).marked
    assert not notebook_from_json(notebook(*CELLS)).marked


def test_marks_of_the_user_win_and_end_the_step_before() -> None:
    cells = (cell("a = load()"), cell("b = a", "step:load"), cell("c = b"), cell("%%component end\nprint(c)"))
    assert steps(read("cells", *cells)) == {"load-2": [1], "load": [2], "c": [3], "end": [4]}
    assert steps(read("one", *cells)) == {"houses": [1], "load": [2], "houses-2": [3], "end": [4]}


def test_what_cannot_be_divided_is_told() -> None:
    assert [p.code for p in read("rows", *CELLS).problems] == ["KF201"]
    pipeline = cell("%%pipeline p\nx = 1")
    assert [p.code for p in read("cells", pipeline).problems] == ["KF207"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("# Load the data\nx = 1", "load-the-data"),
        ("df = pd.read_csv('a.csv')", "load"),
        ("a, b = train_test_split(df)", "split"),
        ("model = LinearRegression()\nmodel.fit(x, y)", "train"),
        ("rows = make_rows(len(x))", "make-rows"),
        ("print(model.score(x, y))", "evaluate"),
        ("plt.plot(x)\nplt.show()", "plot"),
        ("df.to_csv('out.csv')", "save"),
        ("total = a + b", "total"),
        ("print('fit(x)')", "show"),
        ("# %% a cell\n1 + 1", ""),
    ],
)
def test_a_step_is_named_after_what_its_cell_does(source: str, name: str) -> None:
    assert suggested_name(source) == name
