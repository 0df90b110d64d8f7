"""The marks that say what a pod gets, as both engines write them, and what is refused before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.argo.argo_engine import ArgoEngine
from kfnb.engines.argo.workflow_manifest import compile_workflow
from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.submission.fill_for_target import fit_to_target
from kfnb.engines.cluster.targets.target_settings import settings_error
from kfnb.engines.cluster.targets.targets import Target, options_of
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.kfp.ir.pipeline_ir import compile_ir
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.runs.record.run_store import RunStore
from tests.cluster.lint import problems as workflow_problems
from tests.cluster.lint import round_trip
from tests.cluster.pod_standard import pods_of_workflow, violations
from tests.notebooks import cell
from tests.running import pipeline_of

Json = dict[str, Any]


def template_of(pipeline: Pipeline, name: str = "one", **options: Any) -> Json:
    """The one container template of a Workflow, checked against Argo's schema and the restricted standard."""
    workflow = compile_workflow(pipeline, ClusterOptions(**options), StepRequirements()).workflow
    assert not round_trip(workflow) and not workflow_problems(workflow)
    assert not any(violations(pod) for pod in pods_of_workflow(workflow).values())
    (template,) = (t for t in workflow["spec"]["templates"] if "container" in t)
    return {**template, "workflow": workflow["spec"]}


def platform_of(pipeline: Pipeline) -> Json:
    documents = compile_ir(pipeline, ClusterOptions(), StepRequirements()).documents
    platform: Json = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-one"]
    return platform


def one(*tags: str) -> Pipeline:
    return pipeline_of(cell("a = 1", "step:one", *tags))


def refusals(pipeline: Pipeline, engine: str = "argo", **options: Any) -> list[Problem]:
    _, found = compile_documents(
        pipeline, engine, ClusterOptions(packages="none", **options), Path(__file__).parent, {}
    )
    return found


# -------------------------------------------------------------------- what both engines give
def test_keys_of_secrets_and_config_maps_are_variables() -> None:
    pipeline = one("secret:db:password:DB_PASSWORD", "config-map:settings:level:LEVEL")
    env = {e["name"]: e.get("valueFrom") for e in template_of(pipeline)["container"]["env"]}
    assert env["DB_PASSWORD"] == {"secretKeyRef": {"name": "db", "key": "password"}}
    assert env["LEVEL"] == {"configMapKeyRef": {"name": "settings", "key": "level"}}
    platform = platform_of(pipeline)
    assert platform["secretAsEnv"][0]["keyToEnv"] == [{"secretKey": "password", "envVar": "DB_PASSWORD"}]
    assert platform["configMapAsEnv"][0]["keyToEnv"] == [{"configMapKey": "level", "envVar": "LEVEL"}]
    assert platform["configMapAsEnv"][0]["configMapNameParameter"] == {"runtimeValue": {"constant": "settings"}}


def test_secrets_config_maps_and_folders_of_volumes_are_mounted() -> None:
    pipeline = one("secret:cert:/etc/cert", "config-map:settings:/etc/settings", "volume:data/raw/2024:/data")
    template = template_of(pipeline)
    mounts = {m["mountPath"]: m for m in template["container"]["volumeMounts"]}
    volumes = {v["name"]: v for v in template["volumes"]}
    assert volumes[mounts["/etc/cert"]["name"]]["secret"] == {"secretName": "cert"}
    assert volumes[mounts["/etc/settings"]["name"]]["configMap"] == {"name": "settings"}
    assert mounts["/data"]["subPath"] == "raw/2024"
    platform = platform_of(pipeline)
    assert platform["secretAsVolume"][0]["mountPath"] == "/etc/cert"
    assert platform["configMapAsVolume"][0]["configMapName"] == "settings"
    assert platform["pvcMount"][0]["subPath"] == "raw/2024"


