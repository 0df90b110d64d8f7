"""``%%pipeline`` in a real kernel, and the package that `kfnb convert` writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.program.cells import COMPONENTS
from tests.test_notebooks import FOLDER


def in_kernel(*sources: str) -> list[Any]:
    """Run cells in a kernel; the outputs of the last one."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in ("%load_ext kfnb", *sources)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return list(notebook.cells[-1].outputs)


def text_of(outputs: list[Any]) -> str:
    return "".join(o.get("text", "") for o in outputs)


def test_the_cell_shows_its_graph_and_runs_nothing() -> None:
    (shown,) = in_kernel(COMPONENTS, "%%pipeline p(a: int = 2)\nx = number(a)\nshow(x)")
    assert shown["data"]["image/svg+xml"].startswith("<svg") and "number" in shown["data"]["text/plain"]


def test_run_runs_it_as_plain_python_with_given_parameters_and_leaves_the_values() -> None:
    outputs = in_kernel(
        COMPONENTS,
        "%%pipeline p(a: int = 2) --run -p a=7\nb: int = 1\ntry:\n    x = number(a)\n    y = add(x, b).after(x)\nfinally:\n    show(kfnb_status['state'])",
        "print(x, y)",
    )
    assert text_of(outputs) == "7 8\n"


def test_a_component_that_may_fail_lets_the_cell_go_on() -> None:
    outputs = in_kernel(
        "from kfnb import component\n@component(on_failure='continue')\ndef half(n: int) -> float:\n    return 4 / n\n@component\ndef more(x: float) -> float:\n    return x + 1",
        "%%pipeline p --run\nfound = []\nfor n in [2, 0, 4]:\n    found.append(half(n))\nlast = more(half(0))\nfine = more(half(1))",
        "print(found, last, fine)",
    )
    lost = "ZeroDivisionError: division by zero"
    assert text_of(outputs) == f"[2.0, Failed(half, at 1: {lost}), 1.0] Failed(half: {lost}) 5.0\n"


def test_what_cannot_be_translated_is_an_error_in_words() -> None:
    with pytest.raises(CellExecutionError) as caught:
        in_kernel(COMPONENTS, "%%pipeline p\nwhile True:\n    number(1)")
    assert "`while`" in str(caught.value) and "Traceback" not in str(caught.value).partition("while")[2]


CONVERTED = [
    ("pipeline-cells/03-add-numbers", "add_numbers", ["--a", "7", "--b", "8"], ["7+4=11", "7+8=15", "11+15=26"]),
    ("pipeline-cells/05-flip-coin", "flip_coin", ["--coin", "heads", "--number", "7"], ["heads and 7 > 5!"]),
    ("08-conditions", "weather", ["--limit", "10"], ["the run has succeeded"]),
]


@pytest.mark.parametrize(("name", "package", "options", "lines"), CONVERTED)
def test_a_converted_pipeline_is_a_package_that_runs(
    tmp_path: Path, name: str, package: str, options: list[str], lines: list[str]
) -> None:
    notebook = next(FOLDER.glob(f"{name}*.ipynb"))
    done = subprocess.run(
        [sys.executable, "-m", "kfnb", "convert", str(notebook), "-o", str(tmp_path / "out")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    ran = subprocess.run(
        [sys.executable, "-m", package, *options], cwd=tmp_path / "out", capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert [line for line in lines if line in ran.stdout.splitlines()] == lines, ran.stdout
    assert '"kfnb"' in (tmp_path / "out" / "pyproject.toml").read_text()
