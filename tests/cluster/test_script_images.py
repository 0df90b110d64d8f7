"""Scripts in images without Python: in loops, conditions and exit handlers, as the local engine runs them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.kfp.following.node_states import pod_of
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from kfnb.step_settings import Settings
from tests.cluster.argo import Pods
from tests.cluster.controller import Controller
from tests.cluster.kfp_api import Server
from tests.cluster.kfp_backend import pod_node
from tests.cluster.kube_api import Cluster
from tests.cluster.outcome import Oracle, Outcome, by_step, differences, locally, on_argo, on_kfp
from tests.cluster.test_argo_engine import engine_at, finished, options, printed
from tests.cluster.test_kfp_engine import END, backend_of, marked, tell
from tests.cluster.test_kfp_engine import engine_at as kfp_engine_at
from tests.notebooks import cell
from tests.running import pipeline_of, states

SCRIPT = "%%component {} --shell --image library/bash:4.4.23"


def script(head: str, *lines: str) -> Any:
    return cell("\n".join((SCRIPT.format(head), *lines)))


def over_a_parameter() -> Pipeline:
    return pipeline_of(
        cell("names = ['ann', 'bob {{workflow.name}} $$ $(X)']", "parameters"),
        script('greet --foreach "name in names" --output said', 'echo "hi $name" > "$said"', 'echo "[$name]"'),
        cell("print(said)", "step:told"),
    )


def over_values_of_a_step() -> Pipeline:
    return pipeline_of(
        cell("none = []\nsome = ['a', 'b $$ {{x}}']", "step:made"),
        script('idle --foreach "i in none" --output never', 'echo "$i" > "$never"'),
        script('shout --foreach "s in some" --output loud', 'echo "HI $s" > "$loud"'),
        cell("print(never, loud)", "step:told"),
    )


def over_what_a_script_found() -> Pipeline:
    return pipeline_of(
        cell("names = ['x', 'y']", "step:made"),
        script("first --output word", 'printf heads > "$word"'),
        script("win --when \"word == 'heads'\" --output won", 'echo "$word" > "$won"'),
        script("lose --when \"word == 'tails'\" --output lost", 'echo no > "$lost"'),
        cell("print(won)", "step:told"),
        cell("print(lost)", "step:untold"),
    )


def either_value() -> Pipeline:
    return pipeline_of(
        cell("n = 3", "step:made"),
        script('big --when "n > 2" --output size', 'echo big > "$size"'),
        script('small --when "n <= 2" --output size', 'echo small > "$size"'),
        script("tell", 'echo "it is $size"'),
        cell("print(size)", "step:told"),
    )


def with_a_handler() -> Pipeline:
    return pipeline_of(
        cell("x = 1", "step:one"),
        script("bye --exit", 'echo "$kfnb_status" | cut -c1-21'),
    )


def with_a_handler_that_reads_nothing() -> Pipeline:
    return pipeline_of(cell("x = 1", "step:one"), script("bye --exit", "echo bye"))


PIPELINES = [
    over_a_parameter,
    over_values_of_a_step,
    over_what_a_script_found,
    either_value,
    with_a_handler,
    with_a_handler_that_reads_nothing,
]


@pytest.mark.parametrize("make", PIPELINES)
def test_a_script_runs_in_its_image_as_on_this_machine(
    make: Any, cluster: Pods, oracle: Oracle, tmp_path: Path
) -> None:
    pipeline = make()
    given = bind(pipeline, {})
    here = locally(pipeline, tmp_path, given)
    assert here.state == "succeeded", here.detail
    assert not differences(_of_steps(on_argo(pipeline, cluster, given), pipeline), here)
    there = _of_steps(on_kfp(pipeline, oracle, given, tmp_path / "kfp"), pipeline)
    assert not differences(by_step(there, pipeline), by_step(here, pipeline))


def _of_steps(outcome: Outcome, pipeline: Pipeline) -> Outcome:
    """The outcome without the steps that kfnb adds."""
    names = {s.name for s in pipeline.steps()}

    def own(found: dict[str, str]) -> dict[str, str]:
        return {p: v for p, v in found.items() if p.partition("[")[0] in names}

    values = {n: v for n, v in outcome.values.items() if n.rpartition(".")[0].partition("[")[0] in names}
    return replace(outcome, states=own(outcome.states), texts=own(outcome.texts), values=values)


@pytest.mark.parametrize("make", PIPELINES)
def test_no_script_needs_python_in_its_image(make: Any) -> None:
    workflow = compile_workflow(make(), ClusterOptions(), StepRequirements()).workflow
    containers = [t["container"] for t in workflow["spec"]["templates"] if "container" in t]
    assert {c["command"][0] for c in containers if "bash" in c["image"]} == {"sh"}
    assert {c["command"][0] for c in containers if "bash" not in c["image"]} <= {"python3"}


# -------------------------------------------------------------------- scripts and commands that need Python
PERL = "%%component greet --shell --image {}\n#!/usr/bin/{}\n1"
BRANCH = """from kfnb import component, component_from_command

