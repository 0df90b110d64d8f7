"""How the nodes of Kubeflow Pipelines' backend, and what its API tells of them, become states of steps."""

from __future__ import annotations

import base64
import json
import zlib

import pytest

from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.kfp.following.node_states import observe_steps, pod_of
from kfnb.engines.kfp.following.task_tree import nodes_from_details
from kfnb.engines.kfp.ir import pipeline_ir
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.runtime.pods.handover.engine_inputs import typed_inputs
from kfnb.step_settings import Settings
from tests.cluster.kfp_backend import Backend, as_kept, metadata_state, node_id, pod_node
from tests.notebooks import cell
from tests.running import pipeline_of

COMPONENTS = cell(
    "from kfnb import component\n"
    "@component\ndef make(n: int) -> int:\n    return n\n"
    "@component\ndef show(n: int):\n    print(n)\n"
    "@component\ndef total(numbers: list) -> int:\n    return sum(numbers)"
)
NESTED = cell(
    "%%pipeline nested\n"
    "sums = []\n"
    "for i in [1, 2, 3]:\n"
    "    inner = []\n"
    "    for j in [4, 5]:\n"
    "        x = make(j)\n"
    "        inner.append(x)\n"
    "    s = total(inner)\n"
    "    sums.append(s)\n"
    "show(total(sums))"
)
GUARDED = cell(
    "%%pipeline guarded\ntry:\n    x = make(1)\n    if x > 1:\n        show(x)\n    else:\n        show(3)\nfinally:\n    show(9)"
)

GREETINGS = cell(
    "from kfnb import component\n"
    "@component\ndef greet(name: str) -> str:\n    return 'hello ' + name\n"
    "@component\ndef say(text: str):\n    print(text)\n"
    "@component\ndef names() -> list:\n    return ['ada', 'bob']"
)
STATUS_OF_EACH = """%%pipeline greetings
heard = []
for name in names():
    try:
        text = greet(name)
        if text == 'hello ada':
            say(text)
        heard.append(text)
    finally:
        last = greet(kfnb_status['state'])
        say(last)
say(str(heard))
"""
EXIT_IN_LOOP = cell(
    "%%pipeline greetings\n"
    "for name in names():\n"
    "    try:\n        x = greet(name)\n        say(x)\n"
    "    finally:\n        say('left')\n"
    "say('end')"
)


def compiled(*cells: dict) -> pipeline_ir.CompiledIr:  # type: ignore[type-arg]
    return pipeline_ir.compile_ir(pipeline_of(*cells), ClusterOptions(), StepRequirements())


