"""Values of past runs in a live kernel: what a step saw, and what it left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kfnb.runs import step_inputs_outputs
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
from tests.kernel.test_component import kernel
from tests.notebooks import cell
from tests.running import Here

CELLS = (
    cell("limit: int = 3", "parameters"),
    cell("rows = [1, 2, 3]\nname = 'n'", "step:make"),
    cell("rows.append(4)", "step:change"),
    cell("rows = [0]", "step:never", "when:limit > 9"),
    cell("%%component each --foreach 'r in rows'\nsquare = r * r * limit"),
    cell("total = sum(square)\nprint(name, rows)", "step:sum"),
)


def inputs_of(store: RunStore, run: str, path: str) -> dict[str, Any]:
    return {
        n: step_inputs_outputs.value_of(store, run, one)
        for n, one in step_inputs_outputs.inputs_of(store, run, path).items()
    }


def outputs_of(store: RunStore, run: str, path: str) -> dict[str, Any]:
    return {
        n: step_inputs_outputs.value_of(store, run, one)
        for n, one in step_inputs_outputs.outputs_of(store, run, path).items()
    }


def test_a_step_saw_what_the_steps_before_it_left(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(*CELLS)["run"]
    assert inputs_of(here.store, run, "change") == {"rows": [1, 2, 3]}
    assert inputs_of(here.store, run, "sum") == {"name": "n", "rows": [1, 2, 3, 4], "square": [3, 12, 27, 48]}
    assert inputs_of(here.store, run, "each[1]") == {"limit": 3, "r": 2}
    assert outputs_of(here.store, run, "sum") == {"total": 90}
    assert outputs_of(here.store, run, "each[2]") == {"square": 27}


def test_an_iteration_saw_the_items_of_every_loop_around_it(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(
        cell("from kfnb import component\n@component\ndef say(a, b, c):\n    print(a, b, c)"),
        cell("%%pipeline nested\nfor a in ['x', 'y']:\n    for b in [1, 2, 3]:\n        say(a, b, 0)"),
    )["run"]
    assert inputs_of(here.store, run, "say[1][2]") == {"a": "y", "b": 3}


def test_an_iteration_saw_its_item_of_any_kind(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(
        cell("words = {'a': 1, 'b': 2}\nparts = [{1}, {2, 3}]", "step:make"),
        cell("print(part)", "step:each", "foreach:part in parts"),
        cell("print(pair)", "step:pairs", "foreach:pair in words.items()"),
    )["run"]
    assert inputs_of(here.store, run, "each[1]")["part"] == {2, 3}
    assert inputs_of(here.store, run, "pairs[0]") == {"pair": ("a", 1)}


def test_an_iteration_of_a_pipeline_cell_saw_its_objects(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(
        cell("from kfnb import component\n@component\ndef make():\n    return [{1}, {2, 3}]"),
        cell("@component\ndef use(part, name):\n    print(part, name)"),
        cell("%%pipeline p\nparts = make()\nfor part in parts:\n    for name in ['x', 'y']:\n        use(part, name)"),
    )["run"]
    assert inputs_of(here.store, run, "use[1][0]") == {"part": {2, 3}, "name": "x"}


def test_a_name_that_a_step_did_not_bind_is_left_out(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(
        cell("flag: bool = False", "parameters"),
        cell("a = 1\nif flag:\n    b = 2", "step:make"),
        cell("try:\n    print(a, b)\nexcept NameError:\n    print(a)", "step:use"),
    )["run"]
    assert inputs_of(here.store, run, "use") == {"a": 1}


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(*CELLS)["run"]
    with pytest.raises(UnknownRun, match="ran once per item"):
        inputs_of(here.store, run, "each")
    with pytest.raises(UnknownRun, match="did you mean `change`"):
        inputs_of(here.store, run, "chang")
    assert outputs_of(here.store, run, "never") == {}


def test_the_kernel_gets_what_is_kept_and_is_told_of_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Here(tmp_path)
    run = here.run(cell("a = 1\nlines = (n for n in 'ab')", "step:make"), cell("print(a)", "step:use"))["run"]
    monkeypatch.setenv("KFNB_HOME", str(here.store.home))
    load = "from kfnb.kernel.load_step_values import load"
    told = kernel(f"{load}\nload({run!r}, 'make', 'outputs')", "print(a, 'lines' in globals())")
    first, missing, last = told.splitlines()
    assert first.startswith("loaded a: ") and last == "1 False"
    assert missing.startswith("`lines` of `make` was not kept: ") and "generator" in missing
