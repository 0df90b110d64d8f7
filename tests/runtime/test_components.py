"""Components as plain callables: settings, files in and out, several outputs, commands; and the same inside a step."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kfnb import InputPath, OutputPath, component, component_from_command
from kfnb.pipeline.program.steps.component_definitions import MARK_OF
from kfnb.setting_marks.setting_table import SETTING_MARKS
from tests.notebooks import cell
from tests.running import pipeline_of


def double(x: int) -> int:
    """Doubles a number.

    At length.
    """
    return 2 * x


def test_a_component_is_the_function_itself_and_knows_its_settings() -> None:
    result = component(double, base_image="python:3.11", retry=2)
    assert result is double and result(4) == 8
    metadata = result.__kfnb__
    assert (metadata["name"], metadata["description"], metadata["image"], metadata["retry"]) == (
        "double",
        "Doubles a number.",
        "python:3.11",
        2,
    )
    other = component(double, image="other")
    assert (other(4), other.__kfnb__["image"], double.__kfnb__["image"]) == (8, "other", "python:3.11")  # type: ignore[attr-defined]


def test_a_wrong_setting_is_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="colour"):
        component(double, colour="red")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        component("double")


@pytest.mark.parametrize("maker", [component, component_from_command])
def test_each_mark_of_a_setting_has_its_keyword_and_each_keyword_its_mark(maker: Callable[..., object]) -> None:
    own = {"function", "command", "args", "inputs", "outputs", "name", "description"}
    keywords = inspect.signature(maker).parameters.keys() - own
    assert keywords == MARK_OF.keys() and set(MARK_OF.values()) == {m.word for m in SETTING_MARKS}


def test_a_keyword_means_what_its_mark_means() -> None:
    keywords = "apt=['libgl1', 'git'], files=['data/.hidden'], network='none', pod='shared'"
    tags = ("apt:libgl1", "apt:git", "file:data/.hidden", "network:none", "pod:shared")
    source = f"from kfnb import component\n\n@component({keywords})\ndef draw():\n    print(1)"
    (called,) = pipeline_of(cell(source), cell("%%pipeline p\ndraw()")).steps()
    (marked,) = pipeline_of(cell("print(1)", "step:draw", *tags)).steps()
    assert called.settings == marked.settings


def test_files_are_given_and_taken_as_values() -> None:
    @component
    def copy(text: InputPath(str), times: int, out_path: OutputPath(str)):  # type: ignore[valid-type]
        Path(out_path).write_text(Path(text).read_text() * times)

    assert copy("é\n", 2) == "é\né\n"
    assert copy(text="a", times=1) == "a"
    with pytest.raises(TypeError, match="text"):
        copy(3, 1)


def test_a_file_that_was_not_written_is_told_by_name() -> None:
    @component
    def nothing(out_path: OutputPath(str)):  # type: ignore[valid-type]
        pass

    with pytest.raises(FileNotFoundError, match="out"):
        nothing()


def test_several_outputs_are_a_namedtuple_that_travels() -> None:
    @component
    def both(one_path: OutputPath(str), two: OutputPath(bytes)) -> int:  # type: ignore[valid-type]
        Path(one_path).write_text("1")
        Path(two).write_bytes(b"2")
        return 3

    result = both()
    assert (result.output, result.one, result.two) == (3, "1", b"2")
    code = "import pickle, sys; v = pickle.loads(sys.stdin.buffer.read()); print(v.one, v.two, v.output)"
    message = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(result), capture_output=True, check=True)
    assert message.stdout.decode() == "1 b'2' 3\n"


# -------------------------------------------------------------------- commands
def test_a_command_gets_its_inputs_byte_for_byte() -> None:
    show = component_from_command(
        image="bash", command=["sh", "-c"], args=['printf %s "$0|$text|{other}|${text}" > /tmp/results.txt', "{text}"],
        inputs=["text"], outputs={"data": "/tmp/results.txt"},
    )  # fmt: skip
    odd = 'it\'s "q" $(date) `x` {{workflow.name}} $$ 🙂\nline'
    assert show(odd) == f"{odd}|{odd}|{{other}}|{odd}"


def test_a_command_that_fails_says_so() -> None:
    bad = component_from_command(name="bad", image="bash", command=["sh", "-c"], args=["exit 3"])
    with pytest.raises(subprocess.CalledProcessError, match="component bad ended with exit status 3"):
        bad()
    missing = component_from_command(name="no", image="i", command=["no-such-program-here"])
    with pytest.raises(FileNotFoundError, match="no-such-program-here"):
        missing()


def test_a_value_is_not_pasted_into_a_script() -> None:
    with pytest.raises(ValueError, match=r"\$0"):
        component_from_command(image="bash", command=["sh", "-c"], args=["echo {text}"], inputs=["text"])


def test_wrong_calls_of_a_command_are_refused_as_python_does() -> None:
    echo = component_from_command(name="echo", image="bash", command=["echo", "{a}"], inputs=["a"])
    for call in (lambda: echo(), lambda: echo(1, 2), lambda: echo(b=1), lambda: echo(1, a=2)):
        with pytest.raises(TypeError):
            call()


def test_a_container_step_runs_from_its_spec(tmp_path: Path) -> None:
    spec = {
        "kfnb": 1, "step": "echo", "path": "echo", "prepare": [{"value": "text", "json": "hello"}], "cells": [],
        "command": {"command": ["sh", "-c"], "args": ['echo "$0" | tee $1', "{text}", "/tmp/out.txt"], "image": "bash"},
        "shell_outputs": [{"name": "data", "path": "/tmp/out.txt"}], "store": str(tmp_path / "store"), "folder": str(tmp_path / "a"),
    }  # fmt: skip
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    main = Path(__file__).parents[2] / "kfnb" / "runtime" / "__main__.py"
    done = subprocess.run([sys.executable, str(main), str(tmp_path / "spec.json")], capture_output=True, text=True)
    result = json.loads((tmp_path / "a" / "result.json").read_text())
    assert (done.returncode, done.stdout, result["exports"]) == (0, "hello\n", {"data": "hello"})
    spec["command"] = {"command": ["no-such-program-here"], "args": [], "image": "bash"}
    (tmp_path / "spec.json").write_text(json.dumps({**spec, "folder": str(tmp_path / "b")}))
    done = subprocess.run([sys.executable, str(main), str(tmp_path / "spec.json")], capture_output=True, text=True)
    error = json.loads((tmp_path / "b" / "result.json").read_text())["error"]
    assert done.returncode == 1 and error["kind"] == "shell" and "bash" in error["message"]


def test_importing_kfnb_loads_nothing_more() -> None:
    code = "import sys; before = set(sys.modules); import kfnb; print(sorted(m for m in set(sys.modules) - before if m.startswith('kfnb')))"
    message = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert message.stdout.strip() == "['kfnb']"