def test_shared_memory_is_a_folder_in_memory() -> None:
    pipeline = one("shm:1Gi")
    template = template_of(pipeline)
    assert {"name": "kfnb-shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}} in template["volumes"]
    assert {"name": "kfnb-shm", "mountPath": "/dev/shm"} in template["container"]["volumeMounts"]
    # the server knows `enabledSharedMemory` and ignores it
    (folder,) = platform_of(pipeline)["emptyDirMounts"]
    assert (folder["mountPath"], folder["medium"], folder["sizeLimit"]) == ("/dev/shm", "Memory", "1Gi")


def test_the_nodes_of_a_step_satisfy_all_its_affinities() -> None:
    pipeline = one(
        "affinity:node:disk=ssd,zone in (a, b)", "affinity:node:!spot,cores>8", "affinity:prefer-node:rack=1"
    )
    required = [
        {"key": "disk", "operator": "In", "values": ["ssd"]},
        {"key": "zone", "operator": "In", "values": ["a", "b"]},
        {"key": "spot", "operator": "DoesNotExist"},
        {"key": "cores", "operator": "Gt", "values": ["8"]},
    ]
    affinity = template_of(pipeline)["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms == [{"matchExpressions": required}]
    (wish,) = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert wish["preference"] == {"matchExpressions": [{"key": "rack", "operator": "In", "values": ["1"]}]}
    first, second = platform_of(pipeline)["nodeAffinity"]
    assert first == {"matchExpressions": required} and second["weight"] == wish["weight"]


def test_images_are_pulled_as_the_marks_say() -> None:
    pipeline = one("image-pull-policy:Always", "pull-secret:mine")
    template = template_of(pipeline, pull_secrets=("team",))
    assert template["container"]["imagePullPolicy"] == "Always"
    assert template["workflow"]["imagePullSecrets"] == [{"name": "team"}, {"name": "mine"}]
    platform = platform_of(pipeline)
    assert platform["imagePullPolicy"] == "Always"
    assert platform["imagePullSecret"][0]["secretName"] == "mine"


def test_a_step_has_a_user_of_its_own() -> None:
    pipeline = one("security-context:runAsUser=4711", "security-context:runAsGroup=0")
    context = template_of(pipeline)["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["runAsNonRoot"]) == (4711, 0, True)
    assert platform_of(pipeline)["securityContext"] == {"runAsUser": 4711, "runAsGroup": 0, "runAsNonRoot": True}


# -------------------------------------------------------------------- what Argo alone gives
ONLY_ARGO = {
    "priority-class:batch": "the priority class `batch`",
    "service-account:trainer": "the service account `trainer`",
    "ephemeral-storage:20Gi": "20Gi of ephemeral storage",
    "affinity:pod:app=db": "an affinity to pods",
    "volume:data:/data:ro": "a volume to read only",
    "security-context:fsGroup=7": "fsGroup in its security context",
    "security-context:readOnlyRootFilesystem=false": "readOnlyRootFilesystem in its security context",
}


def test_argo_gives_the_rest() -> None:
    template = template_of(one(*ONLY_ARGO, "affinity:prefer-anti-pod:app=web@topology.kubernetes.io/zone"))
    assert (template["priorityClassName"], template["serviceAccountName"]) == ("batch", "trainer")
    assert template["container"]["resources"]["limits"]["ephemeral-storage"] == "20Gi"
    assert (
        template["container"]["volumeMounts"][0]["readOnly"]
        and "readOnlyRootFilesystem" not in template["container"]["securityContext"]
    )
    assert template["securityContext"]["fsGroup"] == 7
    (term,) = template["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    (wish,) = template["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert wish["podAffinityTerm"]["topologyKey"] == "topology.kubernetes.io/zone"


@pytest.mark.parametrize("tag", ONLY_ARGO)
def test_kubeflow_pipelines_refuses_what_it_cannot_give_at_the_mark(tag: str) -> None:
    pipeline = pipeline_of(cell("b = 1", "step:before"), cell(f"%%component one --{tag.replace(':', ' ', 1)}\na = 1"))
    (problem,) = refusals(pipeline, "kfp")
    assert (problem.code, problem.cell, problem.line) == ("KF704", 2, 1)
    assert ONLY_ARGO[tag] in problem.message and tag.partition(":")[0] in problem.hint


def test_kubeflow_pipelines_names_volumes_after_what_they_hold() -> None:
    (problem,) = refusals(one("secret:same:/secret", "config-map:same:/map"), "kfp")
    assert "takes them for one" in problem.message


def test_steps_of_one_pod_have_one_account() -> None:
    pipeline = pipeline_of(
        cell("a = 1", "step:one", "pod:p", "service-account:x"), cell("print(a)", "step:two", "pod:p")
    )
    (problem,) = refusals(pipeline)
    assert problem.code == "KF718" and "another service-account" in problem.message


# -------------------------------------------------------------------- marks
@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("affinity:zone=a", "should be `node:SELECTOR`"),
        ("affinity:node:zone in a", "should be a label selector"),
        ("affinity:pod:cores>8", "should be a label selector"),
        ("affinity:node:zone=a@host", "which nodes are one place for pods"),
        ("security-context:privileged=true", "FIELD one of runAsUser"),
        ("security-context:runAsUser=me", "should be a number"),
        ("image-pull-policy:sometimes", "one of Always"),
        ("priority-class:High", "cannot be the name of an object"),
        ("volume:data/../etc:/data", "CLAIM/FOLDER"),
        ("secret:name:key", "`SECRET:/path` for files"),
        ("shm:much", "Kubernetes quantity"),
    ],
)
def test_a_wrong_mark_says_what_it_should_be(tag: str, words: str) -> None:
    from kfnb.notebook import notebook_from_json
    from tests.notebooks import notebook

    (problem,) = notebook_from_json(notebook(cell("a = 1", "step:one", tag))).problems
    assert problem.code == "KF201" and words in problem.message


def test_components_take_the_same_settings() -> None:
    source = """
from kfnb import component

@component(config_maps=["settings:level:LEVEL"], secrets=[["cert", "/etc/cert"]], shared_memory="1Gi", security_context={"fsGroup": 7},
           affinity=["node:disk=ssd"], pull_secrets=["mine"], priority_class="batch")
def one():
    print(1)
"""
    pipeline = pipeline_of(cell(source), cell("%%pipeline p\none()"))
    template = template_of(pipeline)
    assert template["priorityClassName"] == "batch" and template["securityContext"]["fsGroup"] == 7
    places = {p.message.split(" has ")[1][:6]: (p.cell, p.line) for p in refusals(pipeline, "kfp") if p.code == "KF704"}
    assert places == {"the pr": (1, 5), "fsGrou": (1, 4)}


# -------------------------------------------------------------------- targets
def target(**settings: Any) -> ClusterOptions:
    assert not settings_error("prod", {"engine": "argo", **settings})
    return options_of(Target("prod", "argo", {"engine": "argo", **settings}))


def test_a_target_says_what_steps_get_whose_marks_say_nothing() -> None:
    options = target(
        defaults={"cpu": 2, "toleration": ["batch:NoSchedule"], "priority-class": "batch", "secret": ["s:/s"]}
    )
    pipeline = fit_to_target(one("cpu:1"), options, {})
    (step,) = pipeline.steps()
    assert (step.settings.cpu, step.settings.priority_class) == ("1", "batch")
    assert step.settings.tolerations[0].key == "batch" and step.settings.secret_files[0].path == "/s"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"defaults": {"cpus": 1}}, "`cpus` is none of image"),
        ({"defaults": {"shm": "big"}}, "`shm` is wrong: `big` is not a Kubernetes quantity"),
        ({"defaults": 3}, "a table of marks"),
        ({"max_memory": "much"}, "max_memory is a number or a Kubernetes quantity"),
        ({"max_gpu": "1"}, "max_gpu is a number of accelerators"),
        ({"allowed_images": "any"}, "allowed_images is a list"),
    ],
)
def test_wrong_settings_are_named(settings: Json, words: str) -> None:
    assert words in settings_error("prod", {"engine": "argo", **settings})


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("cpu:16", "asks for 16 processors, and the target allows 8"),
        ("cpu:8001m", "asks for 8001m processors"),
        ("limit:cpu:9", "asks for 9 processors"),
        ("memory:65Gi", "asks for 65Gi of memory, and the target allows 64Gi"),
        ("gpu:3", "asks for 3 accelerators, and the target allows 2"),
        ("limit:amd.com/gpu:3", "asks for 3 accelerators"),
        ("image:evil.example.org/python:3.11", "would have the image evil.example.org/python:3.11"),
        ("service-account:admin", "would have the service account admin"),
        ("security-context:runAsUser=0", "would run as user 0"),
    ],
)
@pytest.mark.parametrize("engine", ["argo", "kfp"])
def test_what_is_over_the_policy_is_refused_at_its_mark(tag: str, words: str, engine: str) -> None:
    pipeline = pipeline_of(
        cell("b = 1", "step:before"),
        cell("c = 1", "step:one"),
        cell(f"%%component one --{tag.replace(':', ' ', 1)}\na = 1"),
    )
    policy: Json = {
        "max_cpu": 8,
        "max_memory": "64Gi",
        "max_gpu": 2,
        "allowed_images": ["python:*", "registry.example.org/team/*"],
        "allowed_service_accounts": ["steps-*"],
    }
    options = target(**policy)
    _, found = compile_documents(pipeline, engine, options, Path("."), {})
    (problem,) = (p for p in found if p.code == "KF720")
    assert (problem.cell, problem.line, problem.name) == (3, 1, "one") and words in problem.message


