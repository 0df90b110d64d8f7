"""A run loses nothing when what carries it is killed, at any moment, and when it is taken up again twice at one time.

``KFNB_KILLS=200 KFNB_DOUBLE_RETRIES=50 pytest tests/engines/test_kills.py`` does more rounds than the tests of every day.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.local import LocalEngine
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
from kfnb.states import FINAL
from tests.notebooks import cell
from tests.running import Here, wait_for

KILLS = int(os.environ.get("KFNB_KILLS", "3"))
DOUBLE_RETRIES = int(os.environ.get("KFNB_DOUBLE_RETRIES", "2"))

#: Says all the time who runs, so that two that run at one time can be seen.
BEAT = """
import os, time
handle = os.open({file!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for _ in range(20):
    os.write(handle, b"{name} %d\\n" % os.getpid())
    time.sleep(0.004)
{name} = 1
"""


class Round:
    """One run that is killed again and again."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        folder.mkdir()
        self.here, self.chance, self.beats = Here(folder), chance, folder / "beats"
        steps = [cell(BEAT.format(file=str(self.beats), name=n), f"step:{n}", *marks) for n, marks in STEPS]
        shell = cell(f"for i in 1 2 3 4 5 6 7 8; do echo shell $$ >> {self.beats}; sleep 0.01; done", "step:s", "shell")
        self.run = self.here.start(
            *steps, shell, cell(BEAT.format(file=str(self.beats), name="end"), "step:end", "exit")
        )

    @property
    def state(self) -> str:
        return str(self.here.store.head(self.run)["state"])

    def scheduler(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int((self.here.store.folder(self.run) / "scheduler.pid").read_text())
        return None

    def kill(self) -> None:
        """Kill the scheduler, its group, its fork parents, or some of these at once."""
        pid = self.scheduler()
        if pid is None:
            return
        parents = children_of(pid)
        what = self.chance.choice(("scheduler", "group", "parents", "all", "steps' parent"))
        if what == "group":
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        elif what == "steps' parent":
            kill(*parents[:1])
        elif what == "parents":
            kill(*parents, pid)
        else:
            kill(pid, *(parents if what == "all" else ()))

    def retry(self, interrupt: bool) -> None:
        """Take it up again, in a process of its own that may be killed too."""
        command = retrying(self.here.store.home, self.run)
        if interrupt:
            time.sleep(self.chance.random() * 0.5)
            if self.chance.random() < 0.4:
                kill(*children_of(command), command)
            self.kill()
        os.waitpid(command, 0)

    def finish(self) -> None:
        for _ in range(20):
            wait_for(lambda: self.state in FINAL)
            if self.state == "succeeded":
                return
            self.here.engine.retry(self.run)
        raise AssertionError(self.here.store.summary(self.run))

    def check(self) -> None:
        """Every step was done, none after it was recorded as done, and none beside another attempt at itself.

        The handler runs once for what it follows: again only when a step that it follows has run again since.
        """
        done: set[str] = set()
        for event in self.here.store.events(self.run):
            if event.kind == "step":
                path, state = event.data["path"], event.data["state"]
                assert state != "running" or path not in done, f"{path} ran again"
                if state == "running":
                    done.discard("end")
                if state == "succeeded":
                    done.add(path)
        assert done == {*(n for n, _ in STEPS), "s", "end"}
        orders: dict[str, list[str]] = {}
        for line in self.beats.read_text().splitlines():
            name, who = line.split()
            order = orders.setdefault(name, [])
            if not order or order[-1] != who:
                assert who not in order, f"{name}: two attempts ran side by side"
                order.append(who)
        assert not list(self.here.store.folder(self.run).rglob("*.new"))
        assert not list(self.here.store.values.rglob("*.new"))


STEPS: list[tuple[str, tuple[str, ...]]] = [
    ("a", ()),
    ("b", ("after:a",)),
    ("c", ("after:a",)),
    ("d", ("after:b", "after:c")),
]


def retrying(home: Path, run: str, tell: Callable[[str], Any] = lambda _: None) -> int:
    """A process that takes a run up again, as a command does."""
    pid = os.fork()
    if pid == 0:
        try:
            with contextlib.suppress(UnknownRun):
                LocalEngine(RunStore(home)).retry(run)
                tell("begun\n")
        finally:
            os._exit(0)
    return pid


def children_of(pid: int) -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def kill(*pids: int) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", range(KILLS))
def test_a_run_that_is_killed_again_and_again_loses_nothing(tmp_path: Path, number: int) -> None:
    one = Round(tmp_path / "round", random.Random(number))
    for _ in range(3):
        time.sleep(one.chance.random() * 0.6)
        one.kill()
        wait_for(lambda: one.state in FINAL, 30)
        if one.state == "succeeded":
            break
        one.retry(interrupt=True)
    one.finish()
    one.check()


@pytest.mark.parametrize("number", range(DOUBLE_RETRIES))
def test_of_two_that_take_a_run_up_at_one_time_one_does(tmp_path: Path, number: int) -> None:
    one = Round(tmp_path / "round", random.Random(1000 + number))
    time.sleep(one.chance.random() * 0.4)
    one.kill()
    wait_for(lambda: one.state in FINAL, 30)
    begun = tmp_path / "begun"

    def tell(text: str) -> None:
        with begun.open("a") as file:
            file.write(text)

    commands = [retrying(one.here.store.home, one.run, tell) for _ in range(2)]
    for command in commands:
        os.waitpid(command, 0)
    assert begun.read_text() == "begun\n" or one.state == "succeeded"
    one.finish()
    one.check()
