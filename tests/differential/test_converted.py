"""A converted notebook, run as the plain Python that it is, gives the values of one kernel."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import build
from kfnb.pipeline.export.python_functions import NotConvertible, composed
from kfnb.pipeline.program.run_as_plain_python import run_plain
from tests.differential.compare import Reference
from tests.differential.programs import program
from tests.notebooks import cell, notebook

EXAMPLES = 14  #: for each of the two blocks


def plain(data: dict[str, Any]) -> dict[str, Any] | None:
    """The values that the converted notebook leaves; ``None`` when the notebook has errors."""
    built = build(notebook_from_json(data))
    if built.pipeline is None:
        return None
    made = composed(built)
    names: dict[str, Any] = {}
    exec("from kfnb import component, component_from_command\n" + "\n".join(made.components), names)
    return run_plain(made.body, {p.name: p.default for p in built.pipeline.parameters}, names)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(2))
def test_a_generated_notebook_converted_gives_what_one_kernel_gives(block: int, kernel: Reference, times: int) -> None:
    compared: list[str] = []
    refused: list[str] = []

    @seed(block)
    @settings(
        max_examples=EXAMPLES * times, deadline=None, database=None, phases=[Phase.generate], report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.randoms(use_true_random=False))
    def check(random: Random) -> None:
        sources, data = program(random, marks=block == 1)
        printed = io.StringIO()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(printed):
            theirs = kernel.run(sources, Path(folder), kfnb=True)
            here = os.getcwd()
            os.chdir(folder)
            try:
                mine = plain(data)
            except NotConvertible as error:
                refused.append(str(error))
                return
            except Exception as error:
                assert theirs.error == type(error).__name__, "\n# ----\n".join(sources)
                return
            finally:
                os.chdir(here)
        if mine is not None:
            assert theirs.error is None
            last = theirs.texts[max(theirs.texts)]
            assert printed.getvalue().endswith(last), "\n# ----\n".join(sources)
            compared.append(last)

    check()
    assert len(compared) > EXAMPLES / 10, refused


def test_what_a_condition_makes_is_read_under_that_condition() -> None:
    data = notebook(
        cell("flag = False\nn = 3", "step:first"),
        cell("m = n + 1", "step:second", "when:flag"),
        cell("total = m * 2", "step:third"),
        cell("n = n + total", "step:fourth", "when:n > 2"),
    )
    made = composed(build(notebook_from_json(data)))
    assert [line for line in made.body.split("\n") if line.startswith("if")] == ["if flag:", "if flag and n > 2:"]
    assert plain(data) == {"flag": False, "n": 3}


def test_a_loop_collects_and_a_handler_runs(capsys: pytest.CaptureFixture[str]) -> None:
    data = notebook(
        cell('text = """a\n  b"""\nitems = [1, 2, 3]', "step:first"),
        cell("double = item * 2\nname = text + str(item)", "step:second", "foreach:item in items", "when:item != 2"),
        cell("total = sum(double)\nnames = name", "step:third"),
        cell("print('ended', kfnb_status['state'])", "step:last", "exit"),
    )
    left = plain(data)
    assert left is not None and (left["double"], left["name"]) == ([2, 6], ["a\n  b1", "a\n  b3"])
    assert capsys.readouterr().out == "ended succeeded\n"


def test_a_loop_with_several_outputs_leaves_a_name_rows_alone() -> None:
    data = notebook(
        cell("items = [1, 2]", "step:first"),
        cell("rows = item + 1\nzone = item * 2", "step:second", "foreach:item in items"),
        cell("total = sum(rows) + sum(zone)", "step:third"),
        cell("print(total)", "step:fourth"),
    )
    left = plain(data)
    assert left is not None and (left["rows"], left["zone"], left["total"]) == ([2, 3], [2, 4], 11)


def test_a_shell_step_is_a_command() -> None:
    data = notebook(
        cell("word = 'hi'", "step:first"),
        cell('%%component say --shell --output data=/tmp/kfnb-says.txt\necho "$word there" > /tmp/kfnb-says.txt'),
        cell("loud = data.strip().upper()", "step:third"),
        cell("print(loud)", "step:fourth"),
    )
    left = plain(data)
    assert left is not None and left["loud"] == "HI THERE"


REFUSED = [
    (["rate = 3", "def scaled(x):\n    return x * rate", "y = scaled(2)", "print(y)"], "`scaled` reads `rate`"),
    (["x = 1\n!true", "print(x)"], "not plain Python"),
    (["from os import *\nx = 1", "print(x)"], "import *"),
    (["import random\nif random.random() > 2:\n    x = 1", "print(x)"], "may leave `x` unbound"),
]


@pytest.mark.parametrize(("sources", "words"), REFUSED)
def test_what_is_no_function_is_refused_in_words(sources: list[str], words: str) -> None:
    cells = [cell(s) if s.startswith("def") else cell(s, f"step:s{n}") for n, s in enumerate(sources)]
    with pytest.raises(NotConvertible, match=words.replace("*", r"\*")):
        composed(build(notebook_from_json(notebook(*cells))))
