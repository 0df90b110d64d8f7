"""Processes for runs that are started before their run: nothing may depend on them, and nothing may be left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfnb.engines.local import LocalEngine
from kfnb.engines.local.processes.launch_run_process import WarmProcess
from tests.notebooks import cell
from tests.running import Here, wait_for

START_AND_TELL = "from kfnb.engines.local.processes.launch_run_process import WarmProcess; a = WarmProcess(); a.prepare(); print(a._waiting.pid); input()"


@pytest.fixture
def ahead() -> Iterator[WarmProcess]:
    found = WarmProcess()
    yield found
    found.close()


@pytest.fixture
def here(tmp_path: Path, ahead: WarmProcess) -> Here:
    found = Here(tmp_path)
    found.engine = LocalEngine(found.store, ahead.launch)
    return found


def scheduler_of(here: Here, run: str) -> int:
    return int((here.store.folder(run) / "scheduler.pid").read_text())


def test_a_run_is_given_to_the_process_that_waits(here: Here, ahead: WarmProcess) -> None:
    ahead.prepare()
    assert ahead._waiting is not None
    waiting = ahead._waiting.pid
    run = here.run(cell("import sys\nprint('told', sys.stdin.read())\na = 1", "step:a"))
    assert run["state"] == "succeeded" and here.log(run, "a") == "told "
    assert scheduler_of(here, run["run"]) == waiting


def test_a_run_needs_no_process_that_waits(here: Here, ahead: WarmProcess) -> None:
    assert here.run(cell("a = 1", "step:a"))["state"] == "succeeded"
    ahead.prepare()
    assert ahead._waiting is not None
    killed = ahead._waiting.pid
    os.kill(killed, signal.SIGKILL)
    ahead._waiting.wait()
    run = here.run(cell("a = 1", "step:a"))
    assert run["state"] == "succeeded" and scheduler_of(here, run["run"]) != killed


def test_no_more_processes_wait_than_runs_are_to_come(tmp_path: Path) -> None:
    here, ahead = Here(tmp_path), WarmProcess(pause=0.0, limit=2)
    here.engine = LocalEngine(here.store, ahead.launch)
    ahead.prepare()
    for _ in range(2):
        wait_for(lambda: ahead._waiting is not None)
        assert ahead._waiting is not None
        waiting = ahead._waiting.pid
        run = here.run(cell("a = 1", "step:a"))
        assert scheduler_of(here, run["run"]) == waiting
    ahead.prepare()
    assert ahead._waiting is None
    assert here.run(cell("a = 1", "step:a"))["state"] == "succeeded"


def test_the_process_that_waits_ends_with_whoever_started_it() -> None:
    owner = subprocess.Popen([sys.executable, "-c", START_AND_TELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    waiting = Path("/proc", owner.stdout.readline().decode().strip())
    assert waiting.exists()
    owner.kill()
    owner.communicate()
    wait_for(lambda: not waiting.exists() or "Z" in waiting.joinpath("stat").read_text().rpartition(")")[2])
