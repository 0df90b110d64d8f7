"""Steps that share a pod: each has a state, a log, values and retries of its own, as if it had a pod of its own."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from kfnb.engines.argo.workflow_manifest import CompiledWorkflow, compile_workflow
from kfnb.engines.cluster.fusing.fuse_jobs import check_pods
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.kfp.ir.pipeline_ir import compile_ir
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from tests.cluster.argo import Pods
from tests.cluster.controller import Controller
from tests.cluster.kfp_api import Server
from tests.cluster.kube_api import Cluster
from tests.cluster.lint import problems, round_trip
from tests.cluster.outcome import Oracle, by_step, differences, on_argo, on_kfp
from tests.cluster.pod_standard import pods_of_workflow, violations
from tests.cluster.test_argo_engine import engine_at, finished, printed
from tests.cluster.test_compiled import pipeline_at
from tests.cluster.test_kfp_engine import backend_of, marked, tell
from tests.cluster.test_kfp_engine import engine_at as kfp_engine_at
from tests.notebooks import cell
from tests.program.cells import read
from tests.program.programs import COMPONENTS, program
from tests.running import pipeline_of, states, wait_for

FUSED = ClusterOptions(fuse=True)


def compiled(pipeline: Pipeline, options: ClusterOptions = FUSED) -> CompiledWorkflow:
    return compile_workflow(pipeline, options, StepRequirements())


def pods_of(pipeline: Pipeline, options: ClusterOptions = FUSED) -> list[list[str]]:
    """The steps of each pod."""
    jobs = compiled(pipeline, options).task_jobs.values()
    return sorted([j.name for j in steps] for steps in jobs if not any(j.loops for j in steps) or len(steps))


def run_options(pipeline: Pipeline, folder: Path, fuse: bool = True) -> RunOptions:
    return RunOptions({p.name: p.default for p in pipeline.parameters}, folder=str(folder), fuse=fuse)


def pods_made(cluster: Cluster) -> int:
    return len(cluster.pods)


CHAIN = [
    cell("a = 0\nprint('begin')", "step:s0"),
    *(cell(f"a = a + 1\nprint('step {n}', a)", f"step:s{n}") for n in range(1, 10)),
]


# -------------------------------------------------------------------- which steps share a pod
def test_a_chain_of_ten_light_steps_is_one_pod() -> None:
    pipeline = pipeline_of(*CHAIN)
    assert pods_of(pipeline) == [[f"s{n}" for n in range(10)]]
    workflow = compiled(pipeline).workflow
    assert not problems(workflow) and not round_trip(workflow)
    assert len(pods_of(pipeline, ClusterOptions())) == 10


def test_what_could_run_side_by_side_stays_apart() -> None:
    pipeline = pipeline_of(
        cell("a = 1", "step:a"), cell("b = a", "step:b"), cell("c = a", "step:c"), cell("print(b + c)", "step:d"),
        cell("x = 1", "step:x"), cell("y = x", "step:y"),
    )  # fmt: skip
    assert pods_of(pipeline) == [["a"], ["b"], ["c"], ["d"], ["x", "y"]]


def test_a_step_that_asks_for_something_has_its_own_pod() -> None:
    pipeline = pipeline_of(
        cell("a = 1", "step:a"), cell("b = a", "step:b", "memory:4Gi"), cell("c = b", "step:c"), cell("d = c", "step:d"),
        cell("e = d", "step:e", "image:python:3.9"), cell("f = e", "step:f", "node:disk=ssd"), cell("print(f)", "step:g", "cache:on"),
    )  # fmt: skip
    assert pods_of(pipeline) == [["a"], ["b"], ["c", "d"], ["e"], ["f"], ["g"]]


def test_a_mark_puts_steps_into_one_pod_that_gets_the_most_of_what_they_ask_for() -> None:
    pipeline = pipeline_of(
        cell("a = 1", "step:a", "pod:p", "memory:512Mi", "cpu:500m", "timeout:10s", "retry:1"),
        cell("b = 1", "step:b"),
        cell("c = a + b", "step:c", "pod:p", "memory:1Gi", "cpu:0.25", "timeout:20s"),
    )
    assert pods_of(pipeline, ClusterOptions()) == [["a", "c"], ["b"]]
    (template,) = [
        t
        for t in compiled(pipeline, ClusterOptions()).workflow["spec"]["templates"]
        if "resources" in t.get("container", {})
    ]
    assert template["container"]["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}
    assert "lastRetry" in template["retryStrategy"]["expression"] and template["activeDeadlineSeconds"] >= 45
    assert not list(check_pods(pipeline, ClusterOptions()))


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([], ["image:python:3.9"], "another image"),
        ([], ["cache:on"], "from a cache"),
        ([], ["shell", "image:alpine"], "without Python"),
        (["secret:s:k:A"], [], "another secret"),
    ],
)
def test_steps_that_cannot_share_a_pod_are_told_so(first: list[str], second: list[str], words: str) -> None:
    pipeline = pipeline_of(
        cell("a = 1", "step:a", "pod:p", *first),
        cell("echo 1" if "shell" in second else "b = a", "step:b", "pod:p", *second),
    )
    (problem,) = list(check_pods(pipeline, ClusterOptions()))
    assert problem.code == "KF718" and words in problem.message


def test_a_step_between_two_of_a_pod_is_told() -> None:
    pipeline = pipeline_of(
        cell("a = 1", "step:a", "pod:p"), cell("b = a", "step:b"), cell("print(b)", "step:c", "pod:p")
    )
    (problem,) = list(check_pods(pipeline, ClusterOptions()))
    assert "the steps between them" in problem.message


# -------------------------------------------------------------------- how they run
@pytest.mark.parametrize("values", ["parameters", "volume:values", "s3"])
def test_each_step_of_a_pod_has_its_state_its_log_and_its_values(tmp_path: Path, cluster: Pods, values: str) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube, values=values) as engine, Controller(kube, cluster).at_work():
        pipeline = pipeline_of(*CHAIN, cell("print('after', a)", "step:last", "memory:1Gi"))
        run_id = engine.submit(pipeline, run_options(pipeline, tmp_path))
        summary = finished(engine, run_id)
        assert summary["state"] == "succeeded", summary["error"]
        assert set(states(summary).values()) == {"succeeded"} and pods_made(kube) == 2
        assert printed(engine, run_id, "s0") == ["begin"] and printed(engine, run_id, "s4") == ["step 4 4"]
        assert printed(engine, run_id, "last") == ["after 9"]
        assert engine.store.value(run_id, "s3", "a") == 3
        assert all(s["attempts"] == 1 and s["started"] <= s["finished"] for s in engine.store.steps(run_id))


def failing(times: int, folder: Path) -> str:
    return f"from pathlib import Path\ncount = Path({str(folder / 'count')!r})\nn = int(count.read_text()) if count.exists() else 0\ncount.write_text(str(n + 1))\nprint('try', n)\nassert n >= {times}\nb = a + 1"


def test_a_step_of_a_pod_is_tried_again_alone(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        pipeline = pipeline_of(
            cell("print('once')\na = 1", "step:one"),
            cell(failing(1, tmp_path), "step:two", "retry:2"),
            cell("print(b)", "step:three"),
        )
        run_id = engine.submit(pipeline, run_options(pipeline, tmp_path))
        summary = finished(engine, run_id)
        assert summary["state"] == "succeeded" and pods_made(kube) == 1
        assert {s["path"]: s["attempts"] for s in engine.store.steps(run_id)} == {"one": 1, "two": 2, "three": 1}
        assert printed(engine, run_id, "one") == ["once"] and printed(engine, run_id, "three") == ["2"]
        first = [line.text for line in engine.store.logs(run_id, "two", 1)]
        assert first[0] == "try 0" and "AssertionError" in first[-1]
        assert [line.text for line in engine.store.logs(run_id, "two", 2)] == ["try 1"]


def test_a_failure_keeps_what_was_done_and_a_retry_takes_it(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        first = cell("print('once')\na = [1]", "step:one")
        more = (cell("c = b[:1]\nprint('three', c)", "step:three"), cell("print('four', c)", "step:four"))
        broken = pipeline_of(first, cell("b = a[1]", "step:two"), *more)
        run_id = engine.submit(broken, run_options(broken, tmp_path))
        summary = finished(engine, run_id)
        assert states(summary) == {"one": "succeeded", "two": "failed", "three": "omitted", "four": "omitted"}
        assert (summary["error"]["type"], summary["error"]["step"], summary["error"]["cell"]) == (
            "IndexError",
            "two",
            2,
        )
        still = pipeline_of(
            first, cell("b = a[0:1] + [2]\nprint('two', b)", "step:two"), cell("c = b[7]", "step:three"), more[1]
        )
        engine.retry(run_id, pipeline=still)
        assert states(finished(engine, run_id)) == {
            "one": "succeeded",
            "two": "succeeded",
            "three": "failed",
            "four": "omitted",
        }
        mended = pipeline_of(first, cell("b = a[0:1] + [2]\nprint('two', b)", "step:two"), *more)
        engine.retry(run_id, pipeline=mended)
        assert set(states(finished(engine, run_id)).values()) == {"succeeded"}
        assert printed(engine, run_id, "four") == ["four [1]"] and pods_made(kube) == 3
        assert {s["path"]: s["attempts"] for s in engine.store.steps(run_id)} == {
            "one": 1,
            "two": 2,
            "three": 2,
            "four": 1,
        }
        engine.retry(run_id, "three")
        assert set(states(finished(engine, run_id)).values()) == {"succeeded"}
        assert {s["path"]: s["attempts"] for s in engine.store.steps(run_id)} == {
            "one": 1,
            "two": 2,
            "three": 3,
            "four": 2,
        }


def test_a_step_that_may_fail_lets_its_pod_go_on(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        pipeline = pipeline_of(
            cell("a = 1", "step:one"), cell("b = a / 0", "step:two", "on-failure:continue"), cell("print(b)", "step:three"),
            cell("print('four')", "step:four", "after:two"),
        )  # fmt: skip
        summary = finished(engine, engine.submit(pipeline, run_options(pipeline, tmp_path)))
        assert summary["state"] == "succeeded"
        assert states(summary) == {"one": "succeeded", "two": "failed", "three": "skipped", "four": "succeeded"}


def test_a_step_that_dies_is_told_and_its_pod_ends(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        pipeline = pipeline_of(
            cell("a = 1", "step:one"), cell("import os\nprint('x', end='', flush=True)\nos.kill(os.getpid(), 9)\nb = a", "step:two"), cell("print(b)", "step:three")
        )  # fmt: skip
        summary = finished(engine, engine.submit(pipeline, run_options(pipeline, tmp_path)))
        assert states(summary) == {"one": "succeeded", "two": "failed", "three": "omitted"}
        assert "ended by SIGKILL" in summary["error"]["message"]


def test_the_iterations_of_a_loop_are_a_pod_each(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        pipeline = pipeline_of(
            cell("numbers = [1, 2, 3]", "step:make"),
            cell("double = 2 * x", "step:double", "foreach:x in numbers"),
            cell("print(sum(double))", "step:show"),
        )
        run_id = engine.submit(pipeline, run_options(pipeline, tmp_path))
        assert finished(engine, run_id)["state"] == "succeeded"
        assert printed(engine, run_id, "show") == ["12"]


def begun(step: str, attempt: int = 1) -> str:
    return f'::kfnb {{"begin": "{step}", "attempt": {attempt}}}\n'


def test_a_pod_of_kubeflow_is_followed_by_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.following.poll_run.EVERY", 0.05)
    server = Server()
    with kfp_engine_at(tmp_path, server) as engine:
        cells = [
            cell("a = 1", "step:one"),
            cell("b = a", "step:two", "retry:1"),
            cell("c = b", "step:three"),
            cell("print(c)", "step:four"),
        ]
        pipeline = pipeline_of(*cells)
        run_id = engine.submit(pipeline, run_options(pipeline, tmp_path))
        (run,) = server.runs.values()
        pod = "one-two-three-four"
        first = (
            begun("one")
            + marked("one", "begin", state="succeeded", left={"pack": "minio://b/one"})
            + begun("two")
            + "half"
        )
        tell(server, run, backend_of(run, {pod: "Running"}), {pod: first}, state="RUNNING")
        with engine.following(run_id):
            wait_for(
                lambda: (
                    states(engine.store.summary(run_id))
                    == {"one": "succeeded", "two": "running", "three": "pending", "four": "pending"}
                )
            )
            more = first + " of it\n" + marked("two", "no", state="failed", error={"type": "E", "message": "m"})
            more += begun("two", 2) + marked("two", "yes", state="succeeded") + begun("three")
            more += marked("three", "dying", state="failed", error={"type": "ZeroDivisionError", "message": "by zero"})
            tell(
                server,
                run,
                backend_of(run, {pod: "Failed"}),
                {pod: more},
                state="FAILED",
                finished_at="2026-01-01T00:00:09Z",
            )
            events = list(engine.events(run_id))
        assert states(engine.store.summary(run_id)) == {
            "one": "succeeded",
            "two": "succeeded",
            "three": "failed",
            "four": "omitted",
        }
        assert [line.text for line in engine.store.logs(run_id, "two", 1)] == ["half of it", "no"]
        assert [line.text for line in engine.store.logs(run_id, "two", 2)] == ["yes"]
        running = [e.data["path"] for e in events if e.kind == "step" and e.data["state"] == "running"]
        assert running == ["one", "two", "two", "three"]
        # the launcher stores nothing of a pod that failed, so all its steps run again
        mended = pipeline_of(*cells[:2], cell("c = b + 1", "step:three"), cells[3])
        engine.retry(run_id, pipeline=mended)
        assert set(states(engine.store.summary(run_id)).values()) == {"pending"}


# -------------------------------------------------------------------- the same outcome
NOTEBOOKS = sorted(Path(__file__).parents[2].glob("notebooks/**/*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_notebook_compiles_with_shared_pods(path: Path) -> None:
    workflow = compiled(pipeline_at(path)).workflow
    assert not problems(workflow) and not round_trip(workflow)
    assert not any(violations(pod) for pod in pods_of_workflow(workflow).values())


def test_generated_pipelines_have_the_same_outcome_in_shared_pods_of_kubeflow(
    oracle: Oracle, tmp_path: Path, times: int
) -> None:
    shared = 0
    for number in range(10 * times):
        pipeline = read(program(Random(number), fails=number % 4 == 1), before=COMPONENTS).pipeline
        assert pipeline is not None
        if len(list(pipeline.steps())) > 8:
            continue
        apart = on_kfp(pipeline, oracle, bind(pipeline, {}), tmp_path / f"apart-{number}")
        together = on_kfp(pipeline, oracle, bind(pipeline, {}), tmp_path / f"together-{number}", fuse=True)
        assert not differences(by_step(together, pipeline), by_step(apart, pipeline)), f"seed {number}"
        tasks = [compile_ir(pipeline, o, StepRequirements()).task_jobs for o in (FUSED, ClusterOptions())]
        shared += len(tasks[0]) < len(tasks[1])
    assert shared > 1


def test_a_chain_of_ten_light_steps_is_one_executor_of_kubeflow(oracle: Oracle, tmp_path: Path) -> None:
    pipeline = pipeline_of(*CHAIN)
    compiled_ir = compile_ir(pipeline, FUSED, StepRequirements())
    assert len(compiled_ir.ir["deploymentSpec"]["executors"]) == 1
    json_format.ParseDict(compiled_ir.ir, pipeline_spec_pb2.PipelineSpec())
    outcome = on_kfp(pipeline, oracle, {}, tmp_path, fuse=True)
    assert outcome.state == "succeeded" and outcome.texts["s9"] == "step 9 9" and len(outcome.states) == 10


def test_generated_pipelines_have_the_same_values_in_shared_pods(cluster: Pods, times: int) -> None:
    shared = 0
    for number in range(12 * times):
        pipeline = read(program(Random(number), fails=number % 4 == 1), before=COMPONENTS).pipeline
        assert pipeline is not None
        apart = on_argo(pipeline, cluster, {})
        together = on_argo(pipeline, cluster, {}, fuse=True)
        assert not differences(together, apart), f"seed {number}"
        shared += len(compiled(pipeline).task_jobs) < len(compiled(pipeline, ClusterOptions()).task_jobs)
    assert shared > 3


# -------------------------------------------------------------------- a pod that is lost
def lost_once(folder: Path) -> Pipeline:
    """The second step asks its pod to end, the first time, as a node does that is drained."""
    code = (
        f"import os, pathlib, signal, time\nonce = pathlib.Path({str(folder / 'once')!r})\nprint('two', n)\n"
        "if not once.exists():\n    once.touch()\n    os.kill(os.getppid(), signal.SIGTERM)\n    time.sleep(20)\nm = n + 1"
    )
    return pipeline_of(
        cell("n = 1\nprint('one')", "step:one", "pod:p"),
        cell(code, "step:two", "pod:p", "retry:1"),
        cell("print('three', m)", "step:three", "pod:p"),
    )


def test_a_shared_pod_that_was_lost_is_made_again_where_a_step_may_be_retried(tmp_path: Path, cluster: Pods) -> None:
    kube, pipeline = Cluster(), lost_once(tmp_path)
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        run_id = engine.submit(pipeline, run_options(pipeline, tmp_path, fuse=False))
        summary = finished(engine, run_id)
        assert summary["state"] == "succeeded" and set(states(summary).values()) == {"succeeded"}
        assert pods_made(kube) == 2 and printed(engine, run_id, "three") == ["three 2"]
        assert {s["path"]: s["attempts"] for s in engine.store.steps(run_id)} == {"one": 1, "two": 3, "three": 2}


def test_a_step_that_fails_by_itself_does_not_make_its_shared_pod_again(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    pipeline = pipeline_of(cell("n = 1", "step:one", "pod:p"), cell("n / 0", "step:two", "pod:p", "retry:1"))
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        run_id = engine.submit(pipeline, run_options(pipeline, tmp_path, fuse=False))
        summary = finished(engine, run_id)
        assert states(summary) == {"one": "succeeded", "two": "failed"} and pods_made(kube) == 1
        assert summary["error"]["type"] == "ZeroDivisionError"


def test_a_shared_pod_that_argo_makes_again_under_its_name_is_told_as_lost(tmp_path: Path) -> None:
    """As Argo 4.1.2 does when the pod of a running node was deleted by force: the node is in error, and then runs again with that message."""
    kube, pipeline = Cluster(), lost_once(tmp_path)
    with engine_at(tmp_path, kube) as engine:
        run_id = engine.submit(pipeline, run_options(pipeline, tmp_path, fuse=False))
        (name,) = kube.created
        task = "one-two-three"
        retry = {
            "id": "r",
            "name": f"{name}.{task}",
            "displayName": task,
            "type": "Retry",
            "phase": "Running",
            "children": ["n"],
        }
        node = {"id": "n", "name": f"{name}.{task}(0)", "displayName": f"{task}(0)", "type": "Pod", "phase": "Running"}
        labels = {"workflows.argoproj.io/workflow": name}
        kube.pods["p"] = {
            "metadata": {"name": "p", "annotations": {"workflows.argoproj.io/node-id": "n"}, "labels": labels}
        }
        kube.update(name, {"status": {"phase": "Running", "nodes": {"r": retry, "n": node}}})
        kube.say("p", '::kfnb {"begin": "one", "attempt": 1}', "one", '::kfnb {"step": "one", "state": "succeeded"}')
        kube.say("p", '::kfnb {"begin": "two", "attempt": 1}', "two 1")
        engine.refresh(run_id)
        assert {s["path"]: s["state"] for s in engine.store.steps(run_id)}["two"] == "running"
        kube.update(
            name, {"status": {"phase": "Running", "nodes": {"r": retry, "n": {**node, "message": "pod deleted"}}}}
        )
        engine.refresh(run_id)
        told = {s["path"]: (s["state"], s["reason"]) for s in engine.store.steps(run_id)}
    assert told["one"] == ("succeeded", None)
    assert told["two"] == ("running", "its pod was lost, so all steps of the pod run again")
