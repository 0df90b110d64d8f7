"""Deep notebooks are read as Python reads them, or refused in words."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import build
from tests.fuzz.test_fuzz import use
from tests.notebooks import cell, notebook
from tests.program.cells import COMPONENTS

ARMS = "".join(f"elif x == {n}:\n    y = {n}\n" for n in range(1, 600))
DEEP: dict[str, list[dict[str, Any]]] = {
    "elif": [cell(f"x = 3\nif x == 0:\n    y = 0\n{ARMS}", "step:a"), cell("print(y)", "step:b")],
    "lambda": [cell("x = " + "lambda: " * 300 + "1", "step:a")],
    "calls": [cell("\n".join(["def f0(): return 1", *(f"def f{n + 1}(): return f{n}()" for n in range(300))])), cell("print(f300())", "step:a")],
    "sum": [cell("a = 1\nx = " + " + ".join(["a"] * 600), "step:a")],
}  # fmt: skip
TOO_DEEP: dict[str, list[dict[str, Any]]] = {
    "cell": [cell("x = " + "-" * 50_000 + "1", "step:a")],
    "mark": [cell("n = 1", "parameters"), cell("x = 1", "step:a", "when:" + "not " * 300 + "n")],
    "pipeline": [cell(COMPONENTS), cell("%%pipeline p\nx = number(1)\nif " + "not " * 300 + "x:\n    show(1)")],
}


@pytest.mark.parametrize("kind", DEEP)
def test_what_python_can_read_is_read_however_deep(kind: str) -> None:
    before = sys.getrecursionlimit()
    built = build(notebook_from_json(notebook(*DEEP[kind])))
    assert built.pipeline is not None, built.problems
    use(built.pipeline, ("argo", "kfp"))
    assert sys.getrecursionlimit() == before


@pytest.mark.parametrize("kind", TOO_DEEP)
def test_what_is_deeper_is_refused_with_its_cell(kind: str) -> None:
    found = notebook_from_json(notebook(*TOO_DEEP[kind]))
    built = build(found, "p" if kind == "pipeline" else None)
    assert built.pipeline is None
    assert [(p.code, p.cell is not None) for p in built.problems if p.severity == "error"][:1] == [("KF113", True)]


@pytest.mark.parametrize(
    "source",
    [
        "return 1",
        "break",
        "def f(a, a): pass",
        "nonlocal x",
        "__debug__ = 1",
        "x = 1\nfrom __future__ import annotations",
        "yield 1",
    ],
)
def test_what_only_compiling_refuses_is_refused_before_the_run(source: str) -> None:
    built = build(
        notebook_from_json(notebook(cell(source, "step:a"), cell("await f()\n[x async for x in g()]", "step:b")))
    )
    assert [(p.code, p.cell) for p in built.problems if p.code == "KF104"] == [("KF104", 1)]