say = component_from_command(name="say", image="{}", command=["cp", "{{text}}", "{{out}}"], inputs=["text"], outputs=["out"])

@component
def made() -> str:
    return "a"

@component
def tell(text: str) -> str:
    return text
"""
BRANCHES = """%%pipeline nightly
word = made()
said = tell("nothing")
if word == "a":
    said = say(word)
tell(said)
"""


def codes_of(pipeline: Pipeline, engine: str, folder: Path) -> list[str]:
    return [p.code for p in compile_documents(pipeline, engine, ClusterOptions(), folder, {})[1]]


@pytest.mark.parametrize(
    ("image", "program", "found"),
    [
        ("perl:5", "perl", ["KF714"]),
        ("perl:5", "env python3", []),
        ("registry.example.org/team-python:1", "perl", []),
        ("perl:5", "env sh", []),
    ],
)
def test_a_script_for_another_interpreter_says_that_its_image_needs_python(
    image: str, program: str, found: list[str], tmp_path: Path
) -> None:
    pipeline = pipeline_of(cell(PERL.format(image, program)))
    assert codes_of(pipeline, "argo", tmp_path) == codes_of(pipeline, "kfp", tmp_path) == found


@pytest.mark.parametrize(("image", "found"), [("alpine", ["KF714"]), ("team/python", [])])
def test_a_command_in_a_branch_that_is_no_task_of_kubeflow_pipelines_says_so(
    image: str, found: list[str], tmp_path: Path
) -> None:
    pipeline = pipeline_of(cell(BRANCH.format(image)), cell(BRANCHES))
    assert codes_of(pipeline, "kfp", tmp_path) == found and codes_of(pipeline, "argo", tmp_path) == []


# -------------------------------------------------------------------- the environment of a command
IN_ENVIRONMENT = """from kfnb import component, component_from_command

tell = component_from_command(
    name="tell", image="{}", command=["{}", "-c", 'printf "%s|%s" "$text" "$number" > "$said"'], inputs=["text", "number"], outputs={{"said": None}}
)

@component
def made() -> str:
    return "it's \\"so\\" $1\\n "

@component
def shown(said: str) -> None:
    print(repr(said))
