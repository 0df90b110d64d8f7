"""What no graph can express is refused with cell, line, construct, and what to write instead."""

from __future__ import annotations

import pytest

from tests.program.cells import read

#: The cell's code, the line refused (the cell's own), the code, and words of the message and the way out.
CATALOGUE = {
    "while": ("x = number(1)\nwhile x:\n    show(x)", 3, "KF601", ["`while`", "`for` over a list"]),
    "with": ("with open('f') as f:\n    show(f)", 2, "KF601", ["`with`", "inside one component"]),
    "function": ("def f():\n    pass", 2, "KF601", ["defined here", "cell before"]),
    "class": ("class A:\n    pass", 2, "KF601", ["defined here", "cell before"]),
    "star over an output": ("x = anything([1])\nshow(*x)", 3, "KF601", ["`*`", "one by one"]),
    "double star over an output": ("x = anything({})\nshow(**x)", 3, "KF601", ["`**`", "one by one"]),
    "change of an output": ("x = anything([1])\nx.append(2)", 3, "KF606", ["`x`", "own copy", "[*x"]),
    "item of an output": ("x = anything([1])\nx[0] = 2", 3, "KF606", ["`x`", "own copy"]),
    "adding to an output": ("x = anything([1])\nx += [2]", 3, "KF606", ["`x`", "own copy"]),
    "recursion": ("p()", 2, "KF601", ["calls itself", "inside a component"]),
    "return in a loop": ("for i in [1, 2]:\n    return i", 3, "KF601", ["`return` in a loop", "`.append`"]),
    "return": ("return 1", 2, "KF601", ["`return`", "results"]),
    "break": ("for i in [1, 2]:\n    number(i)\n    break", 4, "KF601", ["`break`", "`if`"]),
    "continue": ("for i in [1, 2]:\n    continue", 3, "KF601", ["`continue`", "under an `if`"]),
    "loop else": ("for i in [1]:\n    number(i)\nelse:\n    number(2)", 5, "KF601", ["`else` of a loop"]),
    "except": ("try:\n    number(1)\nexcept ValueError:\n    number(2)", 4, "KF601", ["`except`", "try/finally"]),
    "raise": ("raise ValueError()", 2, "KF601", ["`raise`", "a component that raises"]),
    "assert": ("assert 1", 2, "KF601", ["`assert`", "inside a component"]),
    "global": ("global x", 2, "KF601", ["`global`", "argument"]),
    "del": ("x = number(1)\ndel x", 3, "KF601", ["`del`"]),
    "match": ("x = number(1)\nmatch x:\n    case 1:\n        show(1)", 3, "KF601", ["`match`", "if/elif/else"]),
    "walrus": ("if (n := number(1)) > 2:\n    show(n)", 2, "KF601", ["`:=`", "line of its own"]),
    "import": ("import os", 2, "KF601", ["`import`", "cell before"]),
    "late call": ("x = number(1)\nif x > 1 or number(2) > 1:\n    show(1)", 3, "KF601", ["`or`", "before"]),
    "lambda": ("f = lambda: number(1)", 2, "KF601", ["`lambda`"]),
    "generator": ("x = sum(number(i) for i in [1, 2])", 2, "KF601", ["generator", "list"]),
    "carried": ("x = 0\nfor i in [1, 2]:\n    x = add(x, i)", 4, "KF605", ["`x`", "side by side", "`.append`"]),
    "no component": ("print('hello')", 2, "KF602", ["`print`", "not a component", "component(print)"]),
    "alone": ("x = number(1)\nx + 1", 3, "KF602", ["does nothing"]),
    "unknown name": ("show(nmber)", 2, "KF301", ["`nmber`", "number"]),
    "unknown in the handler": ("try:\n    x = number(1)\nfinally:\n    show(x)", 5, "KF307", ["`x`", "before `try`"]),
    "too many arguments": ("number(1, 2)", 2, "KF604", ["1 argument", "passes 2", "number(n: int)"]),
    "missing argument": ("add(1)", 2, "KF604", ["`b`"]),
    "unknown argument": ("add(1, c=2)", 2, "KF604", ["`c`", "add(a: float, b: float)"]),
    "argument twice": ("add(1, a=2, b=3)", 2, "KF604", ["`a` of `add` twice"]),
    "kfp's output": ("x = number(1)\nshow(x.output)", 3, "KF601", ["`.output`", "the name alone"]),
    "rebound component": ("number = number(1)", 2, "KF609", ["`number`", "another name"]),
    "attribute target": ("x.y = number(1)", 2, "KF601", ["target", "a name"]),
    "empty": ("x = 1", 1, "KF107", ["no step"]),
}


@pytest.mark.parametrize("what", CATALOGUE)
def test_it_is_refused_with_its_line_and_the_way_out(what: str) -> None:
    body, line, code, words = CATALOGUE[what]
    built = read(body)
    assert built.pipeline is None
    found = [p for p in built.problems if p.severity == "error"]
    assert [(p.cell, p.line, p.code) for p in found] == [(2, line, code)], [str(p) for p in found]
    for word in words:
        assert word in f"{found[0].message} {found[0].hint}", str(found[0])


def test_every_statement_that_is_wrong_is_told_at_once() -> None:
    built = read("while 1:\n    pass\nnumber(1, 2)\nshow(nobody)")
    assert [(p.code, p.line) for p in built.problems] == [("KF601", 2), ("KF604", 4), ("KF301", 5)]


def test_what_may_be_unbound_is_warned_of() -> None:
    built = read("n = number(1)\nif n > 0:\n    x = number(2)\nshow(x)")
    assert built.pipeline is not None
    assert [(p.code, p.line, p.severity) for p in built.problems] == [("KF607", 5, "warning")]


def test_a_wrong_type_is_warned_of() -> None:
    built = read("number('three')")
    assert [(p.code, p.severity) for p in built.problems] == [("KF608", "warning")]


@pytest.mark.parametrize(
    ("line", "code", "word"),
    [("", "KF206", "name"), ("9x", "KF204", "9x"), ("p --nope", "KF206", "--nope"), ("p --description", "KF206", "needs a value"),
     ("p(a)", "KF206", "no default"), ("p(a: int = f())", "KF503", "cannot be a parameter")],
)  # fmt: skip
def test_a_line_that_cannot_be_read_says_why(line: str, code: str, word: str) -> None:
    from kfnb.notebook import notebook_from_json
    from kfnb.pipeline.build.build_pipeline import build
    from tests.notebooks import cell, notebook
    from tests.program.cells import COMPONENTS

    built = build(notebook_from_json(notebook(cell(COMPONENTS), cell(f"%%pipeline {line}\nnumber(1)"))))
    found = [p for p in built.problems if p.code == code]
    assert found and word in str(found[0]), [str(p) for p in built.problems]


def test_a_definition_that_cannot_be_read_says_why() -> None:
    before = "from kfnb import component\nimport os\n@component(image=os.environ['I'], cpu='lots', colour='red')\ndef f():\n    pass"
    built = read("f()", before=before)
    assert [p.code for p in built.problems if p.severity == "error"] == ["KF603"] * 3
