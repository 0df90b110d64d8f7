"""A run in containers leaves none behind, whichever of its processes is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from kfnb.states import FINAL
from tests.engines.containers.conftest import InContainers
from tests.notebooks import cell
from tests.running import states, wait_for

#: Waits, unless it was begun before.
WAITING = "import os, time\nagain = os.path.exists('begun')\nopen('begun', 'w')\nwhile not again: time.sleep(600)"


def begun(there: InContainers) -> tuple[str, int, int]:
    """A run whose step waits in a container; its scheduler and its keeper."""
    run_id = there.start(cell(WAITING, "step:a"), cell("print(again)", "step:b"))
    wait_for(lambda: (there.tmp_path / "begun").exists(), 60.0)
    scheduler = int((there.store.folder(run_id) / "scheduler.pid").read_text())
    (keeper,) = Path(f"/proc/{scheduler}/task/{scheduler}/children").read_text().split()
    return run_id, scheduler, int(keeper)


def test_the_containers_of_a_killed_scheduler_are_removed(there: InContainers) -> None:
    run_id, scheduler, _ = begun(there)
    assert there.containers() == [run_id]
    os.kill(scheduler, signal.SIGKILL)
    wait_for(lambda: there.containers() == [], 60.0)


def test_the_containers_of_a_killed_keeper_are_removed_and_their_steps_have_failed(there: InContainers) -> None:
    run_id, _, keeper = begun(there)
    os.kill(keeper, signal.SIGKILL)
    run = there.finish(run_id)
    assert (run["state"], states(run), run["error"]["kind"]) == ("failed", {"a": "failed", "b": "omitted"}, "died")


def test_who_takes_up_a_run_removes_what_it_finds(there: InContainers) -> None:
    run_id, scheduler, keeper = begun(there)
    os.kill(keeper, signal.SIGSTOP)  # so that it cannot notice the end of the scheduler
    os.kill(scheduler, signal.SIGKILL)
    os.kill(keeper, signal.SIGKILL)
    wait_for(lambda: there.store.head(run_id)["state"] in FINAL, 60.0)
    there.engine.retry(run_id)
    run = there.finish(run_id)
    assert (run["state"], there.log(run, "b")) == ("succeeded", "True")