"""


def with_variables(image: str, program: str) -> Pipeline:
    steps = cell(IN_ENVIRONMENT.format(image, program))
    return pipeline_of(steps, cell("%%pipeline nightly\nshown(tell(made(), 7))"))


def test_a_command_gets_its_inputs_as_environment_variables(cluster: Pods, oracle: Oracle, tmp_path: Path) -> None:
    pipeline = with_variables("registry.example.org/own:1", "sh")
    here = locally(pipeline, tmp_path / "here", {})
    assert here.state == "succeeded" and "|7" in here.texts["shown"], here.detail
    for there in (on_argo(pipeline, cluster, {}), on_kfp(pipeline, oracle, {}, tmp_path / "kfp")):
        assert there.texts["shown"] == here.texts["shown"]


@pytest.mark.parametrize(
    ("image", "program", "found"), [("team/own", "tell", ["KF704"]), ("alpine", "tell", []), ("team/own", "sh", [])]
)
def test_kubeflow_pipelines_refuses_a_command_whose_variables_nothing_sets(
    image: str, program: str, found: list[str], tmp_path: Path
) -> None:
    pipeline = with_variables(image, program)
    assert codes_of(pipeline, "kfp", tmp_path) == found and codes_of(pipeline, "argo", tmp_path) == []


# -------------------------------------------------------------------- the record has the user's own steps only
@pytest.mark.parametrize("make", PIPELINES)
def test_the_steps_that_kfnb_adds_are_not_in_the_record(make: Any, cluster: Pods, tmp_path: Path) -> None:
    pipeline, kubernetes = make(), Cluster()
    with engine_at(tmp_path, kubernetes) as engine, Controller(kubernetes, cluster).at_work():
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        summary = finished(engine, run_id)
        own = {s.name for s in pipeline.steps()}
        told = {e.data["path"].partition("[")[0] for e in engine.store.events(run_id) if "path" in e.data}
    here = locally(pipeline, tmp_path / "here", bind(pipeline, {}))
    of_steps = {path.partition("[")[0]: state for path, state in here.states.items()}
    assert told == own and states(summary) == of_steps and summary["state"] == "succeeded"


def test_a_step_whose_helper_fails_has_failed_with_its_error_and_its_log(cluster: Pods, tmp_path: Path) -> None:
    pipeline, kubernetes = (
        pipeline_of(
            cell("n = 3", "step:made"),
            cell("size = {n: object()}", "step:big", "when:n > 2"),
            cell("size = 'small'", "step:small", "when:n <= 2"),
            script("tell", 'echo "it is $size"'),
            cell("print(1)", "step:rest", "after:tell"),
        ),
        Cluster(),
    )
    with engine_at(tmp_path, kubernetes) as engine, Controller(kubernetes, cluster).at_work():
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        summary = finished(engine, run_id)
        reasons = {s["path"]: s["reason"] for s in engine.store.steps(run_id)}
        log = printed(engine, run_id, "tell")
    here = locally(pipeline, tmp_path / "here", {})
    assert states(summary) == here.states and states(summary)["tell"] == "failed"
    assert summary["error"]["step"] == "tell" and "`size` is a dict" in summary["error"]["message"]
    assert "`size` is a dict" in here.detail
    assert reasons["rest"] == "tell failed" and any(summary["error"]["message"] in line for line in log)


def test_a_retry_takes_up_a_script_whose_helper_succeeded(cluster: Pods, tmp_path: Path) -> None:
    pipeline = pipeline_of(
        cell("names = ['x', 'y']", "step:made"),
        script("said --output word", 'echo "$names" > "$word"'),
        script("win --when \"word != 'heads'\" --output won", 'echo "$word" > "$won"'),
        cell(f"import os\nassert os.path.exists({str(tmp_path / 'mended')!r}), won", "step:told"),
    )
    kubernetes = Cluster()
    with engine_at(tmp_path, kubernetes) as engine, Controller(kubernetes, cluster).at_work():
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        assert states(finished(engine, run_id))["told"] == "failed"
        (tmp_path / "mended").touch()
        engine.retry(run_id)
        summary = finished(engine, run_id)
        assert set(states(summary).values()) == {"succeeded"}
        attempts = {s["path"]: s["attempts"] for s in engine.store.steps(run_id)}
    assert attempts == {"made": 1, "said": 1, "win": 1, "told": 2}


def test_kubeflow_pipelines_tells_of_helpers_as_of_the_steps_that_they_help(tmp_path: Path) -> None:
    server, pipeline = Server(), over_what_a_script_found()
    with kfp_engine_at(tmp_path, server) as engine:
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (run,) = server.runs.values()
        tell(server, run, backend_of(run, {"first-outputs": "Running"}), {}, state="RUNNING")
        engine.refresh(run_id)
        steps = {s["path"]: (s["state"], s["reason"]) for s in engine.store.steps(run_id)}
        assert steps["first"] == ("running", "its outputs are being read") and "first-outputs" not in steps
        error = {"kind": "condition", "type": "TypeError", "message": "the condition cannot be evaluated"}
        log = marked("first-outputs", "why", state="failed", error=error)
        tell(
            server,
            run,
            backend_of(run, {"first-outputs": "Failed"}),
            {"first": "printed\n", "first-outputs": log},
            state="FAILED",
            finished_at=END,
        )
        engine.refresh(run_id)
        summary = engine.store.summary(run_id)
        assert states(summary)["first"] == "failed" and summary["error"]["message"] == error["message"]
        assert [line.text for line in engine.store.logs(run_id, "first", 1)] == ["printed"]
        assert [line.text for line in engine.store.logs(run_id, "first", 2)] == ["why"]


# -------------------------------------------------------------------- a condition that cannot be evaluated
FLIP = cell("coin = 'heads'", "step:flip")
SAY = """from kfnb import component, component_from_command

