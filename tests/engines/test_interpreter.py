"""What steps run with: another interpreter and its packages; and a run whose forking parent the system ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kfnb.engines.engine_interface import RunOptions
from tests.notebooks import cell
from tests.running import Here, is_alive, pipeline_of, states, wait_for


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter whose environment has one module, `only_there`, and nothing else."""
    folder = tmp_path_factory.mktemp("other")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "only_there.py").write_text("WORD = 'there'\n")
    return folder / "bin" / "python"


@pytest.mark.parametrize("spawn", [False, True])
def test_steps_run_with_another_interpreter_and_its_packages(here: Here, other: Path, spawn: bool) -> None:
    run = here.run(
        cell("import only_there, sys\nword = only_there.WORD\nprint(sys.executable)", "step:a"),
        cell("def upper(text):\n    return text.upper()\nloud = upper(word)", "step:b"),
        cell("try:\n    import click\nexcept ModuleNotFoundError:\n    print('no click,', loud)", "step:c"),
        python=str(other),
        spawn=spawn,
    )
    assert run["state"] == "succeeded"
    assert (here.log(run, "a"), here.log(run, "c")) == (str(other), "no click, THERE")


def test_variables_are_given_to_every_step(here: Here) -> None:
    say = "import os\nprint(os.environ['FLAVOUR'])"
    run = here.run(cell(say, "step:a"), cell("echo $FLAVOUR", "step:b", "shell"), environment={"FLAVOUR": "sour"})
    assert (here.log(run, "a"), here.log(run, "b")) == ("sour", "sour")


def test_a_cached_result_of_one_interpreter_is_none_of_another(here: Here, other: Path) -> None:
    first = cell("a = 1", "step:a")
    assert states(here.run(first, cache=True)) == {"a": "succeeded"}
    assert states(here.run(first, cache=True, python=str(other))) == {"a": "succeeded"}
    assert states(here.run(first, cache=True, python=str(other))) == {"a": "cached"}


def test_what_cannot_run_steps_is_said_before_anything_is_run(here: Here) -> None:
    pipeline = pipeline_of(cell("a = 1", "step:a"))
    for python, words in (("/nowhere/python", "No such file"), ("/bin/true", "it printed nothing")):
        (problem,) = here.engine.check(pipeline, RunOptions(python=python))
        assert problem.code == "KF707" and python in problem.message and words in problem.message
    old = here.tmp_path / "old"
    old.write_text("#!/bin/sh\necho 3.8\n")
    old.chmod(0o755)
    (problem,) = here.engine.check(pipeline, RunOptions(python=str(old)))
    assert "it is Python 3.8" in problem.message and "3.9 or newer" in problem.hint


def test_a_run_whose_forking_parent_is_killed_ends_and_leaves_nothing(here: Here) -> None:
    says = here.tmp_path / "pids"
    wait = f"import os, time\nopen({str(says)!r}, 'w').write(f'{{os.getpid()}} {{os.getppid()}} ')\ntime.sleep(60)"
    run_id = here.start(cell(wait, "step:a"), cell("print('cleaned')", "step:clean", "exit"))
    wait_for(lambda: says.exists() and says.read_text().endswith(" "))
    step, parent = (int(pid) for pid in says.read_text().split())
    os.kill(parent, signal.SIGKILL)
    run = here.finish(run_id)
    assert (run["state"], states(run)) == ("failed", {"a": "failed", "clean": "succeeded"})
    assert "SIGKILL" in run["error"]["message"]
    wait_for(lambda: not is_alive(step))


def test_an_interpreter_that_ends_before_it_begins_is_told(here: Here) -> None:
    broken = here.tmp_path / "python"
    broken.write_text("#!/bin/sh\n[ $1 = -Sc ] && echo 3.11 || echo 'no shared library' >&2\n")
    broken.chmod(0o755)
    assert here.engine.check(pipeline_of(cell("a = 1", "step:a")), RunOptions(python=str(broken))) == []
    run = here.run(cell("a = 1", "step:a"), cell("print('end')", "step:end", "exit"), python=str(broken))
    assert (run["state"], states(run)) == ("failed", {"a": "failed", "end": "failed"})
    assert f"`{broken}` could not be started" in run["error"]["message"]
    assert "no shared library" in (here.store.folder(run["run"]) / "scheduler.log").read_text()
