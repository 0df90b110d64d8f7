"""What `kfnb targets` finds on a cluster before anything runs there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kfnb.engines.cluster.targets import rights
from kfnb.engines.cluster.targets.cluster_pages import page_of, page_of_node
from kfnb.engines.cluster.targets.diagnosis import Diagnosis, diagnose
from kfnb.engines.cluster.targets.targets import Target
from tests.cluster.kube_api import Cluster, kubeconfig, served

ROOT = Path(__file__).parents[2]
CLAIM = {"spec": {"accessModes": ["ReadWriteMany"]}, "status": {"phase": "Bound"}}


def diagnosed(folder: Path, cluster: Cluster, token: str = "good", **settings: Any) -> Diagnosis:
    with served(cluster) as server:
        config = str(kubeconfig(folder, server, token))
        return diagnose(Target("test", "argo", {"engine": "argo", "kubeconfig": config, **settings}))


def test_a_target_that_has_all_it_names_is_ready(tmp_path: Path) -> None:
    cluster = Cluster(
        accounts={"steps": ("create workflowtaskresults", "patch workflowtaskresults")}, any_account=False
    )
    cluster.named = {
        ("persistentvolumeclaims", "default", "c"): CLAIM,
        ("secrets", "default", "s"): {"data": {"x": "geheim"}},
    }
    found = diagnosed(
        tmp_path,
        cluster,
        service_account="steps",
        values="volume:c",
        pull_secrets=["s"],
        package_secrets=["s:key:NAME"],
    )
    assert (
        found.state == "ready" and len(found.lines) == 1 and "namespace default, Kubernetes v1.36.0" in found.lines[0]
    )


def test_asking_for_all_rights_takes_one_request(tmp_path: Path) -> None:
    cluster = Cluster()
    assert diagnosed(tmp_path, cluster).state == "ready"
    assert not [path for _, path in cluster.requests if "selfsubjectaccessreviews" in path]


@pytest.mark.parametrize(
    ("state", "settings", "cluster", "message"),
    [
        ("forbidden", {}, {"accounts": {"default": ()}}, "`default` of the steps may not create, patch workflowtaskresults"),
        ("forbidden", {"service_account": "s"}, {"accounts": {"s": ("create workflowtaskresults",)}}, "`s` of the steps may not patch workflowtaskresults"),
        ("missing", {"service_account": "s"}, {"any_account": False}, "the service account `s` does not exist in default"),
        ("missing", {"values": "volume:c"}, {}, "the volume claim `c` of `values` does not exist"),
        ("missing", {"values": "volume:c"}, {"named": {("persistentvolumeclaims", "default", "c"): {**CLAIM, "status": {"phase": "Lost"}}}}, "is lost"),
        ("missing", {"values": "volume:c"}, {"named": {("persistentvolumeclaims", "default", "c"): {"spec": {"accessModes": ["ReadOnlyMany"]}}}}, "steps must write to it"),
        ("ready", {"values": "volume:c"}, {"named": {("persistentvolumeclaims", "default", "c"): {"spec": {"accessModes": ["ReadWriteOnce"]}}}}, "work on one node"),
        ("missing", {"values": "s3"}, {"named": {("configmaps", "argo", "workflow-controller-configmap"): {"data": {}}}}, "Argo has no artifact repository of the kind s3"),
        ("missing", {"values": "s3"}, {"named": {("configmaps", "default", "artifact-repositories"): {"data": {"x": "gcs:\n  bucket: b"}}}}, r"\(it has gcs\)"),
        ("missing", {"pull_secrets": ["s"]}, {}, "the secret `s` of `pull_secrets` does not exist"),
        ("missing", {"package_secrets": ["p:k:N"]}, {}, "the secret `p` of `package_secrets` does not exist"),
        ("ready", {"pull_secrets": ["s"]}, {"hidden": ("secrets",)}, "you may not see `s`: `kfnb targets --deep` tries it"),
        ("ready", {"values": "s3"}, {"hidden": ("configmaps",)}, 'you may not see the artifact repository that values = "s3" needs'),
    ],
)  # fmt: skip
def test_what_a_target_names_and_the_cluster_has_not_is_said(
    tmp_path: Path, state: str, settings: dict[str, Any], cluster: dict[str, Any], message: str
) -> None:
    found = diagnosed(tmp_path, Cluster(**cluster), **settings)
    assert found.state == state and re.search(message, "\n".join(found.lines[1:]))


@pytest.mark.parametrize("key", ["artifactRepository", "config"])
def test_the_repository_of_the_controller_counts(tmp_path: Path, key: str) -> None:
    text = "s3: {bucket: b}" if key == "artifactRepository" else "artifactRepository: {s3: {bucket: b}}"
    named = {("configmaps", "argo", "workflow-controller-configmap"): {"data": {key: text}}}
    assert diagnosed(tmp_path, Cluster(named=named), values="s3").lines[1:] == ()


def test_the_account_of_argos_defaults_is_the_one_that_counts(tmp_path: Path) -> None:
    data = {"workflowDefaults": "spec: {serviceAccountName: steps}"}
    named = {("configmaps", "argo", "workflow-controller-configmap"): {"data": data}}
    assert diagnosed(tmp_path, Cluster(named=named, accounts={"default": ()})).state == "ready"


def test_who_may_only_look_is_told_what_is_missing(tmp_path: Path) -> None:
    found = diagnosed(tmp_path, Cluster(), token="viewer")
    assert found.state == "forbidden"
    assert "you may not create, patch workflows, to submit, follow and cancel runs" in found.lines[1]
    assert "the rights of the service account `default`" in found.lines[-1]


# ---------------------------------------------------------------- the manifests
def test_the_tutorial_shows_the_roles_that_kfnb_checks() -> None:
    assert f"```yaml\n{rights.manifests('team-a')}```" in (ROOT / "docs/tutorials/argo.md").read_text()


@pytest.mark.parametrize(
    ("user", "kind"), [("ada@example.org", "User"), ('"x"\\', "User"), ("system:serviceaccount:n:nb", "ServiceAccount")]
)
def test_the_manifests_bind_the_user_and_the_account(user: str, kind: str) -> None:
    documents = list(yaml.safe_load_all(rights.manifests("n", "steps", user)))
    assert [d["kind"] for d in documents] == ["Role", "ServiceAccount", "Role", "RoleBinding", "RoleBinding"]
    assert {d["metadata"]["namespace"] for d in documents} == {"n"}
    (subject,) = documents[-1]["subjects"]
    assert subject["kind"] == kind and subject["name"] == (user if kind == "User" else "nb")
    assert documents[3]["subjects"] == [{"kind": "ServiceAccount", "name": "steps", "namespace": "n"}]


# ---------------------------------------------------------------- the cluster's own pages
@pytest.mark.parametrize(
    ("engine", "settings", "address"),
    [
        ("argo", {"ui": "https://argo.example.org/x/"}, "https://argo.example.org/x/workflows/team/w-1"),
        ("argo", {"server": "argo.example.org"}, "https://argo.example.org/workflows/team/w-1"),
        ("argo", {}, ""),
        ("kfp", {"host": "https://kf.example.org/pipeline"}, "https://kf.example.org/pipeline/#/runs/details/r%2F1"),
        ("kfp", {"host": "http://ml-pipeline.kubeflow.svc:8888"}, ""),
        ("kfp", {"host": "http://ml-pipeline.kubeflow.svc:8888", "ui": "https://kf.example.org"}, "https://kf.example.org/#/runs/details/r%2F1"),
        ("argo", {"ui": "javascript:alert(1)"}, ""),
    ],
)  # fmt: skip
def test_a_run_has_a_page_on_its_cluster(engine: str, settings: dict[str, Any], address: str) -> None:
    assert page_of(engine, settings, {"namespace": "team", "name": "w-1", "run": "r/1"}) == address


def test_a_pod_is_shown_on_the_page_of_its_own_workflow_which_a_retry_has_too() -> None:
    page = "https://argo.example.org/x/workflows/team/w-2"
    assert page_of_node("argo", page, "w-2-77") == f"{page}?tab=workflow&nodeId=w-2-77"
    assert page_of_node("argo", page, "w-1-88") == f"{page[:-1]}1?tab=workflow&nodeId=w-1-88"
    assert page_of_node("argo", page, "") == page, "an older record does not have the node"
    run = "https://kf.example.org/#/runs/details/r"
    assert page_of_node("kfp", run, "w-2-77") == run


@pytest.mark.parametrize("engine", ["argo", "kfp"])
def test_a_server_that_does_not_answer_is_named_with_the_reason(tmp_path: Path, engine: str) -> None:
    address = (
        {"kubeconfig": str(kubeconfig(tmp_path, "http://127.0.0.1:9"))}
        if engine == "argo"
        else {"host": "http://127.0.0.1:9"}
    )
    found = diagnose(Target("t", engine, {"engine": engine, **address}))
    assert found.state == "unreachable"
    assert re.fullmatch(
        r"http://127.0.0.1:9 cannot be reached: Failed to establish a new connection: \[Errno \d+\] Connection refused",
        found.lines[0],
    )
