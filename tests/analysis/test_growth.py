"""Reading a notebook of twice the size takes about twice the work, counted in calls of functions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import build
from tests.notebooks import cell, notebook
from tests.program.cells import COMPONENTS

Cells = list[dict[str, Any]]
STEPS = [cell("y = last(1)", "step:a"), cell("print(y)", "step:b")]


def functions_in_a_chain(count: int) -> Cells:
    rest = (cell(f"def f{n}(x):\n    return f{n - 1}(x) + 1", "functions") for n in range(1, count))
    return [cell("def f0(x):\n    return x", "functions"), *rest, cell(f"last = f{count - 1}", "functions"), *STEPS]


def functions_used_as_they_are_defined(count: int) -> Cells:
    found = [cell("def f0(x):\n    return x", "functions")]
    for n in range(1, count):
        found += [cell(f"def f{n}(x):\n    return f0(x) + 1", "functions"), cell(f"y{n} = f{n}(1)", f"step:s{n}")]
    return found


def functions_in_a_star(count: int) -> Cells:
    rest = (cell(f"def f{n}(x):\n    return base(x) + {n}", "functions") for n in range(count))
    every = " + ".join(f"f{n}(x)" for n in range(count))
    last = cell(f"def last(x):\n    return {every}", "functions")
    return [cell("def base(x):\n    return x", "functions"), *rest, last, *STEPS]


def classes_each_derived_from_the_one_before(count: int) -> Cells:
    rest = (
        cell(f"class C{n}(C{n - 1}):\n    def m{n}(self):\n        return self.x", "functions") for n in range(1, count)
    )
    return [cell("class C0:\n    pass", "functions"), *rest, cell(f"last = C{count - 1}", "functions"), *STEPS]


def methods_of_one_class(count: int) -> Cells:
    methods = (
        f"    def m{n}(self, x):\n        self.v = x\n        return self.m{max(n - 1, 0)}(x)" for n in range(count)
    )
    return [cell("class Last:\n" + "\n".join(methods), "functions"), cell("last = Last", "functions"), *STEPS]


def cells_of_one_definition_each(count: int) -> Cells:
    return [cell(f"def f{n}(x):\n    return x * {n}", f"step:s{n}") for n in range(count)]


def cells_of_one_condition_each(count: int) -> Cells:
    first = cell("x = 1\ndef f(v):\n    return v", "step:a")
    return [
        first,
        *(cell(f"if x > {n}:\n    y{n} = f({n})\nelse:\n    y{n} = [f(x)]", f"step:s{n}") for n in range(count)),
    ]


def branches_of_a_pipeline_cell(count: int) -> Cells:
    arms = "".join(f"elif x == {n}:\n    show({n})\n" for n in range(1, count))
    return [cell(COMPONENTS), cell(f"%%pipeline p(x: int = 1)\nif x == 0:\n    show(0)\n{arms}")]


def turns_of_a_loop_that_is_unrolled(count: int) -> Cells:
    return [cell(COMPONENTS), cell(f"%%pipeline p(x: int = 1)\nfor i in {list(range(count))}:\n    show(i)")]


def work(cells: Cells) -> int:
    """How many functions are called while a pipeline is made of these cells."""
    read = notebook_from_json(notebook(*cells))
    count = 0

    def called(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        built = build(read)
    finally:
        sys.setprofile(before)
    assert built.pipeline is not None, built.problems
    return count


@pytest.mark.parametrize(
    "kind",
    [
        functions_in_a_chain, functions_used_as_they_are_defined, functions_in_a_star,
        classes_each_derived_from_the_one_before, methods_of_one_class, cells_of_one_definition_each,
        cells_of_one_condition_each, branches_of_a_pipeline_cell, turns_of_a_loop_that_is_unrolled,
    ],
)  # fmt: skip
def test_twice_as_much_of_a_thing_is_at_most_about_twice_the_work(kind: Callable[[int], Cells]) -> None:
    work(kind(3))  # what is worked out once for all
    small, large = work(kind(40)), work(kind(80))
    assert large < 3.3 * small, f"{small} calls for 40, {large} for 80"


def test_functions_that_call_each_other_do_what_all_of_them_do() -> None:
    built = build(
        notebook_from_json(
            notebook(
                cell("log = []", "step:a"),
                cell("def f(n):\n    if n:\n        g(n - 1)\n    log.append(n)\ndef g(n):\n    f(n)", "functions"),
                cell("f(1)", "step:b"),
                cell("g(2)", "step:c"),
                cell("print(log)", "step:d"),
            )
        )
    )
    assert built.pipeline is not None
    (step,) = (s for s in built.pipeline.steps() if s.name == "c")
    assert step.outputs == ("log",)
