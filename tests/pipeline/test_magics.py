"""What the plan knows of magics: the names they read and bind, the files they write and run, and what is said before a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import Built, build
from tests.notebooks import cell, markdown, notebook


def plan(*sources: str | dict[str, Any], folder: Path | None = None) -> Built:
    """The plan of a notebook with a step per source: a, b, c."""
    cells = [s if isinstance(s, dict) else cell(s, f"step:{n}") for s, n in zip(sources, "abcdef", strict=False)]
    return build(notebook_from_json(notebook(*cells), folder=folder))


def handed_on(built: Built) -> dict[str, list[str]]:
    assert built.pipeline is not None, "\n".join(map(str, built.problems))
    return {step.name: sorted(i.name for i in step.inputs) for step in built.pipeline.steps() if step.inputs}


def codes(built: Built) -> list[tuple[str, int | None]]:
    return [(p.code, p.cell) for p in built.problems]


#: Steps a and b (and c), and what b (and c) get.
READS: dict[str, tuple[list[str], dict[str, list[str]]]] = {
    "the code of %timeit": (["x = 3\nk = 1\ndef f():\n    return k", "%timeit -n 2 f() + x"], {"b": ["f", "k", "x"]}),
    "set-up and body of %%timeit": (["x = 3\ny = 2", "%%timeit -q z = x\nz + y"], {"b": ["x", "y"]}),
    "what %timeit binds is its own": (["x = 1", "%%timeit -n1 -r1\nx = 2", "print(x)"], {"c": ["x"]}),
    "the statement of %time": (["x = 1", "%time y = x + 1", "print(y)"], {"b": ["x"], "c": ["y"]}),
    "the statement of %prun": (["x = 1", "%prun -q y = x", "print(y)"], {"b": ["x"], "c": ["y"]}),
    "expanded names of a line magic": (["v = 'd'\nw = [1]", "%cd -q {w[0]}/$v"], {"b": ["v", "w"]}),
    "names in a command": (["v = 'd'", "!echo $v ${HOME} $$v"], {"b": ["v"]}),
    "the line of a script": (["v = 'd'", '%%bash -s "$v" two\necho $1'], {"b": ["v"]}),
    "not its body": (["v = 'd'", "%%bash\necho $v {v}"], {}),
    "names that a script gives": (["%%bash --out o --err=e\nls", "print(o, e)"], {"b": ["e", "o"]}),
    "the name of %%capture": (["%%capture --no-stderr c\nprint(1)", "c.show()"], {"b": ["c"]}),
    "the name of %timeit -v and %sc": (["%timeit -n1 -v r 1\n%sc l=ls", "print(r, l)"], {"b": ["l", "r"]}),
    "a program that a cell writes": (["%%writefile w.py\ndef g(x):\n    return x + K\nK = 1", "%run w.py\nv = g(1)", "print(v, g)"], {"c": ["K", "g", "v"]}),
    "an automagic": (["%%file w.py\nK = 1", "run w.py", "print(K)"], {"c": ["K"]}),
    "which a bound name is not": (["ls = 3\nl = 1", "ls -l"], {"b": ["l", "ls"]}),
    "a name that %xdel leaves": (["x = 1\ny = 2", "%xdel x", "print(y)"], {"b": ["x"], "c": ["y"]}),
    "names in an extension's language": (["%load_ext sql\ndf = 1", "%%sql out <<\nselect * from df", "print(out)"], {"b": ["df"], "c": ["out"]}),
    "what an earlier cell has shown": (["40 + 2", "[1]", "print(_, Out[1], _2)"], {"c": ["_", "_1", "_2"]}),
    "which may be nothing": (["40 + 2", "print('x')", "print(_)"], {"b": ["_"], "c": ["_"]}),
    "the shell in a variable": (["ip = get_ipython()\nip.push({'p': 1})\nv = 2", "print(p)\nget_ipython().system('echo $v')"], {"b": ["p", "v"]}),
    "a cell that may have raised": (["x = 1", cell("x = 2\n1 / 0", "step:b", "raises-exception"), "print(x)"], {"b": ["x"], "c": ["x"]}),  # type: ignore[list-item]
}  # fmt: skip


@pytest.mark.parametrize("case", READS)
def test_steps_get_the_names_in_magics(case: str) -> None:
    sources, wanted = READS[case]
    assert handed_on(plan(*sources)) == wanted


def test_a_program_beside_the_notebook_is_read_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "tool.py").write_text("import nowhere\ndef area(r):\n    return r * PI\nPI = 3\n")
    other = notebook(cell("q = 5"), markdown("# text"), cell("%time w = q"))
    (tmp_path / "other.ipynb").write_text(json.dumps(other))
    built = plan("%run tool.py 1 2\nv = area(1)", "%run -i other", "%run other.ipynb", "print(v, w)", folder=tmp_path)
    (unread,) = [p for p in built.problems if p.code == "KF110"]
    assert handed_on(built) == {"d": ["v", "w"]} and unread.cell == 2
    assert "`%run other.py` runs a file that does not exist yet" in unread.message
    unknown = plan("%run later.py\nprint(zz)", "print(zz)", folder=tmp_path)
    assert {("KF110", 1), ("KF301", 2)} <= set(codes(unknown)), "only the step that runs it can have its names"


def test_steps_stand_after_the_cell_that_writes_their_program() -> None:
    built = plan("%%file h.py\nq = 3", "import h\nprint(h.q)", "%run h.py\nprint(q)")
    assert built.pipeline is not None
    assert {(e.source, e.to) for e in built.pipeline.edges} >= {("a", "b"), ("a", "c")}


def test_what_sets_something_up_is_done_again_in_later_steps() -> None:
    built = plan(
        "v = 1\n%precision 3\n%load_ext autotime\n%alias hey echo\n%matplotlib inline\n%who\n%config A.b = $v",
        "3.14159",
    )
    assert built.pipeline is not None
    step = next(s for s in built.pipeline.steps() if s.name == "b")
    again = [p.code.source.split("magic(")[1] for p in step.prepare if hasattr(p, "code")]
    assert again == ["'precision', '3')", "'load_ext', 'autotime')", "'alias', 'hey echo')", "'config', 'A.b = $v')"]
    assert [i.name for i in step.inputs] == ["v"]


@pytest.mark.parametrize(
    ("source", "code"),
    [("%store x", "KF108"), ("%rerun 1", "KF108"), ("%debug", "KF109"), ("%load x.py", "KF109"), ("%lprun f()", "KF105"), ("%%foo\nx", "KF105"), ("Out[7]", "KF111"), ("_ + 1", "KF111"), ("In[1]", "KF111")],
)  # fmt: skip
def test_what_a_step_cannot_do_is_said_before_the_run(source: str, code: str) -> None:
    found = [p for p in plan("x = 1", source).problems if p.code != "KF305"]
    assert [(p.code, p.cell) for p in found] == [(code, 2)]
    assert found[0].hint or code == "KF109"


def test_an_extension_that_a_cell_loads_may_bring_any_magic() -> None:
    assert codes(plan("%load_ext watermark", "%watermark -v")) == []


def test_a_name_that_reset_takes_away_is_missed_before_the_run() -> None:
    assert codes(plan("x = 1", "%reset -f", "print(x)")) == [("KF303", 3)]
    assert codes(plan("x = 1\ny = 2", "%reset_selective -f ^x", "print(y)")) == []
