"""How the nodes of Kubeflow Pipelines' backend, and what its API tells of them, become states of steps."""

from __future__ import annotations

import pytest

from kfnb.engines.cluster.packaging.step_requirements import StepRequirements
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.kfp.following.node_states import observe_steps, pod_of
from kfnb.engines.kfp.following.task_tree import nodes_from_details
from kfnb.engines.kfp.ir import pipeline_ir
from kfnb.step_settings import Settings
from tests.cluster.kfp_backend import Backend, node_id
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


def compiled(*cells: dict) -> pipeline_ir.Compiled:  # type: ignore[type-arg]
    return pipeline_ir.compile_ir(pipeline_of(*cells), ClusterOptions(), StepRequirements())


def both(made: pipeline_ir.Compiled, backend: Backend) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The states and pods of the steps; the same from the Workflow and from the API."""
    nodes = backend.made()
    whole = {
        s.path: (s.state, tuple(a.node for a in s.attempts)) for s in observe_steps(nodes, made.task_jobs, made.blocks)
    }
    nodes = nodes_from_details(backend.details(), made.task_jobs)
    assert {
        s.path: (s.state, tuple(a.node for a in s.attempts)) for s in observe_steps(nodes, made.task_jobs, made.blocks)
    } == whole
    return whole


@pytest.mark.parametrize("name", ["executor", "executor-setup", "taxi-driver"])
def test_a_step_may_be_called_as_the_backends_own_nodes_are(name: str) -> None:
    made = compiled(cell("a = 1", f"step:{name}", "retry:2"), cell("print(a)", "step:last"))
    found = both(made, Backend(made.ir, {"last": "Running"}, tries={name: 2}))
    assert {p: (s, len(pods)) for p, (s, pods) in found.items()} == {name: ("succeeded", 2), "last": ("running", 1)}


def test_iterations_are_told_apart_though_the_api_does_not_say_where_a_node_stands() -> None:
    made = compiled(COMPONENTS, NESTED)
    outer, inner = (t for t, jobs in made.blocks.items())
    found = both(made, Backend(made.ir, {"make[1][0]": "Running", "total[2]": "Failed"}, {outer: 3, inner: 2}))
    assert {p for p in found if p.startswith("make")} == {f"make[{i}][{j}]" for i in range(3) for j in range(2)}
    assert {p for p in found if p.startswith("total[")} == {"total[0]", "total[1]", "total[2]"}
    assert found["make[1][0]"][0] == "running" and found["make[0][1]"][0] == "succeeded"
    assert found["total[2]"][0] == "failed" and found["total[0]"][0] == "succeeded"
    name = f"words-x7f2p.root.{outer}.iteration-iterations(1:1).iteration-item.{inner}.iteration-iterations(0:0).iteration-item.make.executor"
    assert found["make[1][0]"][1] == (node_id("words-x7f2p", name),)


def test_handlers_and_branches_that_were_skipped() -> None:
    made = compiled(COMPONENTS, GUARDED)
    closed = {t for t, jobs in made.blocks.items() if [j.name for j in jobs] == ["show"]}
    found = both(made, Backend(made.ir, dict.fromkeys(closed, "Skipped")))
    assert {p: s for p, (s, _) in found.items()} == {
        "make": "succeeded", "show": "skipped", "show-2": "succeeded", "show-3": "succeeded",
    }  # fmt: skip


def test_what_stands_behind_a_failure_is_omitted() -> None:
    made = compiled(cell("a = 1", "step:one"), cell("b = a / 0", "step:two"), cell("print(b)", "step:three"))
    found = both(made, Backend(made.ir, {"two": "Failed", "three": "Omitted"}))
    assert {p: s for p, (s, _) in found.items()} == {"one": "succeeded", "two": "failed", "three": "omitted"}


def test_tries_and_results_that_were_found() -> None:
    made = compiled(
        cell("a = 1", "step:one", "retry:3"), cell("b = a", "step:two", "cache:on"), cell("print(b)", "step:three")
    )
    found = both(made, Backend(made.ir, {"two": "Cached"}, tries={"one": 3}))
    assert {p: s for p, (s, _) in found.items()} == {"one": "succeeded", "two": "cached", "three": "succeeded"}
    assert len(found["one"][1]) == 3 and found["two"][1] == ()


@pytest.mark.parametrize(
    ("settings", "template"),
    [
        (Settings(), "system-container-impl"),
        (Settings(retry=2), "retry-system-container-impl"),
        (Settings(labels=(("a", "b"), ("c", "d")), annotations=(("e", "f"),)), "metadata-1-2-system-container-impl"),
    ],
)
def test_a_pod_is_called_by_its_workflow_its_template_and_its_node(settings: Settings, template: str) -> None:
    assert pod_of("my-words-x7f2p-3375089848", settings) == f"my-words-x7f2p-{template}-3375089848"
