"""What kfnb adds to the start of a step in a pod; `make bench` prints it."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.measure import PYTHON, process, report, side_by_side
from tests.cluster.pod_process import PodProcess
from tests.notebooks import cell
from tests.running import pipeline_of


def test_a_light_step_in_its_pod_against_a_bare_interpreter(tmp_path: Path) -> None:
    """From the start of the container's process to its end: unpacking the runtime, running the step, handing on a value."""
    pipeline = pipeline_of(cell("x = [1, 2.5, 'text']", "step:one"), cell("print(x)", "step:two"))
    pod = PodProcess(pipeline, "one", tmp_path)
    mine, bare = side_by_side(
        process(*pod.command(), env=pod.environment(), cwd=str(tmp_path)), process(PYTHON, "-u", "-c", "pass"), 25
    )
    report("a light step in its pod against python -c pass", mine, bare, "at most 6 times")