def both(pipeline: pipeline_ir.CompiledIr, backend: Backend) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The states and pods of the steps; the same from the Workflow and from the API."""
    nodes = backend.workflow_nodes()
    from_workflow = {
        s.path: (s.state, tuple(a.node for a in s.attempts))
        for s in observe_steps(nodes, pipeline.task_jobs, pipeline.blocks)
    }
    nodes = nodes_from_details(backend.details(), pipeline.task_jobs)
    assert {
        s.path: (s.state, tuple(a.node for a in s.attempts))
        for s in observe_steps(nodes, pipeline.task_jobs, pipeline.blocks)
    } == from_workflow
    return from_workflow


@pytest.mark.parametrize("name", ["root", "iteration-item", "executor", "executor-setup", "taxi-driver"])
def test_a_step_may_be_called_as_the_backends_own_nodes_are(name: str) -> None:
    pipeline = compiled(cell("a = 1", f"step:{name}", "retry:2"), cell("print(a)", "step:last"))
    (task,) = (t for t, jobs in pipeline.task_jobs.items() if jobs[0].name == name)
    states = both(pipeline, Backend(pipeline.ir, {"last": "Running"}, tries={task: 2}))
    assert {p: (s, len(pods)) for p, (s, pods) in states.items()} == {name: ("succeeded", 2), "last": ("running", 1)}


def test_iterations_are_told_apart_though_the_api_does_not_say_where_a_node_stands() -> None:
    pipeline = compiled(COMPONENTS, NESTED)
    outer, inner = (t for t, jobs in pipeline.blocks.items())
    states = both(pipeline, Backend(pipeline.ir, {"make[1][0]": "Running", "total[2]": "Failed"}, {outer: 3, inner: 2}))
    assert {p for p in states if p.startswith("make")} == {f"make[{i}][{j}]" for i in range(3) for j in range(2)}
    assert {p for p in states if p.startswith("total[")} == {"total[0]", "total[1]", "total[2]"}
    assert states["make[1][0]"][0] == "running" and states["make[0][1]"][0] == "succeeded"
    assert states["total[2]"][0] == "failed" and states["total[0]"][0] == "succeeded"
    name = f"words-x7f2p.root.{outer}.iteration-iterations(1:1).iteration-item.{inner}.iteration-iterations(0:0).iteration-item.make.executor"
    assert states["make[1][0]"][1] == (node_id("words-x7f2p", name),)


def test_handlers_and_branches_that_were_skipped() -> None:
    pipeline = compiled(COMPONENTS, GUARDED)
    closed = {t for t, jobs in pipeline.blocks.items() if [j.name for j in jobs] == ["show"]}
    states = both(pipeline, Backend(pipeline.ir, dict.fromkeys(closed, "Skipped")))
    assert {p: s for p, (s, _) in states.items()} == {
        "make": "succeeded", "show": "skipped", "show-2": "succeeded", "show-3": "succeeded",
    }  # fmt: skip


def test_what_stands_behind_a_failure_is_omitted() -> None:
    pipeline = compiled(cell("a = 1", "step:one"), cell("b = a / 0", "step:two"), cell("print(b)", "step:three"))
    states = both(pipeline, Backend(pipeline.ir, {"two": "Failed", "three": "Omitted"}))
    assert {p: s for p, (s, _) in states.items()} == {"one": "succeeded", "two": "failed", "three": "omitted"}


def test_tries_and_results_that_were_found() -> None:
    pipeline = compiled(
        cell("a = 1", "step:one", "retry:3"), cell("b = a", "step:two", "cache:on"), cell("print(b)", "step:three")
    )
    states = both(pipeline, Backend(pipeline.ir, {"two": "Cached"}, tries={"one": 3}))
    assert {p: s for p, (s, _) in states.items()} == {"one": "succeeded", "two": "cached", "three": "succeeded"}
    assert len(states["one"][1]) == 3 and states["two"][1] == ()


@pytest.mark.parametrize(
    ("settings", "template"),
    [
        (Settings(), "system-container-impl"),
        (Settings(retry=2), "retry-system-container-impl"),
        (Settings(labels=(("a", "b"), ("c", "d")), annotations=(("e", "f"),)), "metadata-1-2-system-container-impl"),
    ],
)
def test_a_pod_is_called_by_its_workflow_its_template_and_its_node(settings: Settings, template: str) -> None:
    assert pod_of(pod_node("my-words-x7f2p-3375089848"), settings) == f"my-words-x7f2p-{template}-3375089848"


def test_components_with_equal_containers_keep_their_own_interfaces() -> None:
    pipeline = compiled(GREETINGS, EXIT_IN_LOOP)
    kept = as_kept(pipeline.ir)["components"]
    parts = ("inputDefinitions", "outputDefinitions")
    for name, component in pipeline.ir["components"].items():
        assert [kept[name].get(p) for p in parts] == [component.get(p) for p in parts], name
    backend = Backend(pipeline.ir)
    backend.workflow_nodes()
    assert not backend.driver_logs


STATUS_IN_LOOP = cell(
    "%%pipeline greetings\n"
    "for name in names():\n"
    "    try:\n        x = greet(name)\n        if x == 'hello ada':\n            say(x)\n"
    "    finally:\n        say(kfnb_status['state'])\n"
    "say('end')"
)


@pytest.mark.parametrize("source", [EXIT_IN_LOOP, STATUS_IN_LOOP])
def test_a_handler_in_a_loop_runs_whether_it_reads_the_status_or_not(source: dict) -> None:  # type: ignore[type-arg]
    pipeline = compiled(GREETINGS, source)
    states = both(pipeline, Backend(pipeline.ir, items={t: 2 for t in pipeline.blocks}))
    handler = next(jobs[-1].name for jobs in pipeline.blocks.values() if any(j.in_handler for j in jobs))
    assert states[f"{handler}[0]"][0] == states[f"{handler}[1]"][0] == "succeeded"


def specs_of(ir: dict) -> list[dict]:  # type: ignore[type-arg]
    """What the runtime reads in each step, for steps whose component nothing else calls."""
    found = []
    for executor in ir["deploymentSpec"]["executors"].values():
        if executor["container"]["command"][0] == "python3":
            count, *pieces, _ = executor["container"]["args"]
            found.append(json.loads(zlib.decompress(base64.b64decode("".join(pieces[int(count) :])))))
    return found


GUARDED_BRANCH = "%%pipeline guarded\ntry:\n    x = make(1)\n    if x > 1:\n        show(x)\nfinally:\n    {handler}"


def test_a_handler_learns_that_its_guard_ended_well_though_a_branch_was_not_taken() -> None:
    cached = ClusterOptions(cache=True)
    for handler, state in (("show(len(kfnb_status['state']))", "COMPLETE"), ("show(9)", "RUNNING")):
        pipeline = pipeline_of(COMPONENTS, cell(GUARDED_BRANCH.format(handler=handler)))
        ir = pipeline_ir.compile_ir(pipeline, cached, StepRequirements()).ir
        guard = ir["root"]["dag"]["tasks"]["try"]["componentRef"]["name"]
        branches = {n for n in ir["components"][guard]["dag"]["tasks"] if n.startswith("if")}
        assert metadata_state(ir, guard, dict.fromkeys(branches, False), cached=True) == state
        assert bool(branches) == (state == "RUNNING"), "the handler that does not ask costs no pods"


def test_a_script_in_its_own_image_keeps_its_branch_and_the_handler_takes_an_unknown_end_for_a_good_one() -> None:
    script = cell('%%component hello --shell --image bash:4.4.23 --when "a > 1"\necho $a')
    leave = cell("print(kfnb_status['state'])", "step:leave", "exit")
    pipeline = compiled(cell("a = 1", "step:one"), script, leave)
    specs = {s["spec"]["step"]: s for s in specs_of(pipeline.ir)}
    assert "unsure" in specs["leave"]
    reported = {"status": {n: {"state": "RUNNING"} for n in specs["leave"]["unsure"]}}
    empty: dict[str, dict[str, object]] = {"parameter": {}, "item": {}}
    _, _, statuses = typed_inputs(specs["leave"], {**empty, **reported})
    assert [s["state"] for s in statuses.values()] == ["succeeded"]
