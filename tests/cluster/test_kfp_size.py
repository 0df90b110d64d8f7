"""What the backend makes of a specification must fit into the object in which the controller keeps it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.kfp.ir import pipeline_ir
from kfnb.engines.kfp.runtime_delivery import RUNTIME
from kfnb.engines.kfp.workflow_size import WORKFLOW_LIMIT, workflow_size
from kfnb.images.needs.step_requirements import StepRequirements
from tests.cluster.kfp_api import Server
from tests.cluster.outcome import Oracle, by_step, differences, locally, on_kfp
from tests.cluster.test_compiled import NOTEBOOKS, pipeline_at
from tests.cluster.test_kfp_engine import engine_at, options
from tests.cluster.test_kfp_nodes import compiled
from tests.notebooks import cell
from tests.running import pipeline_of

RUNTIME_SIZE = 30_000  #: characters of a container that has the runtime in its arguments


def with_runtime(ir: dict[str, Any]) -> set[str]:
    """The tasks whose containers have the runtime in their arguments."""
    executors = ir["deploymentSpec"]["executors"]
    large = {n for n, e in executors.items() if len(json.dumps(e)) > RUNTIME_SIZE}
    components = {n for n, c in ir["components"].items() if c.get("executorLabel") in large}
    dags = [c["dag"]["tasks"] for c in (ir["root"], *ir["components"].values()) if "dag" in c]
    return {n for tasks in dags for n, t in tasks.items() if t["componentRef"]["name"] in components}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_notebook_fits(path: Path) -> None:
    emitted = pipeline_ir.compile_ir(pipeline_at(path), ClusterOptions(), StepRequirements())
    assert workflow_size(emitted.ir, emitted.platform, emitted.pods) < WORKFLOW_LIMIT


def test_the_pods_of_a_loop_get_the_runtime_from_a_step_before_it() -> None:
    listed = compiled(cell("made = [1, 2, 3]", "step:make"), cell("print(n)", "step:each", "foreach:n in made"))
    assert with_runtime(listed.ir) == {"make"} and RUNTIME not in listed.ir["root"]["dag"]["tasks"]
    few = compiled(cell("print(n)", "step:each", "foreach:n in [1, 2, 3]"))
    assert with_runtime(few.ir) == {"each"}
    many = compiled(cell("print(n)", "step:each", f"foreach:n in {list(range(20))}"))
    assert with_runtime(many.ir) == {RUNTIME} and many.pods == {"each": 20}


def test_attempts_count_as_pods() -> None:
    """The status has the arguments of each attempt: on a server, three steps of which one was tried three times were above 1 MiB."""
    steps = [cell("x = 1", "step:flaky", "retry:2"), cell("y = 2", "step:steady"), cell("z = 3", "step:third")]
    assert with_runtime(compiled(*steps).ir) == {RUNTIME}
    assert with_runtime(compiled(steps[0], steps[1]).ir) == {"flaky", "steady"}
    assert with_runtime(compiled(cell("x = 1", "step:flaky", "retry:9")).ir) == {RUNTIME}


def test_a_loop_of_twenty_runs_with_the_runtime_of_another_step(oracle: Oracle, tmp_path: Path) -> None:
    cells = [
        cell("y = n * 2", "step:each", f"foreach:n in {list(range(20))}"),
        cell("print(sum(y))", "step:total"),
        cell("print(kfnb_status['state'])", "step:leave", "exit"),
    ]
    pipeline = pipeline_of(*cells)
    theirs, mine = locally(pipeline, tmp_path, {}), on_kfp(pipeline, oracle, {}, tmp_path / "kfp")
    assert not differences(by_step(mine, pipeline), by_step(theirs, pipeline))
    assert mine.texts["total"] == "380"


def test_what_would_outgrow_the_controllers_limit_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    with engine_at(tmp_path, Server()) as engine:
        for count, codes in ((20, []), (3000, ["KF702"])):
            pipeline = pipeline_of(cell("y = n * 2", "step:each", f"foreach:n in {list(range(count))}"))
            problems = engine.check(pipeline, options(pipeline, tmp_path))
            assert [p.code for p in problems] == codes
            assert all("Argo keeps 1049 kB" in p.message for p in problems)