say = component_from_command(name="say", image="alpine", command=["echo", "{text}"], inputs=["text"])

@component
def flip() -> str:
    return "heads"
"""


def with_a_script() -> Pipeline:
    return pipeline_of(FLIP, script('win --when "coin > 2"', "echo won"), cell("1", "step:rest"))


def with_a_script_in_a_loop() -> Pipeline:
    items = cell("names = ['a', 'b']", "parameters")
    return pipeline_of(items, FLIP, script('win --when "coin > 2" --foreach "n in names"', 'echo "$n"'))


def with_a_command() -> Pipeline:
    return pipeline_of(
        cell(SAY), cell('%%pipeline nightly\ncoin = flip()\nif coin > 2:\n    say("won")\nelse:\n    say("lost")')
    )


BROKEN = [(with_a_script, "win"), (with_a_script_in_a_loop, "win"), (with_a_command, "say")]


@pytest.mark.parametrize(("make", "guarded"), BROKEN)
def test_what_a_condition_without_a_meaning_guards_fails_and_does_not_run(
    make: Any, guarded: str, cluster: Pods, tmp_path: Path
) -> None:
    pipeline, kubernetes = make(), Cluster()
    here = locally(pipeline, tmp_path, bind(pipeline, {}))
    assert here.state == "failed" and "cannot be evaluated" in here.detail
    with engine_at(tmp_path, kubernetes) as engine, Controller(kubernetes, cluster).at_work():
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        summary = finished(engine, run_id)
        assert not printed(engine, run_id, guarded)
    assert summary["state"] == "failed" and states(summary)[guarded] == "failed"
    assert (
        summary["error"]["message"] in here.detail and "`coin > 2` cannot be evaluated" in summary["error"]["message"]
    )


@pytest.mark.parametrize(("choice", "taken"), [("0", [True, False]), ("1", [False, True]), ("none", [False, False])])
def test_a_branch_of_kubeflow_pipelines_with_a_command_runs_where_its_choice_says_so(
    choice: str, taken: list[bool], tmp_path: Path
) -> None:
    (ir, *_), _ = compile_documents(with_a_command(), "kfp", ClusterOptions(), tmp_path, {})
    tasks = ir["root"]["dag"]["tasks"].values()
    conditions = [t["triggerPolicy"]["condition"] for t in tasks if "triggerPolicy" in t]
    values = {"false": False, "true": True, "inputs": SimpleNamespace(parameter_values=defaultdict(lambda: choice))}
    assert [eval(c, dict(values)) for c in conditions] == taken


def test_a_driver_that_cannot_evaluate_a_condition_says_which_one(tmp_path: Path) -> None:
    """What the driver of Kubeflow Pipelines 2.17.0 said of the same pipeline."""
    said = (
        'KFP driver: driver.DAG(pipelineName=nightly, taskName="if-0", component="comp-if-0-branch", dagExecutionID=719, componentSpec) failed: '
        "evaluation error: no such key: error: '>' not supported between instances of 'str' and 'int' ('heads' > 2)"
    )
    server, pipeline = Server(), with_a_command()
    with kfp_engine_at(tmp_path, server) as engine:
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (run,) = server.runs.values()
        backend = backend_of(run, {"if-0": "DriverFailed", "say-2": "Skipped"})
        node = next(n for n in backend.workflow_nodes().values() if n["displayName"] == "if-0-driver")
        pod = pod_of(replace(pod_node(node["id"]), template="system-dag-driver"), Settings())
        server.logs[pod] = f"F1129 12:26:41.000000       1 main.go:79] {said}\n"
        run.update(run_details={"task_details": backend.details()}, state="FAILED", finished_at=END)
        engine.refresh(run_id)
        error = engine.store.summary(run_id)["error"]
    assert (
        error["message"]
        == f"the condition `coin > 2` cannot be evaluated: {said.partition('error: ')[2].partition('error: ')[2]}"
    )
    assert error["step"] == "say"
