"""Without containers, a step is kept to its marks `memory` and `cpu` as far as this machine lets us, and what nothing keeps is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local.limits.limit_checks import container_limit_problems
from kfnb.engines.local.limits.memory_watch import can_watch
from kfnb.engines.local.limits.step_groups import StepGroups
from kfnb.engines.local.limits.step_limits import StepLimits
from tests.notebooks import cell
from tests.running import Here, pipeline_of, states

WATCHED = pytest.mark.skipif(not can_watch(), reason="this system does not tell how much memory processes use")
WORDS = "OutOfMemory: the step used more memory than its mark `memory:150Mi` allows, and was killed: raise the mark, or work on smaller parts of the data"
GREEDY = "import time; x = bytearray(b'x') * 300_000_000; time.sleep(60)"


@WATCHED
def test_a_step_over_its_memory_limit_is_ended_with_what_it_has_started_and_says_so(tmp_path: Path) -> None:
    """What it maps from the values of another step does not count, and the run goes on where it may."""
    here = Here(tmp_path)
    child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {GREEDY!r}], start_new_session=True)"
    run = here.run(
        cell("import numpy as np\nlarge = np.ones(40_000_000)", "step:large"),
        cell("total = large.sum()", "step:reads", "memory:150Mi"),
        cell(GREEDY, "step:greedy", "memory:150Mi", "on-failure:continue"),
        cell(child, "step:parent", "memory:150Mi", "on-failure:continue"),
        cell(f'python -c "{GREEDY}"', "step:script", "shell", "memory:150Mi", "retry:1", "on-failure:continue"),
    )
    assert run["state"] == "succeeded", run["error"]
    ended = {"greedy", "parent", "script"}
    assert states(run) == {n: "failed" if n in ended else "succeeded" for n in run["steps"]}
    assert [run["steps"][n]["reason"] for n in sorted(ended)] == [WORDS] * 3
    assert here.log(run, "greedy") == WORDS and run["steps"]["script"]["attempts"] == 2


def test_marks_that_nothing_keeps_steps_to_are_said_once_with_the_way_out(tmp_path: Path) -> None:
    pipeline = pipeline_of(cell("x = 1", "step:a", "cpu:2"), cell("print(x)", "step:b", "cpu:2", "memory:1Gi"))
    found = Here(tmp_path).engine.check(pipeline, RunOptions(folder=str(tmp_path)))
    groups = StepGroups.find()
    if groups is not None and "cpu" in groups.controllers:
        assert found == []
        return
    (problem,) = found
    assert (problem.code, problem.severity) == ("KF742", "warning")
    assert "`cpu:2` (a, b)" in problem.message and "`--containers`" in problem.hint
    assert ("memory" in problem.message) is not can_watch()


def test_marks_that_containers_cannot_keep_steps_to_are_said_too() -> None:
    """Podman without root takes no notice of limits where no control groups are delegated to its user, or refuses them."""
    pipeline = pipeline_of(cell("x = 1", "step:a", "cpu:2", "memory:1Gi"))
    (problem,) = container_limit_problems(pipeline, "podman", {"memory"})
    assert problem.code == "KF742" and problem.message.startswith("podman cannot keep steps to the marks `cpu:2` (a),")
    assert container_limit_problems(pipeline, "podman", {"cpu", "memory"}) == []


def test_a_group_is_made_where_the_system_has_delegated_one(tmp_path: Path) -> None:
    """The files are those of a system with cgroup v2. The nearest group counts whose own groups have limits."""
    own = tmp_path / "user.slice" / "user@1000.service" / "app.slice" / "terminal.scope"
    own.mkdir(parents=True)
    for folder, controllers in (
        (tmp_path, "cpu memory pids"), (own.parents[1], "memory pids"), (own.parent, "pids"), (own, ""),
    ):  # fmt: skip
        (folder / "cgroup.subtree_control").write_text(controllers)
        (folder / "cgroup.procs").touch()
    process = tmp_path / "cgroup"
    process.write_text("1:name=systemd:/\n0::/user.slice/user@1000.service/app.slice/terminal.scope\n")
    groups = StepGroups.find(tmp_path, process)
    assert groups == StepGroups(own.parents[1], frozenset({"memory"}))
    group = groups.make("kfnb-run-1", StepLimits(2.0, 1 << 30, "1Gi"))
    assert group is not None and group.folder.parent == own.parents[1] and not group.ran_out_of_memory()
    assert groups.make("kfnb-run-2", StepLimits(2.0, 0, "")) is None, "the processors are not delegated"
    (group.folder / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    assert group.ran_out_of_memory()
    assert StepGroups.find(tmp_path / "none", process) is None
