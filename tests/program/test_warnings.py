"""Where plain Python and the steps would part, the check says so, and nowhere else."""

from __future__ import annotations

import pytest

from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import build
from tests.notebooks import cell, notebook

COMPONENTS = """
import random
from kfnb import component
random.seed(3)

@component
def push(values, x):
    values.append(x)
    return len(values)

@component
def total(values):
    return sum(values)

@component
def draw():
    return random.random()
"""


def warned(body: str) -> list[str]:
    built = build(notebook_from_json(notebook(cell(COMPONENTS, "functions"), cell(f"%%pipeline p\n{body}"))))
    assert built.pipeline is not None, [str(p) for p in built.problems]
    return [str(p) for p in built.problems if p.code == "KF610"]


@pytest.mark.parametrize("call", ["push(xs, 4)", "push(values=xs, x=4)"])
def test_an_argument_changed_in_place_and_read_again(call: str) -> None:
    (text,) = warned(f"xs = sorted([3, 1])\nn = {call}\nt = total(xs)")
    assert "cell 2:3" in text and "`push` changes `xs` in place" in text


def test_a_seeded_generator_that_several_calls_use() -> None:
    (text,) = warned("a = draw()\nb = draw()")
    assert "cell 2:3" in text and "2 calls use the seeded generator `random`" in text


@pytest.mark.parametrize(
    "body",
    [
        "xs = sorted([3, 1])\nn = total(xs)\nm = total(xs)",
        "xs = sorted([3, 1])\nt = total(xs)\nn = push(xs, 4)",
        "a = draw()",
    ],
)
def test_nothing_is_said_where_the_values_are_the_same(body: str) -> None:
    assert warned(body) == []
