"""Parameters: their types from the notebook, their values from a command line."""

from __future__ import annotations

from typing import Any

import pytest

from kfnb.pipeline.model import Parameter, Pipeline
from kfnb.pipeline.parameters import bind
from kfnb.problems import NotebookError
from tests.notebooks import cell
from tests.running import pipeline_of


@pytest.mark.parametrize(
    ("source", "kind", "default"),
    [
        ("a = 1", "int", 1), ("a = -2.5", "float", -2.5), ("a: float = 0", "float", 0), ("a = 'x'", "str", "x"),
        ("a = True", "bool", True), ("a = [1, {'k': None}]", "list", [1, {"k": None}]), ("a = {'k': [1]}", "dict", {"k": [1]}),
        ("a = None", "any", None), ("a: int | None = None", "any", None), ("a: 'list[int]' = []", "list", []), ("a = 60 * 60", "int", 3600),
        ("a = 2**-1", "float", 0.5),
    ],
)  # fmt: skip
def test_a_literal_assignment_is_a_typed_parameter(source: str, kind: str, default: Any) -> None:
    (found,) = pipeline_of(cell(source, "parameters"), cell("print(a)", "step:s")).parameters
    assert (found.type, found.default, type(found.default)) == (kind, default, type(default))


@pytest.mark.parametrize("source", ["a = (1, 2)", "a = {1: 2}", "import os\na = os.sep", "a = b = 1", "a = 9**9**9"])
def test_what_is_no_json_literal_is_shared_code(source: str) -> None:
    pipeline = pipeline_of(cell(source, "parameters"), cell("print(a)", "step:s"))
    assert pipeline.parameters == ()
    assert any("a" in r.code.source for r in next(pipeline.steps()).prepare if hasattr(r, "code"))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("float", "7", 7.0), ("int", " 7 ", 7), ("str", "007", "007"), ("bool", "Yes", True), ("bool", "off", False),
        ("list", "[1, 2]", [1, 2]), ("list", "['a']", ["a"]), ("dict", '{"k": 1}', {"k": 1}), ("any", "null", None),
        ("any", "None", None), ("any", "3", 3), ("any", "plain text", "plain text"), ("float", "nan", float("nan")),
    ],
)  # fmt: skip
def test_a_text_is_converted_to_the_parameters_type(kind: str, text: str, value: Any) -> None:
    found = bind(Pipeline("p", parameters=(Parameter("a", kind, None),)), {"a": text})["a"]
    assert (repr(found), type(found)) == (repr(value), type(value))


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [("int", "7.5", "whole number"), ("float", "seven", "not a number"), ("bool", "maybe", "neither true nor false"), ("list", "{}", "not a list"), ("dict", "[", "not a dict")],
)  # fmt: skip
def test_what_cannot_be_converted_is_refused(kind: str, text: str, words: str) -> None:
    with pytest.raises(NotebookError, match=words) as caught:
        bind(Pipeline("p", parameters=(Parameter("a", kind, None),)), {"a": text})
    assert caught.value.problems[0].code == "KF502"


def test_an_unknown_parameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(NotebookError, match="did you mean `rate`") as caught:
        bind(Pipeline("p", parameters=(Parameter("rate", "int", 1),)), {"rat": "2"})
    assert caught.value.problems[0].code == "KF501"
