"""Scripts in images without Python: in loops, conditions and exit handlers, as the local engine runs them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.packaging.step_requirements import StepRequirements
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from tests.cluster.argo import Pods
from tests.cluster.outcome import Oracle, Outcome, by_step, differences, locally, on_argo, on_kfp
from tests.notebooks import cell
from tests.running import pipeline_of

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