def test_what_the_policy_allows_is_not_refused() -> None:
    pipeline = one(
        "cpu:8", "memory:65536Mi", "gpu:2", "image:registry.example.org/team/python:3.11", "service-account:steps-a"
    )
    options = target(
        max_cpu="8000m",
        max_memory="64Gi",
        max_gpu=2,
        allowed_images=["registry.example.org/team/*"],
        allowed_service_accounts=["steps-*"],
    )
    assert [p for p in compile_documents(pipeline, "argo", options, Path("."), {})[1] if p.code == "KF720"] == []


def test_the_defaults_of_a_notebook_are_held_against_the_policy_too() -> None:
    from kfnb.notebook import notebook_from_json
    from kfnb.pipeline.build.build_pipeline import build
    from tests.notebooks import notebook

    metadata = {"kfnb": {"defaults": {"cpu": "16", "shm": "2Gi"}}}
    pipeline = build(notebook_from_json(notebook(cell("a = 1", "step:one"), metadata=metadata))).pipeline
    assert pipeline is not None
    (problem,) = refusals(pipeline, max_cpu="8")
    assert (problem.code, problem.cell, problem.line) == ("KF720", 1, None)
    assert "kfnb-shm" in json.dumps(template_of(pipeline))


def test_the_functions_that_a_notebook_is_exported_as_have_the_same_settings() -> None:
    from kfnb.pipeline.export.python_functions import _setting_arguments

    tags = (
        "secret:db:password:P", "secret:db:/s", "config-map:m:k:K", "config-map:m:/m", "volume:data/raw:/data:ro", "affinity:pod:app=db@zone",
        "toleration:gpu:NoSchedule", "shm:1Gi", "pull-secret:x", "security-context:fsGroup=7", "priority-class:batch",
    )  # fmt: skip
    (step,) = one(*tags).steps()
    source = f"from kfnb import component\n\n@component({', '.join(_setting_arguments(step.settings))})\ndef one():\n    print(1)\n"
    (again,) = pipeline_of(cell(source), cell("%%pipeline p\none()")).steps()
    assert again.settings == step.settings


def test_a_run_is_checked_as_the_target_runs_it(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("""#!/bin/sh\necho '[["/nowhere"], "3.8"]'\n""")
    python.chmod(0o755)
    policy: Json = {"allowed_images": ["python:3.8-slim"], "defaults": {"service-account": "x"}, "packages": "none"}
    engine = ArgoEngine(RunStore(tmp_path / "home"), Target("there", "argo", {"engine": "argo", **policy}))
    pipeline = pipeline_of(
        cell("a = 1", "step:one", "pod:p", "service-account:x"), cell("print(a)", "step:two", "pod:p")
    )
    assert engine.check(pipeline, RunOptions(python=str(python), folder=str(tmp_path))) == []
