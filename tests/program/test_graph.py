"""What a pipeline cell becomes: steps, references, conditions, loops, guards, parameters, settings."""

from __future__ import annotations

from kfnb.pipeline.drawing import explain_pipeline
from kfnb.pipeline.model import (
    Compare,
    Condition,
    Constant,
    ExportRef,
    Guard,
    Input,
    Loop,
    Merge,
    OutputRef,
    ParameterRef,
    Step,
    Truth,
)
from tests.program.cells import names, pipeline, read


def step(made, name: str) -> Step:  # type: ignore[no-untyped-def]
    return next(s for s in made.steps() if s.name == name)


def refs(made, name: str) -> dict[str, object]:  # type: ignore[no-untyped-def]
    return {i.name: i.ref for i in step(made, name).inputs}


def test_a_call_is_a_step_and_an_assignment_its_output() -> None:
    made = pipeline(
        "x = add(a, 4)\ny = add(a, b)\nz = add(x, y)", "calc(a: float = 0, b: float = 7) --description 'Sums'"
    )
    assert (made.name, made.description, names(made)) == ("calc", "Sums", ["add", "add-2", "add-3"])
    assert [(p.name, p.type, p.default) for p in made.parameters] == [("a", "float", 0.0), ("b", "float", 7.0)]
    assert refs(made, "add") == {"a": ParameterRef("a")}
    assert refs(made, "add-3") == {"x": OutputRef("add", "x"), "y": OutputRef("add-2", "y")}
    assert [(e.source, e.to) for e in made.edges] == [("add", "add-3"), ("add-2", "add-3")]


def test_typed_assignments_at_the_top_are_parameters_and_the_docstring_is_the_description() -> None:
    made = pipeline('"Adds up."\nlimit: int = 3\nx = number(limit)\nlimit = 9\nnumber(limit)')
    assert (made.description, [(p.name, p.default) for p in made.parameters]) == ("Adds up.", [("limit", 3)])
    assert refs(made, "number-2") == {"limit": Constant(9)}


def test_a_condition_over_typed_values_is_compared_by_the_engine() -> None:
    made = pipeline(
        "n = number(3)\nif 1 < n < 5 and not n == 4:\n    show('in')\nelif n > 9:\n    show('high')\nelse:\n    show('out')"
    )
    node = made.body[1]
    assert isinstance(node, Condition) and len(node.branches) == 3
    assert node.branches[1].when == Compare(ExportRef("number", "n"), ">", Constant(9))
    assert names(made) == ["number", "show", "show-2", "show-3"]


def test_a_condition_over_names_of_one_step_adds_no_step_and_over_several_one() -> None:
    one = read("n = anything(3)\nif big(n) and n != 9:\n    show(n)")
    assert one.pipeline is not None and names(one.pipeline) == ["anything", "show"]
    node = one.pipeline.body[1]
    assert isinstance(node, Condition) and node.branches[0].when == Truth(ExportRef("anything", "if"))
    assert "no extra step" in explain_pipeline.why(one, "show") and "no extra step" in explain_pipeline.why(
        one, "anything"
    )
    two = read("n = anything(3)\nm = anything(4)\nif big(n + m):\n    show(n)")
    assert two.pipeline is not None and names(two.pipeline) == ["anything", "anything-2", "decide", "show"]
    assert "do not come from one step alone" in explain_pipeline.why(two, "decide")


def test_a_name_bound_in_both_branches_is_merged() -> None:
    made = pipeline("n = number(3)\nif n > 5:\n    x = add(n, 1)\nelse:\n    x = add(n, 2)\nshow(x)")
    assert refs(made, "show") == {"x": Merge((OutputRef("add-2", "x"), OutputRef("add", "x")))}


def test_expressions_over_outputs_are_worked_out_in_the_step_that_needs_them() -> None:
    made = pipeline('n = number(3)\ntext = "n is %s" % n\nshow(text, f"{n:03}", n * 2 + 1)')
    assert names(made) == ["number", "show"]
    assert refs(made, "show") == {"n": OutputRef("number", "n")}


def test_what_a_helper_gives_is_worked_out_once_for_all_its_readers() -> None:
    made = pipeline("n = number(3)\nx = big(n)\nshow(x)\nshow(x)")
    assert names(made) == ["number", "x", "show", "show-2"]
    assert refs(made, "show") == refs(made, "show-2") == {"x": OutputRef("x", "x")}


