"""Notebooks that are text: their cells, marks and metadata, and that lines in messages are lines of the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kfnb.notebook import read_notebook
from kfnb.notebook.formats import notebook_file
from kfnb.notebook.notebook_source import source_of
from kfnb.pipeline.build.build_from_source import build_source
from kfnb.pipeline.build.build_pipeline import Built
from kfnb.pipeline.drawing.explain_pipeline import describe
from kfnb.problems import NotebookError, Problem
from tests.notebook.texts import PERCENT, TEXTS


def built(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Built:
    (folder / name).write_bytes(text.encode(encoding))
    return build_source(source_of(folder / name))


def problems(folder: Path, name: str, text: str, encoding: str = "utf-8") -> list[Problem]:
    return list(built(folder, name, text, encoding).problems)


@pytest.mark.parametrize("name", TEXTS)
def test_every_form_gives_its_steps_and_the_lines_of_its_file(name: str, tmp_path: Path) -> None:
    text, steps = TEXTS[name]
    whole = text.replace("print(lost)", "print()")
    made = built(tmp_path, name, whole)
    assert made.pipeline is not None, made.problems
    assert tuple(s.name for s in made.pipeline.steps()) == steps
    assert ("lost", text.split("print(lost)")[0].count("\n") + 1) in [
        (p.name, p.line) for p in problems(tmp_path, name, text)
    ]
    for number, source in read_notebook(tmp_path / name).sources:
        shown = [line.strip() for line in source.split("\n") if line.strip() and not line.startswith(("%", "%%"))]
        assert shown == [text.split("\n")[n].strip() for n, line in enumerate(source.split("\n")) if line.strip() and not line.startswith("%")], number  # fmt: skip


def test_front_matter_names_the_pipeline(tmp_path: Path) -> None:
    named = {name: built(tmp_path, name, TEXTS[name][0].replace("lost", "0")).pipeline for name in ("percent.py", "markdown.md", "myst.md", "quarto.qmd")}  # fmt: skip
    assert [p.name for p in named.values() if p is not None] == ["trainer", "from-md", "mysty", "quarto-one"]


TAGS = '["step:a", "foreach:x in [1, 2]"]'


@pytest.mark.parametrize(
    ("name", "text"),
    {
        "percent.py": f"# %% tags={TAGS}\nprint(x, 'a, b')\n",
        "light.py": f"# + tags={TAGS}\nprint(x, 'a, b')\n# -\n",
        "markdown.md": f"```python tags={TAGS}\nprint(x, 'a, b')\n```\n",
        "myst.md": f"```{{code-cell}} ipython3\n:tags: {TAGS}\n\nprint(x, 'a, b')\n```\n",
        "myst-block.md": f"```{{code-cell}} ipython3\n---\ntags: {TAGS}\n---\nprint(x, 'a, b')\n```\n",
        "quarto.qmd": f"```{{python}}\n#| tags: {TAGS}\nprint(x, 'a, b')\n```\n",
    }.items(),
)
def test_a_tag_may_hold_a_comma(name: str, text: str, tmp_path: Path) -> None:
    result = built(tmp_path, name, text)
    assert result.pipeline is not None, result.problems
    (step,) = result.pipeline.steps()
    assert describe(result)["steps"][0]["foreach"] == "x in [1, 2]"
    assert step.cells[0].source == "print(x, 'a, b')"


LINES = """\
# %% tags=["setp:a"]
x = 1
# %% tags=["step:b", "cpu:lots"]
y = x
# %%
# %%component c --nope
z = (1,
     2
# %%
# %%pipeline p(a: int = 1
w = 1
# %%
#%%component d

return 5
"""


def test_marks_magics_and_syntax_errors_are_told_with_the_file_s_lines(tmp_path: Path) -> None:
    (tmp_path / "lines.py").write_text(LINES)
    found = build_source(source_of(tmp_path / "lines.py"), "lines").problems
    assert {(p.code, p.cell, p.line) for p in found if p.code != "KF207"} >= {
        ("KF202", 1, 2), ("KF201", 2, 4), ("KF206", 3, 6), ("KF104", 3, 7), ("KF104", 5, 15),
    }  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-8"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_line_ends_change_no_line(end: str, encoding: str, tmp_path: Path) -> None:
    text = f'# -*- coding: {encoding.removesuffix("-sig")} -*-\n# %% tags=["step:a"]\nif 1:\n\tx = "é\f"\n\n# %% tags=["step:b"]\nprint(x, lost)\n'
    found = problems(tmp_path, "odd.py", text.replace("\n", end), encoding)
    assert [(p.name, p.cell, p.line) for p in found if p.code == "KF301"] == [
        ("lost", 2 + (encoding != "x" and text.startswith("# -*-")), 7)
    ]


def test_a_script_without_cells_is_one_step_and_says_so(tmp_path: Path) -> None:
    made = built(tmp_path, "script.py", "import sys\nx = 1\nprint(x)\n")
    assert made.pipeline is not None and [s.name for s in made.pipeline.steps()] == ["start"]
    assert [p.code for p in made.problems] == ["KF114"]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("notes.txt", b"hi", "is a text file"), ("t.csv", b"a,b", "is a table"), ("x.pdf", b"%PDF-1.4\n\0", "is a PDF"), ("a.R", b"x <- 1", "is R"),
        ("lfs.ipynb", b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git LFS"), ("page.ipynb", b"<!DOCTYPE html>", "web page"),
        ("binary", b"\x89PNG\0\0", "not text in UTF-8"), ("empty.py", b" \n", "is empty"), ("nul.py", b"x = 1\0", "is not text"), ("bad.py", b"x = '\xff'", "UTF-8"),
        ("cookie.py", b"# coding: nonsense\nx = 1", "unknown encoding"), ("prose.ipynb", b"hello", "is not a notebook"),
    ],
)  # fmt: skip
def test_what_is_no_notebook_is_called_what_it_is(name: str, data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(NotebookError) as refused:
        notebook_file.load(tmp_path / name)
    (problem,) = refused.value.problems
    assert problem.code == "KF101" and words in problem.message


def test_a_notebook_that_a_front_end_made_of_a_script_has_its_marks_too(tmp_path: Path) -> None:
    source = "# %%component load\nx = 1"
    data = {"cells": [{"cell_type": "code", "source": source, "metadata": {}}], "metadata": {}, "nbformat": 4}
    (tmp_path / "plain.ipynb").write_text(json.dumps(data))
    assert [s.name for s in files_steps(data, "train.py")] == ["load"]
    assert [s.name for s in files_steps(data, "train.ipynb")] == [], "in a notebook it is a comment"


def files_steps(data: dict[str, object], path: str) -> tuple[object, ...]:
    from kfnb.notebook import notebook_from_json

    return tuple(s for s in notebook_from_json(data, path).steps if s.name == "load")


def test_what_is_opened_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """jupytext's settings beside the file may be Python, and marimo's files are Python themselves."""
    monkeypatch.chdir(tmp_path)
    trap = "open('trapped', 'w')"
    for name in ("jupytext.py", ".jupytext.py", "jupytext_config.py", "marimo.py", "yaml.py"):
        (tmp_path / name).write_text(trap)
    problems(tmp_path, "b.qmd", TEXTS["quarto.qmd"][0])
    problems(tmp_path, "c.py", TEXTS["marimo.py"][0])
    problems(tmp_path, "d.py", PERCENT)
    assert not (tmp_path / "trapped").exists()
