"""The cells that were run in a kernel make a notebook, whether or not the front end says which cell is which."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from kfnb.kernel_notebook.executed_cells import registered_notebook
from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import build
from tests.kernel.live import Live

NOTEBOOK = "__import__('json').dumps(__import__('kfnb.kernel_notebook.executed_cells', fromlist=['x']).registered_notebook(get_ipython()))"


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell of its own, as a front end drives it that does not tell which cell it runs."""
    shell = InteractiveShell()
    yield shell
    shell.reset()


def run(shell: InteractiveShell, *sources: str, cell: str | None = None) -> None:
    for source in sources:
        shell.run_cell(source, store_history=True, cell_id=cell)


def texts(data: dict[str, Any]) -> list[str]:
    return [c["source"] for c in data["cells"] if c["source"]]


def numbered(data: dict[str, Any]) -> dict[int, str]:
    return {n: c["source"] for n, c in enumerate(data["cells"], 1) if c["source"]}


def test_cells_known_by_their_ids_keep_their_place(live: Live) -> None:
    cells = {
        "start": "%load_ext kfnb\nimport math",
        "limits": "%%parameters\nlimit = 3",
        "f": "def double(v):\n    return v * 2",
        "make": "%%component make\nx = double(limit)",
        "more": "%%component make\ny = x + 1",
        "show": "%%component show\nprint(x, y, math.pi)",
    }
    for id, source in cells.items():
        live.run(source, id)
    live.run("x", "look")
    live.run("%pipeline show", "ask")
    live.run("def double(v):\n    return v * 3", "f")
    live.run("%%component build\nx = double(limit)", "make")
    live.run("oops(", "slip")
    data = json.loads(ast.literal_eval(live.value(NOTEBOOK)))
    cells |= {"f": "def double(v):\n    return v * 3", "make": "%%component build\nx = double(limit)", "look": "x"}
    assert {c["id"]: c["source"] for c in data["cells"] if c["source"]} == cells
    built = build(notebook_from_json(data))
    assert built.pipeline is not None, built.problems
    assert [s.name for s in built.pipeline.steps()] == ["build", "make", "show"]


def test_a_step_that_is_run_again_takes_its_own_place(shell: InteractiveShell) -> None:
    run(shell, "import os", "%load_ext kfnb", "%%component a\nx = 1", "%%component b\nprint(x)")
    run(shell, "%%component a --retry 2\nx = 2", "%%component a --when", "1 / 0", "%pipeline show\n# and so on")
    data = registered_notebook(shell)
    assert numbered(data) == {1: "import os", 3: "%%component a --when", 4: "%%component b\nprint(x)"}
    run(shell, "%%component a\nx = 3")
    assert numbered(registered_notebook(shell))[3] == "%%component a\nx = 3"


def test_code_that_is_defined_anew_takes_the_place_of_the_old(shell: InteractiveShell) -> None:
    run(shell, "%load_ext kfnb", "N = 1\nM = 1", "def f():\n    return N", "%%component a\nx = f()")
    run(shell, "def f():\n    return N + 1")
    run(shell, "N = 5")
    assert texts(registered_notebook(shell)) == [
        "N = 1\nM = 1",
        "N = 5",
        "def f():\n    return N + 1",
        "%%component a\nx = f()",
    ]
    run(shell, "%%component a\nx = f()", "%%component b\ny = f()")
    assert texts(registered_notebook(shell))[-2:] == ["%%component a\nx = f()", "%%component b\ny = f()"]


def test_a_name_that_is_given_twice_in_one_pass_keeps_both_values(shell: InteractiveShell) -> None:
    cells = ["N = 1", "%%component a\nx = N", "N = 2", "%%component b\ny = N"]
    run(shell, "%load_ext kfnb", *cells)
    assert texts(registered_notebook(shell)) == cells
    run(shell, *cells)
    assert texts(registered_notebook(shell)) == cells


def test_a_pipeline_reads_what_was_run_before_it_and_no_other_pipeline(shell: InteractiveShell, capsys: Any) -> None:
    run(shell, "%load_ext kfnb\nfrom kfnb import component", "@component\ndef one():\n    return 1")
    run(shell, "%%pipeline broken --nope\none()", "%%pipeline p --run\na = one()")
    run(shell, "@component\ndef two(v):\n    return v + 1", "%%pipeline p --run\na = one()\nb = two(a)\nc = nobody(a)")
    assert "cell 6:4: error" in capsys.readouterr().out
    run(shell, "%%pipeline p --run\na = one()\nb = two(a)")
    assert shell.user_ns["b"] == 2
    notebook = notebook_from_json(registered_notebook(shell))
    assert [p.name for p in notebook.pipelines] == ["p"]
    assert build(notebook, "p").pipeline is not None


def test_a_kernel_without_the_extension_has_its_history(shell: InteractiveShell) -> None:
    run(shell, "N = 1", "%%html\nhello")
    assert texts(registered_notebook(shell)) == ["N = 1", "%%html\nhello"]


def test_what_a_magic_refuses_marks_nothing(shell: InteractiveShell) -> None:
    refused = ("%%component one word too many\nx = 1", "%%component slow --frob\nx = 1", "%%pipeline flow\nx = 1")
    run(shell, "%load_ext kfnb", *refused, "%%component one\nx = 1 / 0")
    assert texts(registered_notebook(shell)) == ["%%component one\nx = 1 / 0"]


def test_a_step_whose_new_line_is_refused_is_not_left_out(shell: InteractiveShell) -> None:
    run(shell, "%load_ext kfnb", "%%component one\nx = 1", "%%component one --frob\nx = 2")
    built = build(notebook_from_json(registered_notebook(shell)))
    assert built.pipeline is None and "--frob" in built.problems[0].message
