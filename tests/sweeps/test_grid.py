"""The values of a sweep: what a user types becomes typed values, and what can be read in two ways is refused."""

from __future__ import annotations

from typing import Any

import pytest

from kfnb.pipeline.model import Parameter, Pipeline
from kfnb.problems import NotebookError
from kfnb.sweeps.parameter_grid import Grid, grid_of_texts, grid_of_values

PIPELINE = Pipeline(
    "train",
    parameters=(
        Parameter("lr", "float", 0.1),
        Parameter("depth", "int", 3),
        Parameter("name", "str", "a"),
        Parameter("fast", "bool", False),
        Parameter("layers", "list", [64]),
        Parameter("options", "dict", {}),
        Parameter("limit", "any", None),
    ),
)


def values(text: str) -> list[Any]:
    (found,) = grid_of_texts(PIPELINE, [text]).values.values()
    return list(found)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("lr=0.1,0.01,1", [0.1, 0.01, 1.0]),
        ("lr= 1e-3, 2", [0.001, 2.0]),
        ("lr=[0.1, 1]", [0.1, 1.0]),
        ("lr=range(0, 0.5, 0.1),1", [0.0, 0.1, 0.2, 0.3, 0.4, 1.0]),
        ("depth=range(2,6)", [2, 3, 4, 5]),
        ("depth=range(6, 2, -2),10", [6, 4, 10]),
        ("depth=range(3)", [0, 1, 2]),
        ("name=adam, sgd", ["adam", "sgd"]),
        ("name=one two", ["one two"]),
        ("name=a=b,c", ["a=b", "c"]),
        ('name=["a,b", "c", ""]', ["a,b", "c", ""]),
        ("name=['a,b', 'c']", ["a,b", "c"]),
        ("name=[a-z]+", ["[a-z]+"]),
        ("name=", [""]),
        ("name=range(2)", ["range(2)"]),
        ("fast=true,no", [True, False]),
        ("layers=[[64], [64, 32]]", [[64], [64, 32]]),
        ("layers=[64],[64,32]", [[64], [64, 32]]),
        ('options={"a": [1, 2]},{"b": "x,y"}', [{"a": [1, 2]}, {"b": "x,y"}]),
        ("limit=None,3,x", [None, 3, "x"]),
        ('limit="a,b",[1,2]', ["a,b", [1, 2]]),
        ("limit=range(1,3)", [1, 2]),
        ("limit=range(0,1,0.5)", [0.0, 0.5]),
    ],
)
def test_values_are_read_by_the_type_of_their_parameter(text: str, wanted: list[Any]) -> None:
    found = values(text)
    assert found == wanted and [type(v) for v in found] == [type(v) for v in wanted]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lr=0.1,fast", "`fast` is not a number"),
        ("lr=0.1,,0.2", "a comma too many"),
        ("lr=0.1,0.10", "0.1 is there twice"),
        ("lr=", "is not a number"),
        ("lr=[]", "it has no values"),
        ("lr=range(1,0)", "it ends before it begins"),
        ("lr=range(0,1,0)", "a step of 0"),
        ("lr=range(a,b)", "in numbers"),
        ("lr=range(0,1e999999)", "more than 10000 values"),
        ("depth=2,2.5", "`2.5` is not a whole number"),
        ("depth=range(0,1,0.5)", "not whole numbers"),
        ("depth=[1,2.5]", "2.5 is a float, not a int"),
        ('name="a,b",c', "write a JSON list"),
        ("name=f(a,b)", "write a JSON list"),
        ("limit=it's,that", "without its other half"),
        ("fast=maybe,true", "neither true nor false"),
        ("layers=[64,32]", "a list of lists is needed, such as [[64, 32]]"),
        ("deepth=1,2", "did you mean `depth`?"),
        ("lr", "should be NAME=VALUES"),
    ],
)
def test_values_that_do_not_fit_or_can_be_read_in_two_ways_are_refused(text: str, words: str) -> None:
    with pytest.raises(NotebookError) as caught:
        values(text)
    assert words in str(caught.value)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(NotebookError) as caught:
        grid_of_texts(PIPELINE, ["lr=a,b", "depht=1", "fast=true", "fast=false", "name"])
    told = [p.message for p in caught.value.problems]
    assert len(told) == 5 and {p.code for p in caught.value.problems} == {"KF501", "KF502"}
    assert any("`a`" in t for t in told) and any("`b`" in t for t in told) and any("given twice" in t for t in told)


def test_the_last_parameter_changes_fastest_and_fixed_ones_are_in_every_combination() -> None:
    grid = grid_of_texts(PIPELINE, ["lr=0.1,0.2", "name=x", "depth=1,2"])
    assert (grid.size, grid.swept, str(grid)) == (4, ("lr", "depth"), "lr 0.1, 0.2 × depth 1, 2")
    assert [tuple(c.values()) for c in grid.combinations()] == [
        (0.1, "x", 1), (0.1, "x", 2), (0.2, "x", 1), (0.2, "x", 2),
    ]  # fmt: skip


def test_a_part_of_the_grid_is_drawn_by_chance_and_the_same_seed_draws_the_same() -> None:
    grid = Grid({n: tuple(range(10_000)) for n in "abcdef"})
    drawn = grid.combinations(50, seed=1)
    assert drawn == grid.combinations(50, seed=1) != grid.combinations(50, seed=2)
    assert len({tuple(c.values()) for c in drawn}) == 50
    small = Grid({"a": (1, 2, 3), "b": (1, 2)})
    assert len({tuple(c.values()) for c in small.combinations(5)}) == 5 and len(small.combinations(9)) == 6


def test_values_of_python_are_taken_as_they_are() -> None:
    import numpy

    given = {
        "lr": numpy.array([0.5, 1]), "depth": range(2), "name": "x", "fast": [True], "layers": [[1], [2]], "limit": None,
    }  # fmt: skip
    assert grid_of_values(PIPELINE, given).values == {
        "lr": (0.5, 1.0), "depth": (0, 1), "name": ("x",), "fast": (True,), "layers": ([1], [2]), "limit": (None,),
    }  # fmt: skip
    with pytest.raises(NotebookError) as caught:
        grid_of_values(PIPELINE, {"lr": [object()], "depth": [True], "layers": [1, 2], "fast": numpy.int64(1)})
    assert len(caught.value.problems) == 4
