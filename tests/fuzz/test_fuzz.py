"""Spoilt notebooks, marks and settings: whatever the input, kfnb answers in its own words, and soon.

``KFNB_FUZZ=10000`` tries ten thousand notebooks and two thousand marks, cells and settings files, as a night's run does;
``KFNB_FUZZ_SEED`` begins at another one. A failure names its seed, and ``KFNB_FUZZ=1 KFNB_FUZZ_SEED=…`` tries that one alone.
"""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.lowering.manifest_files import as_yaml
from kfnb.engines.cluster.targets.targets import BadTarget, options_of, target_named, targets
from kfnb.notebook import notebook_from_json, parse_notebook
from kfnb.notebook.formats import text_notebooks
from kfnb.notebook.formats.notebook_file import decode
from kfnb.notebook.parsed_notebook import Notebook
from kfnb.pipeline.build.build_pipeline import build, pipelines_of
from kfnb.pipeline.drawing.explain_pipeline import describe, text
from kfnb.pipeline.drawing.graph_elements import graph_of
from kfnb.pipeline.drawing.graph_svg import draw
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from kfnb.pipeline.serialize import from_json, to_json
from kfnb.problems import NotebookError, errors
from tests.fuzz import mutations
from tests.fuzz.corpus import COMPONENTS, notebooks
from tests.notebook.texts import TEXTS
from tests.notebooks import cell, notebook

COUNT = int(os.environ.get("KFNB_FUZZ", "1000"))
FIRST = int(os.environ.get("KFNB_FUZZ_SEED", "0"))
SECONDS = 5.0  #: of CPU, for one


class TooLong(BaseException):
    """One input took more than its time."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Stop what takes more CPU than that."""

    def stop(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def failures(count: int, act: Callable[[Random], None]) -> str:
    """What went wrong in ``count`` trials, each kind of it once with its seed."""
    found: dict[str, str] = {}
    for number in range(FIRST, FIRST + count):
        try:
            with limited(SECONDS):
                act(Random(number))
        except (Exception, TooLong) as error:
            shown = traceback.format_exception(error)
            found.setdefault(f"{type(error).__name__} {''.join(traceback.format_tb(error.__traceback__)[-1:])}", f"seed {number}:\n{''.join(shown[-6:])[-3000:]}")  # fmt: skip
    return "\n".join(found.values())


def read_all(data: bytes, engines: tuple[str, ...]) -> None:
    """Do what ``check``, ``show`` and ``compile`` do with a notebook's file."""
    try:
        found = parse_notebook(decode(data, "fuzz.ipynb"), "fuzz.ipynb")
    except NotebookError:
        return
    build_all(found, engines)


def build_all(found: Notebook, engines: tuple[str, ...]) -> None:
    for name in pipelines_of(found):
        built = build(found, name)
        json.dumps(describe(built))
        assert built.pipeline is not None or errors(built.problems), "no pipeline, and no error that says why"
        for problem in built.problems:
            assert str(problem).isprintable() or "\n" in str(problem) or problem.message
        if built.pipeline is not None:
            use(built.pipeline, engines)


def use(pipeline: Pipeline, engines: tuple[str, ...]) -> None:
    assert from_json(json.loads(json.dumps(to_json(pipeline)))) == pipeline
    text(pipeline)
    draw(pipeline)
    json.dumps(graph_of(pipeline).to_json())
    try:
        given = bind(pipeline, {})
    except NotebookError:
        return
    for engine in engines:
        made, problems = compile_documents(pipeline, engine, options_of(None), Path("/nowhere"), given)
        if not errors(problems):
            as_yaml(made)


def test_a_spoilt_notebook_is_read_or_refused_in_words() -> None:
    corpus = notebooks()

    def act(random: Random) -> None:
        read_all(mutations.mutated(random, corpus), random.choice((("kfp",), ("argo",), (), ())))

    found = failures(COUNT, act)
    assert not found, found


def test_spoilt_marks_cells_and_settings_are_read_or_refused_in_words(tmp_path: Path) -> None:
    def act(random: Random) -> None:
        kind = random.randrange(3)
        if kind == 0:
            marked = [
                cell("n = 1\nx = [1]", *[mutations.mark(random) for _ in range(random.randint(1, 4))]) for _ in range(2)
            ]
            line = mutations.component_line(random)
            read_all(
                json.dumps(notebook(cell("a = 1", "parameters"), *marked, cell(f"{line}\ny = n"))).encode(), ("argo",)
            )
        elif kind == 1:
            read_all(json.dumps(notebook(cell(COMPONENTS), cell(mutations.pipeline_cell(random)))).encode(), ("kfp",))
        else:
            path = tmp_path / "fuzz.ipynb"
            (tmp_path / "kfnb.toml").write_bytes(mutations.settings(random))
            try:
                for name in targets(path):
                    compile_documents(SMALL, "argo", options_of(target_named(name, path)), tmp_path, {})
            except BadTarget:
                pass

    found = failures(max(COUNT // 5, 1), act)
    assert not found, found


def test_a_spoilt_text_notebook_is_read_or_refused_in_words() -> None:
    names = list(TEXTS)

    def act(random: Random) -> None:
        name = random.choice(names)
        spoilt = mutations.spoilt(random, TEXTS[name][0]).encode("utf-8", "surrogatepass")
        data = mutations.other_bytes(random, spoilt) if random.random() < 0.1 else spoilt
        try:
            found = notebook_from_json(text_notebooks.parse(text_notebooks.decode(data, name), name), name)
        except NotebookError:
            return
        build_all(found, ())

    found = failures(max(COUNT // 5, 1), act)
    assert not found, found


SMALL = build(parse_notebook(json.dumps(notebook(cell("x = 1", "step:a"), cell("print(x)", "step:b"))))).pipeline
assert SMALL is not None
