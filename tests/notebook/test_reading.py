"""Reading notebooks: marks in every form, Kale's and papermill's words, headings, old and broken files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kfnb.notebook import notebook_from_json, parse_notebook, read_notebook
from kfnb.notebook.parsed_notebook import Foreach, Notebook
from kfnb.problems import NotebookError
from kfnb.step_settings import (
    Affinity,
    ConfigMapFiles,
    ConfigMapKey,
    Secret,
    SecretFiles,
    ShellOutput,
    Toleration,
    Volume,
)
from tests.notebooks import cell, markdown, notebook


def read(*cells: dict[str, Any], metadata: dict[str, Any] | None = None) -> Notebook:
    return notebook_from_json(notebook(*cells, metadata=metadata))


def codes(found: Notebook) -> list[str]:
    return [p.code for p in found.problems]


# -------------------------------------------------------------------- marks
MARKS = [
    ("after:b", "--after b", "after", ("b",)),
    ("when:x > 1", '--when "x > 1"', "when", "x > 1"),
    ("foreach:x in [1, 2]", '--foreach "x in [1, 2]"', "foreach", Foreach("x", "[1, 2]")),
    ("exit", "--exit", "exit", True),
    ("image:repo/name:tag", "--image repo/name:tag", "settings.image", "repo/name:tag"),
    ("package:pandas>=2", "--package pandas>=2", "settings.packages", ("pandas>=2",)),
    ("cpu:500m", "--cpu 500m", "settings.cpu", "500m"),
    ("memory:4Gi", "--memory 4Gi", "settings.memory", "4Gi"),
    ("gpu:1", "--gpu 1", "settings.gpu", 1),
    ("limit:nvidia.com/gpu:2", "--limit nvidia.com/gpu:2", "settings.limits", (("nvidia.com/gpu", "2"),)),
    ("retry:3", "--retry 3", "settings.retry", 3),
    ("timeout:1h30m", "--timeout=1h30m", "settings.timeout", 5400.0),
    ("cache:off", "--cache off", "settings.cache", False),
    ("env:K=V=W", "--env K=V=W", "settings.env", (("K", "V=W"),)),
    ("secret:db:password:DB_PASSWORD", "--secret db:password:DB_PASSWORD", "settings.secrets", (Secret("db", "password", "DB_PASSWORD"),)),
    ("volume:data:/mnt/data", "--volume data:/mnt/data", "settings.volumes", (Volume("data", "/mnt/data"),)),
    ("label:team:a:b", "--label team:a:b", "settings.labels", (("team", "a:b"),)),
    ("annotation:x/y:z", "--annotation x/y:z", "settings.annotations", (("x/y", "z"),)),
    ("node:disk=ssd", "--node disk=ssd", "settings.nodes", (("disk", "ssd"),)),
    ("secret:db:/etc/db", "--secret db:/etc/db", "settings.secret_files", (SecretFiles("db", "/etc/db"),)),
    ("config-map:app:level:LEVEL", "--config-map app:level:LEVEL", "settings.config_maps", (ConfigMapKey("app", "level", "LEVEL"),)),
    ("config-map:app:/etc/app", "--config-map app:/etc/app", "settings.config_map_files", (ConfigMapFiles("app", "/etc/app"),)),
    ("volume:data/raw:/mnt:ro", "--volume data/raw:/mnt:ro", "settings.volumes", (Volume("data", "/mnt", "raw", True),)),
    ("affinity:pod:app=db@zone", "--affinity pod:app=db@zone", "settings.affinity", (Affinity("pod", "app=db", "zone"),)),
    ("priority-class:batch", "--priority-class batch", "settings.priority_class", "batch"),
    ("service-account:a", "--service-account a", "settings.service_account", "a"),
    ("shm:1Gi", "--shm 1Gi", "settings.shared_memory", "1Gi"),
    ("ephemeral-storage:1Gi", "--ephemeral-storage 1Gi", "settings.ephemeral_storage", "1Gi"),
    ("image-pull-policy:Never", "--image-pull-policy Never", "settings.image_pull_policy", "Never"),
    ("pull-secret:mine", "--pull-secret mine", "settings.pull_secrets", ("mine",)),
    ("security-context:fsGroup=7", "--security-context fsGroup=7", "settings.security_context", (("fsGroup", "7"),)),
    ("toleration:gpu=yes:NoSchedule", "--toleration gpu=yes:NoSchedule", "settings.tolerations", (Toleration("gpu", "yes", "NoSchedule"),)),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "option", "field", "value"), MARKS)
def test_a_mark_says_the_same_as_tag_option_and_metadata(tag: str, option: str, field: str, value: Any) -> None:
    word, _, text = tag.partition(":")
    forms = [
        read(cell("x = 1", "step:a", tag)),
        read(cell(f"%%component a {option}\nx = 1")),
        read(cell("x = 1", metadata={"kfnb": {"step": "a", word: text or True}})),
    ]
    for found in forms:
        assert codes(found) == []
        (step,) = found.steps
        target: Any = step
        for part in field.split("."):
            target = getattr(target, part)
        assert target == value


def test_a_component_lines_body_keeps_its_own_line_numbers() -> None:
    (step,) = read(cell("%%component a --shell --output data=/tmp/r.txt --output '$log'\necho hi")).steps
    assert (step.cells[0].source, step.cells[0].line) == ("echo hi", 2)
    assert step.outputs == (ShellOutput("data", "/tmp/r.txt"), ShellOutput("log", None))


@pytest.mark.parametrize("role", ["parameters", "imports", "functions", "metrics", "skip"])
def test_a_roles_magic_says_the_same_as_its_tag(role: str) -> None:
    cells = [cell("1", "step:a"), cell("# Heading", "step:b")]
    tag, magic, both = (
        read(cell(source, *tags), *cells)
        for source, tags in (("\nx = 1", [role]), (f"%%{role}\nx = 1", []), (f"%%{role}\nx = 1", [role, "remove-cell"]))
    )
    assert magic.problems == both.problems == tag.problems == ()
    (a, b, c) = (found.cells[0] for found in (tag, magic, both))
    assert (b.role, b.metrics, b.source, b.line) == (a.role, a.metrics, "x = 1", 2)
    assert b == c and magic.steps == tag.steps


def test_a_roles_magic_alone_does_not_mark_steps() -> None:
    found = read(cell("%%parameters\nx = 1"), markdown("# One"), cell("y = x"), markdown("# Two"), cell("z = y"))
    assert [s.name for s in found.steps] == ["one", "two"]


def test_a_steps_numbers_may_stand_under_the_magic() -> None:
    (step,) = read(cell("%%metrics\nscore = 1", "step:a")).steps
    assert (step.name, step.cells[0].metrics, step.cells[0].line) == ("a", True, 2)


def test_cells_of_one_name_are_one_step_and_their_marks_add_up() -> None:
    (a, b) = read(cell("1", "step:a", "retry:2"), cell("2", "step:b"), cell("3", "step:a", "after:b", "env:K=V")).steps
    assert ([c.number for c in a.cells], a.after, a.settings.retry, a.settings.env) == (
        [1, 3],
        ("b",),
        2,
        (("K", "V"),),
    )
    assert [c.number for c in b.cells] == [2]


@pytest.mark.parametrize(
    ("cells", "code", "words"),
    [
        ([cell("1", "step:a", "retry:2"), cell("2", "step:a", "retry:3")], "KF203", "`retry` says `3` here and `2` in cell 1"),
        ([cell("1", "step:a", "parameters")], "KF203", "both step `a` and `parameters`"),
        ([cell("1", "imports", "functions")], "KF203", "both `imports` and `functions`"),
        ([cell("1", "setp:train")], "KF202", "did you mean `step:train`?"),
        ([cell("1", "step:a", "exti")], "KF202", "did you mean `exit`?"),
        ([cell("1", "step:load data")], "KF204", "`load-data`"),
        ([cell("1", "step:a", "retry:often")], "KF201", "whole number"),
        ([cell("1", "step:a", "memory:lots")], "KF201", "Kubernetes quantity"),
        ([cell("1", "step:a", "timeout:soon")], "KF201", "such as"),
        ([cell("1", "step:a", "when:x >")], "KF404", "not a Python expression"),
        ([cell("1", "step:a", "foreach:x of y")], "KF405", "VAR in EXPRESSION"),
        ([cell("1", "step:a", "exit:yes")], "KF201", "write `exit`"),
        ([cell("1", "after:b"), cell("2", "step:b")], "KF207", "add the tag `step:NAME`"),
        ([cell("%%component\n1")], "KF206", "needs the name of the step"),
        ([cell("%%component a --retyr 2\n1")], "KF206", "did you mean `--retry`?"),
        ([cell("%%component a --retry\n1")], "KF206", "needs a value"),
        ([cell("%%component a 'b\n1")], "KF206", "close the quotation marks"),
        ([cell("%%component a b\n1")], "KF206", "has an extra word"),
        ([cell("1", "step:a_b"), cell("2", "step:a-b")], "KF205", "same name on a cluster"),
        ([cell("1", metadata={"kfnb": {"stepp": "a"}})], "KF202", "did you mean `step`?"),
        ([cell("1", metadata={"kfnb": 3})], "KF201", "should be an object"),
        ([cell("%%imports\n1", "functions")], "KF203", "cell 1: error KF203: one cell cannot be both `functions` and `imports`"),
        ([cell("\n%%parameters\na = 1", "step:a")], "KF203", "cell 1:2: error KF203: a cell cannot be both step `a` and `parameters`"),
        ([cell("%%parameters --retry 2\na = 1")], "KF206", "cell 1:1: error KF206: `%%parameters` takes no options: `--retry 2`"),
        ([cell("%%paramters\na = 1"), cell("1", "step:a")], "KF202", "did you mean `%%parameters`?"),
        ([cell("%%componnet a\na = 1"), cell("1", "step:a")], "KF202", "did you mean `%%component`?"),
        ([cell("%%functions\n1", metadata={"kfnb": {"role": "skip"}})], "KF203", "`skip` and `functions`"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_mark_is_told(cells: list[Any], code: str, words: str) -> None:
    problems = read(*cells).problems
    assert [p for p in problems if p.code == code and words in str(p)], [str(p) for p in problems]
    assert all(p.cell for p in problems)


def test_foreign_tags_and_magics_are_left_alone() -> None:
    found = read(
        cell(
            "%%time\nx = 1",
            "step:a",
            "remove-cell",
            "hide-input",
            "slideshow",
            "nbval-skip",
            "raises-exception",
            "papermill-error",
        )
    )
    assert codes(found) == []


def test_the_notebooks_own_metadata() -> None:
    meta = {"kfnb": {"name": "n", "description": "d", "target": "prod", "defaults": {"retry": 2, "image": "i"}}}
    found = read(cell("1", "step:a"), cell("2", "step:b", "retry:5"), metadata=meta)
    assert (found.name, found.description, found.target) == ("n", "d", "prod")
    assert [(s.settings.retry, s.settings.image) for s in found.steps] == [(2, "i"), (5, "i")]


# -------------------------------------------------------------------- other conventions
def test_papermills_parameters_and_what_it_injects() -> None:
    assert [
        c.role
        for c in read(cell("a = 1", "parameters"), cell("a = 2", "injected-parameters"), cell("a", "step:s")).cells
    ] == ["parameters", "parameters", "step"]


@pytest.mark.parametrize("words", [("block", "prev"), ("step", "prev")])
def test_kales_notebooks_of_both_versions(words: tuple[str, str]) -> None:
    step, prev = words
    kale = {
        "kubeflow_notebook": {
            "pipeline_name": "titanic",
            "pipeline_description": "d",
            "docker_image": "img:1",
            "steps_defaults": ["label:a:b"],
        }
    }
    found = read(
        cell("import os", "imports"), cell("a = 1", "pipeline-parameters"), cell("x = a", f"{step}:load"), cell("x += 1"),
        cell("", f"{step}:"), cell("y = x", f"{step}:use", f"{prev}:load", "limit:cpu:1"), cell("print(y)", "pipeline-metrics"), metadata=kale,
    )  # fmt: skip
    assert (found.name, found.description) == ("titanic", "d")
    load, use = found.steps
    assert ([c.number for c in load.cells], use.after, use.settings.image, use.settings.labels) == (
        [3, 4, 5],
        ("load",),
        "img:1",
        (("a", "b"),),
    )
    assert [c.role for c in found.cells] == ["imports", "parameters", "step", "step", "step", "step", "metrics"]


def test_unmarked_cells_join_the_step_above_when_asked() -> None:
    found = read(cell("1"), cell("2", "step:a"), cell("3"), metadata={"kfnb": {"unmarked": "join"}})
    assert [c.step for c in found.cells] == [None, "a", "a"]


def test_without_marks_each_top_level_heading_begins_a_step() -> None:
    found = read(
        markdown("# My analysis"), cell("import os"), markdown("## Loading the data\ntext"), cell("a = 1"), cell("b = 2"),
        markdown("### a detail"), cell("c = 3"), markdown("Ergebnisse – größer\n---"), cell("d = 4"), markdown("```\n## no heading\n```"),
        cell("e = 5"), markdown("## 2. Loading the data"), cell("f = 6"), markdown("## Loading the data"), cell("g = 7"),
    )  # fmt: skip
    assert [(s.name, [c.number for c in s.cells]) for s in found.steps] == [
        ("loading-the-data", [2, 3, 4]), ("ergebnisse-groer", [5, 6]), ("step-2-loading-the-data", [7]), ("loading-the-data-2", [8]),
    ]  # fmt: skip
    assert found.cells[0].role == "unmarked"


# -------------------------------------------------------------------- files
def test_nbformat_3() -> None:
    sheet = [
        {"cell_type": "heading", "level": 1, "source": "One", "metadata": {}},
        {"cell_type": "code", "input": ["x = 1\n", "y = 2"], "language": "python", "metadata": {}},
    ]
    found = notebook_from_json({"nbformat": 3, "metadata": {"name": "old"}, "worksheets": [{"cells": sheet}]})
    assert (found.steps[0].name, found.cells[0].source) == ("one", "x = 1\ny = 2")


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "is empty"), ("   \n", "is empty"), ("{", "line 1, column 2"), ("[1, 2]", "no cells"), ('{"cells": 3}', "not a list"), ('{"a": 1}', "no cells"), ('{\n<<<<<<< HEAD\n"cells": []}', "conflict markers")],
)  # fmt: skip
def test_what_is_no_notebook_is_refused(text: str, words: str) -> None:
    with pytest.raises(NotebookError) as caught:
        parse_notebook(text, "bad.ipynb")
    assert caught.value.problems[0].code == "KF101"
    assert words in str(caught.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "no.ipynb", "No such file"), (tmp_path, "is a folder")):
        with pytest.raises(NotebookError, match=words):
            read_notebook(path)
    binary = tmp_path / "b.ipynb"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotebookError, match="UTF-8"):
        read_notebook(binary)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "bom.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(notebook(cell("x = 1", "step:a"))).encode())
    assert read_notebook(path).steps[0].name == "a"


def test_broken_fields_are_repaired_with_a_warning_and_the_rest_is_read() -> None:
    data = notebook(cell("x = 1", "step:a"))
    data["cells"] += [
        {"cell_type": "code", "metadata": None, "source": 3},
        "no cell",
        {"cell_type": "strange"},
        {"cell_type": "code", "metadata": {"tags": "step:b"}, "source": "y"},
    ]
    data["metadata"] = []
    found = notebook_from_json(data)
    assert set(codes(found)) == {"KF102"}
    assert [s.name for s in found.steps] == ["a"]


def test_other_languages_are_left_alone_with_a_warning() -> None:
    r = {"kernelspec": {"name": "ir", "language": "R"}, "language_info": {"name": "R"}}
    found = read(cell("x <- 1", "step:a"), metadata=r)
    assert (codes(found), found.steps) == (["KF103"], ())
    mixed = read(cell("%%R\nx <- 1"), cell("x = 1", "step:a"))
    assert (codes(mixed), [s.name for s in mixed.steps]) == (["KF103"], ["a"])


def test_reading_executes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "made"
    read(cell(f"open({str(target)!r}, 'w')", "step:a", f"when:open({str(target)!r}, 'w')"))
    assert not target.exists()


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["cells", "metadata", "cell_type", "source", "tags", "kfnb", "step", "code", "kernelspec"]) | st.text(max_size=4), inner, max_size=4), max_leaves=12)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["cells", "metadata", "worksheets", "nbformat"]), JSON | st.lists(st.fixed_dictionaries({"cell_type": st.just("code"), "source": JSON, "metadata": JSON}), max_size=3), max_size=3))  # fmt: skip
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_json_gives_a_notebook_or_a_refusal(data: Any) -> None:
    try:
        assert isinstance(notebook_from_json(data), Notebook)
    except NotebookError as error:
        assert error.problems
