"""Parameters: their types from the notebook, their values from a command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import build
from kfnb.pipeline.model import Parameter, Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from kfnb.pipeline.parameters.mark_placeholders import resolved
from kfnb.problems import NotebookError
from tests.notebooks import cell, notebook
from tests.running import Here, pipeline_of


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


def test_half_a_character_in_the_parameters_is_one_problem_of_their_cell() -> None:
    built = build(
        notebook_from_json(notebook(cell("a = 1\nb = 2  # \ud800", "parameters"), cell("print(a)", "step:x")))
    )
    assert [(p.code, p.cell, p.line) for p in built.problems] == [("KF104", 1, 2)]


def test_an_unknown_parameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(NotebookError, match="did you mean `rate`") as caught:
        bind(Pipeline("p", parameters=(Parameter("rate", "int", 1),)), {"rat": "2"})
    assert caught.value.problems[0].code == "KF501"


# -------------------------------------------------------------------- what a value may be
TYPES = """
import datetime as dt
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum, auto
from pathlib import Path
from typing import Annotated, Literal, Optional, Union
class Mode(Enum):
    FAST = "fast"
    EXACT = "exact"
class Level(Enum):
    LOW = auto()
    HIGH = auto()
Size = Literal["s", "m"]
"""


def declared(source: str) -> Parameter:
    (found,) = pipeline_of(cell(TYPES, "functions"), cell(source, "parameters"), cell("print(a)", "step:s")).parameters
    return found


@pytest.mark.parametrize(
    ("source", "texts", "values"),
    [
        ("a: Literal['x', 'y'] = 'x'", ["y"], ["y"]),
        ("a: Literal[1, 2, 'auto'] = 1", ["2", "auto"], [2, "auto"]),
        ("a: Size = 's'", ["m"], ["m"]),
        ("a: Mode = Mode.FAST", ["EXACT", "exact", "Mode.EXACT"], ["EXACT"] * 3),
        ("a = Mode('fast')", ["EXACT"], ["EXACT"]),
        ("a: Mode = 'fast'", ["exact"], ["exact"]),
        ("a = Level.LOW", ["HIGH"], ["HIGH"]),
        ("a: Optional[Mode] = None", ["FAST", "None"], ["FAST", None]),
        ("a: Annotated[int, Field(ge=1, le=10)] = 3", ["10"], [10]),
        ("a: Annotated[float, (0, 1)] = 0.5", ["1", "0"], [1.0, 0.0]),
        ("a: Optional[int] = None", ["7", "null"], [7, None]),
        ("a: int | None = 3", ["None"], [None]),
        ("a: Union[int, str] = 3", ["7", "seven"], [7, "seven"]),
        ("a: Optional[str] = None", ["7", "x"], ["7", "x"]),
        ("a: list[int] = [1]", ["[1, 2]", "1,2"], [[1, 2], [1, 2]]),
        ("a: dict[str, float] = {'k': 1}", ['{"k": 2}'], [{"k": 2.0}]),
        ("a: tuple[int, str] = (1, 'x')", ["(2, 'y')"], [[2, "y"]]),
        ("a = date(2024, 1, 2)", ["2024-02-29"], ["2024-02-29"]),
        ("a: date = '2024-01-02'", ["2024-02-29"], ["2024-02-29"]),
        ("a = dt.datetime(2024, 1, 2, 8)", ["2024-01-02 08:30", "2024-01-02T08:30Z"], ["2024-01-02T08:30:00", "2024-01-02T08:30:00+00:00"]),
        ("a = timedelta(hours=1)", ["90", "1h30m", "1 day, 2:00:00"], [90, 5400, 93600]),
        ("a = Decimal('0.1')", ["0.25"], ["0.25"]),
        ("a = Path('data') / 'x.csv'", ["y.csv"], ["y.csv"]),
        ("a: int = None", ["7", "None"], [7, None]),
        ("a = 'rf' #@param ['rf', 'svm']", ["svm"], ["svm"]),
        ("a = 1 #@param [1, 2] {type:'raw'}", ["2"], [2]),
        ("a = 'rf' #@param ['rf', 'svm'] {allow-input: true}", ["knn"], ["knn"]),
        ("a = 3 #@param {type:'slider', min:0, max:10, step:1}", ["10"], [10]),
        ("a = 0.1 #@param {type:'number'}", ["2"], [2.0]),
        ("a = '2024-01-02' #@param {type:'date'}", ["2024-02-29"], ["2024-02-29"]),
        ("a = 1  # float", ["2.5"], [2.5]),
        ("a: float = 1", ["1.0", "2"], [1, 2.0]),
    ],
)  # fmt: skip
def test_a_value_that_may_be_is_taken(source: str, texts: list[str], values: list[Any]) -> None:
    pipeline = Pipeline("p", parameters=(declared(source),))
    found = [bind(pipeline, {"a": t})["a"] for t in texts]
    assert [(v, type(v)) for v in found] == [(v, type(v)) for v in values]


@pytest.mark.parametrize(
    ("source", "text", "code", "words"),
    [
        ("a: Literal['x', 'y'] = 'x'", "z", "KF509", "`z` is none of its values: x, y"),
        ("a: Mode = Mode.FAST", "slow", "KF509", "`slow` is none of its values: FAST, EXACT"),
        ("a: Annotated[int, Interval(ge=1, le=10)] = 3", "11", "KF509", "`11` is not a whole number from 1 to 10"),
        ("a: Annotated[float, Gt(0)] = 3", "0", "KF509", "`0.0` is not a number above 0"),
        ("a: Annotated[float, annotated_types.Le(1)] = 1", "nan", "KF509", "of at most 1"),
        ("a: PositiveInt = 1", "0", "KF509", "above 0"),
        ("a: conint(ge=2) = 2", "1", "KF509", "of at least 2"),
        ("a: Annotated[str, StringConstraints(pattern='^v')] = 'v1'", "w", "KF509", "that matches ^v"),
        ("a: Annotated[list[int], Len(1, 2)] = [1]", "[]", "KF509", "from 1 to 2 elements"),
        ("a: int | None = 3", "x", "KF502", "`x` is not a whole number or None"),
        ("a: list[int] = [1]", "[1, 'x']", "KF502", "at [1]"),
        ("a: dict[str, int] = {}", '{"k": "x"}', "KF502", "at ['k']"),
        ("a: tuple[int, int] = (1, 2)", "[1]", "KF509", "a list of 2"),
        ("a = date(2024, 1, 2)", "2024-02-30", "KF502", "a date such as"),
        ("a = timedelta(1)", "soon", "KF502", "a duration such as"),
        ("a = Decimal(1)", "x", "KF502", "a decimal number"),
        ("a = 3 #@param {type:'slider', min:0, max:10}", "11", "KF509", "from 0 to 10"),
        ("a = 'rf' #@param ['rf', 'svm']", "knn", "KF509", "none of its values: rf, svm"),
    ],
)  # fmt: skip
def test_a_value_that_may_not_be_is_refused_with_what_it_may_be(source: str, text: str, code: str, words: str) -> None:
    with pytest.raises(NotebookError) as caught:
        bind(Pipeline("p", parameters=(declared(source),)), {"a": text})
    (problem,) = caught.value.problems
    assert problem.code == code and problem.message.startswith("parameter `a`: ") and words in problem.message


def test_a_default_that_may_not_be_is_an_error_and_one_of_another_type_a_warning() -> None:
    source = "a: Literal['x'] = 'y'\nb: Annotated[int, Ge(1)] = 0\nc: int = 0.5\nd = 11 #@param {type:'slider', min:0, max:10}"
    built = build(notebook_from_json(notebook(cell(source, "parameters"), cell("print(a, b, c, d)", "step:s"))))
    assert [(p.code, p.line) for p in built.problems] == [("KF510", 1), ("KF510", 2), ("KF511", 3), ("KF511", 4)]


def test_a_step_has_the_kind_of_object_that_the_notebook_makes(tmp_path: Path) -> None:
    here = Here(tmp_path)
    source = (
        "mode: Mode = Mode.FAST\nlevel: Optional[Level] = None\nday = date(2024, 1, 2)\nuntil: Optional[date] = None\n"
        "gap = timedelta(hours=1)\nrate: float = 1\nplace = Path('a') / 'b'\nshape: tuple[int, int] = (1, 2)\nprice = Decimal('0.10')"
    )
    shown = "print(mode, level, day, until, gap, rate, place / 'c', shape, price)\nlate = day > date(2024, 6, 1)"
    cells = [
        cell(TYPES, "functions"), cell(source, "parameters"), cell(shown, "step:s"),
        cell("print('after')", "step:t", "when:until is not None and until > day"),
    ]  # fmt: skip
    run = here.run(*cells)
    assert here.log(run, "s") == "Mode.FAST None 2024-01-02 None 1:00:00 1 a/b/c (1, 2) 0.10"
    given = {
        "mode": "exact",
        "level": "HIGH",
        "day": "2024-07-01",
        "until": "2024-08-01",
        "gap": "2d",
        "rate": "2",
        "shape": "[3, 4]",
    }
    run = here.run(*cells, given={**given, "place": "x", "price": "1.50"})
    assert here.log(run, "s") == "Mode.EXACT Level.HIGH 2024-07-01 2024-08-01 2 days, 0:00:00 2.0 x/c (3, 4) 1.50"
    assert here.log(run, "t") == "after"


# -------------------------------------------------------------------- parameters in marks
GIVEN = cell("version = '3.11'\naccount = 'team-a'\nIMAGE = 'python:3.11'\nxs = [1]\nnothing = None", "parameters")


def marked(*tags: str) -> Any:
    return build(notebook_from_json(notebook(GIVEN, cell("print(1)", "step:s", *tags))))


def test_a_parameter_in_a_mark_is_put_in() -> None:
    tags = [
        "image:python:{version}",
        "secret:{account}:key:TOKEN",
        "env:A=v{version}",
        'env:B={"a": 1}',
        "volume:{account}:/d",
        "package:x=={version}",
    ]
    built = marked(*tags, "label:team:{account}")
    assert built.problems == ()
    pipeline = resolved(built.pipeline, bind(built.pipeline, {"version": "3.12"}))
    (step,) = pipeline.steps()
    assert step.settings.to_json() == {
        "image": "python:3.12", "packages": ["x==3.12"], "env": [["A", "v3.12"], ["B", '{"a": 1}']],
        "secrets": [{"name": "team-a", "key": "key", "env": "TOKEN"}], "volumes": [{"claim": "team-a", "path": "/d"}],
        "labels": [["team", "team-a"]],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("image:$IMAGE", "KF208"), ("image:python:${version}", "KF208"), ("image:python:{{version}}", "KF208"), ("image:IMAGE", "KF208"),
        ("image:python:{nope}", "KF208"), ("secret:$account:key:TOKEN", "KF208"), ("secret:{name}:key:TOKEN", "KF208"),
        ("image:{xs}", "KF208"), ("env:A=$version", "KF208"), ("cpu:{version}", "KF201"), ("retry:{xs}", "KF201"), ("image:account", "KF209"),
    ],
)  # fmt: skip
def test_a_name_in_a_mark_that_is_not_put_in_is_told(tag: str, code: str) -> None:
    assert [p.code for p in marked(tag).problems] == [code]


@pytest.mark.parametrize(("tag", "given"), [("image:{IMAGE}", {"IMAGE": "no image"}), ("image:p:{nothing}", {})])
def test_a_value_that_makes_no_image_is_refused_before_the_run(tag: str, given: dict[str, str]) -> None:
    with pytest.raises(NotebookError) as caught:
        bind(marked(tag).pipeline, given)
    assert [p.code for p in caught.value.problems] == ["KF208"]