def test_calls_inside_calls_and_expressions_are_steps_of_their_own() -> None:
    made = pipeline("x = add(number(1), number(2)) + number(3)\nshow(x)")
    assert names(made) == ["number", "number-2", "add", "number-3", "show"]


def test_a_loop_over_a_literal_and_over_an_output() -> None:
    made = pipeline("for w in ['a', 'b']:\n    anything(w)\nxs = anything([1, 2])\nfor x in xs:\n    show(x)")
    first, _, second = made.body
    assert isinstance(first, Loop) and first.items == Constant(["a", "b"])
    assert isinstance(second, Loop) and second.items == ExportRef("anything-2", "for-2")


def test_try_and_finally_are_a_guard_at_any_depth() -> None:
    made = pipeline(
        "try:\n    for i in [1, 2]:\n        try:\n            number(i)\n        finally:\n            show(i)\nfinally:\n    show('end', kfnb_status)"
    )
    (outer,) = made.body
    assert isinstance(outer, Guard) and [s.name for s in outer.handler if isinstance(s, Step)] == ["show-2"]
    loop = outer.body[0]
    assert isinstance(loop, Loop) and isinstance(loop.body[0], Guard)


def test_after_orders_without_a_value() -> None:
    made = pipeline("x = number(1)\ny = number(2)\ny.after(x)\nshow(1).after(x, y)")
    assert (step(made, "number-2").after, step(made, "show").after) == (("number",), ("number", "number-2"))


def test_settings_name_and_description_come_from_the_definition() -> None:
    made = pipeline("y = train(1)\nnumber(2)\necho('hi')")
    trained = step(made, "train-it")
    assert (trained.component, trained.description) == ("train-it", "Trains.")
    told = trained.settings
    assert (told.image, told.packages, told.cpu, told.memory, told.retry, told.timeout, told.cache) == ("python:3.11", ("numpy>=1",), "2", "4Gi", 2, 1800.0, True)  # fmt: skip
    assert (told.env, told.secrets[0].env, told.volumes[0].path) == ((("A", "b"),), "TOKEN", "/data")
    assert step(made, "number").description == "Gives its number. And no more."
    container = step(made, "echo")
    assert container.command is not None and container.command.command == ("sh", "-c")
    assert container.inputs == (Input("text", Constant("hi")),)


def test_several_pipelines_in_one_notebook_are_chosen_by_name() -> None:
    from kfnb.notebook import notebook_from_json
    from kfnb.pipeline.build.build_pipeline import build
    from tests.notebooks import cell, notebook
    from tests.program.cells import COMPONENTS

    data = notebook_from_json(
        notebook(cell(COMPONENTS), cell("%%pipeline one\nnumber(1)"), cell("%%pipeline two\nshow(1)\nshow(2)"))
    )
    assert [p.code for p in build(data).problems] == ["KF407"]
    one, two = build(data, "one").pipeline, build(data, "two").pipeline
    assert one is not None and two is not None and (names(one), names(two)) == (["number"], ["show", "show-2"])


def test_a_condition_over_a_name_of_a_branch_is_not_answered_by_a_step_of_that_branch() -> None:
    """The branch may not be taken, and the condition is to be answered all the same."""
    body = (
        "a: int = 5\nn = a\nif 3 < n < 7:\n    show(a)\nelse:\n    if a != a:\n        show(a)\n    else:\n        n = make(2)\n"
        "    a = n\nif a > 4:\n    n = make(n)\nshow(n)"
    )
    before = "from kfnb import component\n@component\ndef make(n: int) -> int:\n    return n + 1\n@component\ndef show(n):\n    print(n)"
    found = read(body, before=before).pipeline
    assert found is not None
    (asked,) = [b.when for c in found.body if isinstance(c, Condition) and c.name == "if-3" for b in c.branches]
    assert asked == Truth(ExportRef("decide-3", "value"))


def test_a_cell_that_is_read_again_gives_the_same_pipeline() -> None:
    body = "for i in [1, 2]:\n    t = anything(anything(0))\nu = anything(1)\n"
    assert read(body) == read(body)
    assert read(body).pipeline is not None
