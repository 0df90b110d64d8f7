"""Values of steps to look at and to save: each kind in its form, loaded by a process of its own and never by the server."""

from __future__ import annotations

import json
from typing import Any

from tests.notebooks import cell, notebook
from tests.server.asking import API, ended, refused

MAKES = """import os, pandas as pd, numpy as np
import matplotlib.pyplot as plt
table = pd.DataFrame({'n': range(5000), 'word': ['a', None] * 2500})
grid = np.zeros((3, 2))
fig, ax = plt.subplots()
ax.plot([1, 2])
plt.close(fig)
class Page:
    def _repr_html_(self): return '<script>alert(1)</script><b>bold</b>'
class Loud:
    def __init__(self): self.at = os.getpid()
    def __repr__(self): return f'loaded by {os.getpid()}'
class Bad:
    def __repr__(self): raise RuntimeError('no words')
page, loud, bad, tree, word = Page(), Loud(), Bad(), {'a': [1, {'b': None}]}, 'text'"""
NAMES = "table, grid, fig, page, loud, bad, tree, word"


async def test_each_kind_of_value_is_shown_in_its_form(ask: Any, jp_fetch: Any) -> None:
    book = notebook(cell(MAKES, "step:make"), cell(f"used = [{NAMES}]\nused = len(used)", "step:use"))
    run = (await ask("POST", "runs", body={"notebook": book}))["run"]["run"]
    assert (await ended(ask, run))["run"]["state"] == "succeeded"
    values = ("GET", "runs", run, "steps", "make", "values")
    table = await ask(*values, "table", start="4950")
    assert (table["kind"], table["total"], table["width"], table["start"]) == ("table", 5000, 2, 4950)
    assert table["rows"][0] == [4950, 4950, "a"] and len(table["rows"]) == 50
    n, word = table["columns"]
    assert (n["least"], n["mean"], n["greatest"], n["missing"]) == (0, 2499.5, 4999, 0)
    assert (word["different"], word["missing"]) == (1, 2500)
    kinds = {name: (await ask(*values, name))["kind"] for name in ("grid", "fig", "page", "tree", "word", "loud")}
    assert kinds == {"grid": "table", "fig": "image", "page": "html", "tree": "json", "word": "text", "loud": "text"}
    import os

    assert (await ask(*values, "loud"))["text"] != f"loaded by {os.getpid()}"
    status, told = await refused(ask(*values, "bad"))
    assert status == 422 and "no words" in told["message"]
    assert (await refused(ask(*values, "nothing")))[0] == 404
    used = await ask("GET", "runs", run, "steps", "use", "values", "table", way="inputs")
    assert used["total"] == 5000

    for query, name in (({}, "table.csv"), ({"format": "parquet"}, "table.parquet")):
        answer = await jp_fetch(*API, *values[1:], "table", "file", params=query)
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["Content-Type"] == "application/octet-stream"
    answer = await jp_fetch(*API, *values[1:], "tree", "file")
    assert json.loads(answer.body) == {"a": [1, {"b": None}]}
    status, told = await refused(jp_fetch(*API, *values[1:], "tree", "file", params={"format": "npy"}))
    assert status == 422 and ".json" in told["message"]
