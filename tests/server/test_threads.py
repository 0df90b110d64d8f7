"""Requests that come at one time, each answered in a thread of its own, and one whose answer breaks."""

from __future__ import annotations

import ast
import gc
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kfnb.server.browser_json import to_wire
from kfnb.server.compile_open_notebook import explained
from kfnb.thread_safe_parser import parse, parse_expression
from tests.notebooks import Json, cell, notebook
from tests.server.asking import refused

SEEDS = Path(__file__).parents[2] / "notebooks"


@contextmanager
def interrupted() -> Iterator[None]:
    """Threads take turns whenever garbage is collected, which is often: in the middle of whatever one of them does."""

    def give_way(*_: Any) -> None:
        time.sleep(0)

    before = gc.get_threshold()
    gc.callbacks.append(give_way)
    gc.set_threshold(50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(give_way)


def half_edited(data: Json, count: int) -> Iterator[Json]:
    """The notebook while its code cells are typed: each is cut off somewhere."""
    for at in range(count):
        cells = [
            {**c, "source": (text := "".join(c["source"]))[: len(text) * (at + n) % (len(text) + 1)]}
            for n, c in enumerate(data["cells"])
        ]
        yield {**data, "cells": cells}


def test_notebooks_that_are_explained_at_one_time_are_explained_as_one_by_one() -> None:
    wholes = [json.loads(path.read_text("utf-8")) for path in sorted(SEEDS.glob("*.ipynb"))[-3:]]
    asked = [data for whole in wholes for data in (whole, *half_edited(whole, 2))]
    with ThreadPoolExecutor(4) as pool, interrupted():
        together = list(pool.map(lambda data: to_wire(explained(data, "notebook.ipynb", None)), asked))
    assert together == [to_wire(explained(data, "notebook.ipynb", None)) for data in asked]


def test_threads_that_parse_at_one_time_all_get_their_trees() -> None:
    texts = [
        f"def f{n}(x):\n" + "".join(f"    x = [g({n}, x) + (3 * {line})]\n" for line in range(60)) for n in range(40)
    ]
    with ThreadPoolExecutor(4) as pool, interrupted():
        trees = list(pool.map(parse, texts))
    assert [ast.dump(tree) for tree in trees] == [ast.dump(ast.parse(text)) for text in texts]
    with pytest.raises(SyntaxError):
        parse("x = (")
    assert ast.dump(parse_expression("a + 1")) == ast.dump(ast.parse("a + 1", mode="eval").body)


async def test_a_fault_of_the_server_is_named_in_its_answer_and_in_its_log(
    ask: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: Any) -> None:
        raise ZeroDivisionError("half of nothing")

    monkeypatch.setattr("kfnb.server.compile_open_notebook.explained", breaks)
    status, answer = await refused(ask("POST", "compile", body={"notebook": notebook(cell("a = 1", "step:a"))}))
    assert status == 500
    assert answer["message"] == "kfnb failed: ZeroDivisionError: half of nothing; the server's log has the traceback"
    assert "in breaks" in caplog.text and "ZeroDivisionError: half of nothing" in caplog.text
