"""What the pods of steps may do: by default they satisfy the restricted Pod Security Standard, whichever notebook they come from."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.targets.target_settings import settings_error
from kfnb.engines.kfp.ir.pipeline_ir import compile_ir
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from tests.cluster.argo import Pods
from tests.cluster.lint import round_trip
from tests.cluster.outcome import on_argo
from tests.cluster.pod_standard import pods_of_pipeline, pods_of_workflow, violations
from tests.cluster.test_compiled import NOTEBOOKS, pipeline_at
from tests.notebooks import cell
from tests.program.cells import read
from tests.program.programs import COMPONENTS
from tests.program.programs import program as cell_program
from tests.running import pipeline_of

TRANSPORTS = ("parameters", "volume:values", "s3")


def workflow_of(pipeline: Pipeline, **options: Any) -> dict[str, Any]:
    return compile_workflow(pipeline, ClusterOptions(**options), StepRequirements()).workflow


def documents_of(pipeline: Pipeline, **options: Any) -> list[dict[str, Any]]:
    return compile_ir(pipeline, ClusterOptions(**options), StepRequirements()).documents


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_the_pods_of_every_notebook_satisfy_the_restricted_standard(path: Path) -> None:
    pipeline = pipeline_at(path)
    for values in TRANSPORTS:
        workflow = workflow_of(pipeline, values=values)
        pods = pods_of_workflow(workflow)
        assert pods and not any(violations(pod) for pod in pods.values())
        assert not round_trip(workflow)
    pods = pods_of_pipeline(documents_of(pipeline))
    assert pods and not any(violations(pod) for pod in pods.values())


def test_the_pods_of_generated_pipelines_satisfy_it_and_write_below_tmp() -> None:
    for number in range(12):
        pipeline = read(cell_program(Random(number), fails=number % 2 == 1), before=COMPONENTS).pipeline
        assert pipeline is not None
        for fuse in (False, True):
            pods = pods_of_workflow(workflow_of(pipeline, fuse=fuse, values=TRANSPORTS[number % 3]))
            assert pods and not any(violations(pod) for pod in pods.values())
            assert all(_writes_below_tmp_alone(pod) for pod in pods.values())
            pods = pods_of_pipeline(documents_of(pipeline, fuse=fuse))
            assert pods and not any(violations(pod) for pod in pods.values())


def _writes_below_tmp_alone(pod: dict[str, Any]) -> bool:
    main = pod["containers"][-1]
    mounts = {m["mountPath"] for m in main["volumeMounts"]}
    return main["name"] == "main" and main["securityContext"]["readOnlyRootFilesystem"] and "/tmp" in mounts


def test_steps_with_volumes_images_and_scripts_satisfy_it_too() -> None:
    pipeline = pipeline_of(
        cell("a = 1", "step:one", "volume:data:/data", "secret:s:k:TOKEN"),
        cell("echo $a", "step:two", "shell", "image:alpine"),
        cell("print(a)", "step:three"),
    )
    for options in ({}, {"read_only_root": True}, {"run_as_user": "cluster"}, {"run_as_user": 12345, "fs_group": 0}):
        workflow = workflow_of(pipeline, **options)
        assert not any(violations(pod) for pod in pods_of_workflow(workflow).values()), options
        assert not any(violations(pod) for pod in pods_of_pipeline(documents_of(pipeline, **options)).values()), options


def test_the_check_finds_what_the_standard_forbids() -> None:
    """As a namespace said of our pods before: each of the four, of each of the three containers."""
    pipeline = pipeline_of(cell("a = 1", "step:one"))
    (pod,) = pods_of_workflow(workflow_of(pipeline, security="off")).values()
    found = violations(pod)
    assert len(found) == 12 and {f.split(":")[0] for f in found} == {"init", "wait", "main"}
    (pod,) = pods_of_workflow(workflow_of(pipeline)).values()
    pod["volumes"].append({"name": "host", "hostPath": {"path": "/"}})
    pod["hostNetwork"] = True
    assert violations(pod) == ["pod: hostNetwork", "volume host: hostPath", "volume host: kind"]


def test_a_target_says_what_its_pods_may_do() -> None:
    pipeline = pipeline_of(cell("a = 1", "step:one"))
    spec = workflow_of(pipeline)["spec"]
    assert spec["securityContext"]["runAsUser"] == 1000 == spec["securityContext"]["fsGroup"]
    spec = workflow_of(pipeline, run_as_user=12345, fs_group=7)["spec"]
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["fsGroup"]) == (12345, 7)
    spec = workflow_of(pipeline, run_as_user="cluster")["spec"]
    assert not {"runAsUser", "fsGroup"} & set(spec["securityContext"]) and spec["securityContext"]["runAsNonRoot"]
    spec = workflow_of(pipeline, security="baseline")["spec"]
    assert spec["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}} and "podSpecPatch" not in spec
    spec = workflow_of(pipeline, security="off")["spec"]
    assert not {"securityContext", "podSpecPatch"} & set(spec)
    assert len(documents_of(pipeline, security="off")) == 1


def test_the_settings_are_checked() -> None:
    def error(**settings: Any) -> str:
        return settings_error("prod", {"engine": "argo", **settings})

    assert not error(security="baseline", run_as_user=0, fs_group=0, read_only_root=True)
    assert not error(run_as_user="cluster")
    assert "security is one of restricted, baseline, off" in error(security="strict")
    assert 'run_as_user is a number or "cluster"' in error(run_as_user="me")
    assert "fs_group is a number" in error(fs_group="cluster")
    assert 'need security = "baseline"' in error(run_as_user=0)


def test_the_file_system_is_read_only_where_that_can_be() -> None:
    def read_only(*tags: str, **options: Any) -> bool:
        pipeline = pipeline_of(cell("echo 1 > /results/n.txt", "step:one", "shell", "image:alpine", *tags))
        (pod,) = pods_of_workflow(workflow_of(pipeline, **options)).values()
        return bool(pod["containers"][-1]["securityContext"].get("readOnlyRootFilesystem"))

    assert (
        read_only() and read_only("output:n=/tmp/n.txt") and read_only("output:n=/results/n.txt", "volume:v:/results")
    )
    assert not read_only("output:n=/results/n.txt") and not read_only("output:n=/results/n.txt", "volume:v:/results:ro")
    assert read_only("output:n=/results/n.txt", read_only_root=True) and not read_only(read_only_root=False)
    assert not read_only("security-context:readOnlyRootFilesystem=false", read_only_root=True)
    pipeline = pipeline_of(cell("x = 1", "step:one"))
    (pod,) = pods_of_workflow(workflow_of(pipeline, security="baseline")).values()
    assert "securityContext" not in pod["containers"][-1]


def test_a_read_only_file_system_has_a_folder_to_write_to() -> None:
    pipeline = pipeline_of(
        cell("a = [1, 2]", "step:one"), cell("echo $a > $text", "step:two", "shell", "image:alpine", "output:text")
    )
    for template in workflow_of(pipeline, read_only_root=True)["spec"]["templates"]:
        if "container" in template:
            container = template["container"]
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert {"name": "kfnb-tmp", "mountPath": "/tmp"} in container["volumeMounts"]
            assert {"name": "kfnb-tmp", "emptyDir": {}} in template["volumes"]
            # what Kubernetes makes for inputs belongs to root: nothing is written there
            assert all(not a["path"].startswith("/tmp") for a in template.get("inputs", {}).get("artifacts", ()))


def test_a_home_folder_that_nobody_may_write_to_is_replaced(cluster: Pods, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    source = "from pathlib import Path\nfile = Path.home() / 'kfnb-home-test'\nfile.write_text('a')\nfile.unlink()"
    outcome = on_argo(pipeline_of(cell(source, "step:one")), cluster, {})
    assert outcome.state == "succeeded", outcome.detail
