"""A step that waits says what it waits for, and a run whose step cannot start ends by a setting.

The pods, nodes and events are those of a recording, or have the words of Kubernetes' own source.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.argo.argo_engine import ArgoEngine
from kfnb.engines.cluster.following.start_timeout import StartTimeout
from kfnb.engines.cluster.following.words.waiting_words import waiting_for
from kfnb.runs.attempt_pod import noted_pod
from tests.cluster.argo import Interpreter, Pods
from tests.cluster.kube_api import Cluster
from tests.cluster.test_argo_engine import engine_at, finished, options
from tests.notebooks import cell
from tests.running import pipeline_of, states

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings" / "argo"
KUBERNETES = Path(__file__).parents[1] / "data" / "kubernetes"
Json = dict[str, Any]


def recorded(name: str) -> Json:
    found: Json = json.loads((RECORDINGS / f"{name}.json").read_text())
    return found


def now(ago: float = 0.0) -> str:
    return datetime.fromtimestamp(time.time() - ago, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod_node(workflow: str, phase: str, message: str = "", **more: Any) -> Json:
    """The node of the step ``one`` in a Workflow."""
    return {
        "id": "n", "name": f"{workflow}.one", "displayName": "one", "type": "Pod", "phase": phase,
        "startedAt": now(), "message": message, **more,
    }  # fmt: skip


def pod_of_node(workflow: str, status: Json | None = None, **spec: Any) -> Json:
    """The pod of that node."""
    return {
        "metadata": {
            "name": "pod", "annotations": {"workflows.argoproj.io/node-id": "n"},
            "labels": {"workflows.argoproj.io/workflow": workflow, "workflows.argoproj.io/completed": "false"},
        },
        "spec": {"containers": [{"name": "main"}], **spec}, "status": {"phase": "Pending", **(status or {})},
    }  # fmt: skip


class Waiting:
    """A run of one step, whose node and pod a test changes as a cluster would."""

    def __init__(self, kube: Cluster, engine: ArgoEngine, folder: Path) -> None:
        self.kube, self.engine = kube, engine
        pipeline = pipeline_of(cell("a = 1", "step:one"), cell("print(a)", "step:two"))
        self.run = engine.submit(pipeline, options(pipeline, folder))
        (self.name,) = kube.created

    def node(self, phase: str, message: str = "", **more: Any) -> None:
        node = pod_node(self.name, phase, message, **more)
        self.kube.update(self.name, {"status": {"phase": "Running", "startedAt": now(), "nodes": {"n": node}}})

    def pod(self, status: Json | None = None, **spec: Any) -> None:
        """Make the pod, or change its status."""
        self.kube.put_pod(pod_of_node(self.name, status, **spec))

    def end(self, phase: str = "Failed", message: str = "", **spec: Any) -> None:
        node = {"phase": phase, "message": message, "finishedAt": now()}
        self.kube.update(
            self.name, {"spec": spec, "status": {"phase": phase, "finishedAt": now(), "nodes": {"n": node}}}
        )

    @property
    def step(self) -> Json:
        return self.engine.store.find_step(self.run, "one")

    def until(self, words: str, seconds: float = 10.0) -> Json:
        """The step as soon as it says the words; a user hears of it within 10 s."""
        end = time.monotonic() + seconds
        while words not in (self.step["reason"] or ""):
            assert time.monotonic() < end, f"{words!r} is not in {self.step['reason']!r}"
            time.sleep(0.05)
        return self.step


@contextmanager
def waiting(folder: Path, **settings: Any) -> Iterator[Waiting]:
    kube = Cluster()
    with engine_at(folder, kube, **settings) as engine:
        yield Waiting(kube, engine, folder)


def container(reason: str, message: str = "", image: str = "nowhere.invalid/none:1") -> Json:
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    return {"containerStatuses": [{"name": "main", "image": image, "state": state}]}


def unschedulable(message: str) -> Json:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"conditions": [condition]}


def asks(**requests: str) -> Json:
    return {"containers": [{"name": "main", "resources": {"requests": requests, "limits": requests}}]}


CLAIM = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "values"}}]}
PULL = 'failed to pull and unpack image "reg.example.org/a/b:1": failed to resolve reference "reg.example.org/a/b:1": '
WAITS: dict[str, tuple[Json, Json, list[tuple[str, str]], str]] = {
    "image that does not exist": (
        container("ErrImagePull", f"rpc error: code = NotFound desc = {PULL}reg.example.org/a/b:1: not found", "reg.example.org/a/b:1"),
        {}, [], "the image `reg.example.org/a/b:1` does not exist",
    ),
    "image that needs a login": (
        container("ImagePullBackOff", f'Back-off pulling image "reg.example.org/a/b:1": ErrImagePull: {PULL}unexpected status from HEAD request to https://reg.example.org/v2/a/b/manifests/1: 401 Unauthorized', "reg.example.org/a/b:1"),
        {}, [], "because its registry refuses it without credentials",
    ),
    "image, told by an event only": (
        container("ImagePullBackOff", 'Back-off pulling image "reg.example.org/a/b:1"', "reg.example.org/a/b:1"), {},
        [("Failed", f'Failed to pull image "reg.example.org/a/b:1": {PULL}reg.example.org/a/b:1: not found'), ("Failed", "Error: ErrImagePull")],
        "the image `reg.example.org/a/b:1` does not exist",
    ),
    "image with a wrong name": (
        container("InvalidImageName", 'Failed to apply default image tag "A b": could not parse image reference "A b": invalid reference format', "A b"),
        {}, [], "`A b` is not the name of an image",
    ),
    "processors": (
        unschedulable(json.loads((KUBERNETES / "pod-big.json").read_text())["response"]["body"]["status"]["conditions"][0]["message"]),
        asks(cpu="500"), [], "the node does not have 500 free processors (`cpu`)",
    ),
    "accelerators": (
        unschedulable("0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."),
        asks(**{"nvidia.com/gpu": "2"}), [], "no node has 2 free `nvidia.com/gpu`",
    ),
    "labels of a node": (
        unschedulable("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."),
        {"nodeSelector": {"disk": "fast"}}, [], "no node has the labels that the mark `node` asks for (disk=fast)",
    ),
    "taints": (
        unschedulable("0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."),
        {}, [], "taint that the step does not tolerate (dedicated: gpu",
    ),
    "a claim without storage": (
        unschedulable("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"), CLAIM, [],
        "the claim `values` has no storage yet: its storage class has not made a volume, or does not exist",
    ),
    "a claim that does not exist": (
        unschedulable('0/1 nodes are available: persistentvolumeclaim "values" not found. not found'), CLAIM, [],
        "the claim `values` does not exist",
    ),
    "a volume that cannot be mounted": (
        {**container("ContainerCreating"), "conditions": [{"type": "PodScheduled", "status": "True"}]},
        {"nodeName": "node1"}, [("FailedMount", 'MountVolume.SetUp failed for volume "v" : mount failed: exit status 32')],
        "its volume cannot be mounted: MountVolume.SetUp failed",
    ),
    "a secret that does not exist": (
        container("CreateContainerConfigError", 'secret "token" not found', "python:3.11"), {"nodeName": "node1"}, [],
        "the secret `token` does not exist in its namespace",
    ),
    "a user that may not be root": (
        container("CreateContainerConfigError", "container has runAsNonRoot and image will run as root", "python:3.11"),
        {"nodeName": "node1"}, [], "its image would run as root",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WAITS)
def test_a_step_says_what_is_in_the_way_of_its_start(tmp_path: Path, case: str) -> None:
    status, spec, events, words = WAITS[case]
    with waiting(tmp_path) as run, run.engine.following(run.run) as follower:
        run.node("Pending")
        run.pod()
        run.until("starting: a node is being chosen")
        run.pod(status, **spec)
        for reason, message in events:
            run.kube.tell("pod", reason, message)
        step = run.until(words)
        assert step["state"] == "pending" and run.engine.store.head(run.run)["state"] == "running"
        pod = noted_pod(run.engine.store.attempt_folder(run.run, "one", 1))
        assert pod is not None and (pod["name"], pod["id"]) == ("pod", "n")
        assert pod["node"] == spec.get("nodeName", "")
        assert {(e["reason"], e["message"]) for e in pod["events"]} <= set(events)
        follower.look()


def test_the_reason_changes_with_what_the_step_waits_for_and_goes_when_it_runs(tmp_path: Path) -> None:
    with waiting(tmp_path) as run, run.engine.following(run.run):
        run.node("Pending")
        run.until("its pod is being made")
        run.pod()
        run.until("a node is being chosen for its pod")
        run.pod(container("ContainerCreating"), nodeName="node1")
        run.until("its containers are being started")
        run.kube.tell("pod", "Pulling", 'Pulling image "python:3.11"', "Normal")
        run.until("the image `python:3.11` is being pulled")
        run.kube.tell("pod", "Pulled", 'Successfully pulled image "python:3.11" in 12s', "Normal")
        run.until("its containers are being started")
        run.pod({"phase": "Running"}, nodeName="node1")
        run.node("Running")
        while run.step["state"] != "running":
            time.sleep(0.05)
        assert run.step["reason"] is None


def test_the_recorded_image_that_is_nowhere_is_said_at_once_by_status(tmp_path: Path) -> None:
    node, pod = recorded("node-image-pull-backoff"), recorded("pod-image-pull-backoff")
    with waiting(tmp_path) as run:
        run.node("Pending", node["message"])
        run.engine.refresh(run.run)
        expected = "the image `nowhere.invalid/none:1` cannot be pulled, because the node does not reach its registry"
        assert run.step["reason"].startswith(expected), "of the Workflow alone"
        pod["metadata"]["labels"]["workflows.argoproj.io/workflow"] = run.name
        pod["metadata"]["annotations"]["workflows.argoproj.io/node-id"] = "n"
        run.node("Pending", "")
        run.kube.put_pod(pod)
        for event in recorded("events-image-pull-backoff")["items"]:
            run.kube.events[event["metadata"]["name"]] = event
        run.engine.refresh(run.run)
        assert run.step["reason"].startswith(expected), "of the pod alone"
        assert "no such host" in run.step["reason"] and run.step["state"] == "pending"


REFUSED = {
    "quota": (
        'pods "x" is forbidden: exceeded quota: compute, requested: requests.cpu=4, used: requests.cpu=8, limited: requests.cpu=8',
        "the quota `compute` of the namespace is used up: the step asks for requests.cpu=4, requests.cpu=8 is used of requests.cpu=8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_pod_that_cannot_be_made_yet_is_said(tmp_path: Path, case: str) -> None:
    message, words = REFUSED[case]
    with waiting(tmp_path) as run, run.engine.following(run.run):
        run.node("Pending", message)
        run.until(words)


ENDS = {
    "admission by the Pod Security Standard": (
        'task \'w.one\' errored: pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false)',
        'the namespace admits only pods of the Pod Security Standard `restricted`: allowPrivilegeEscalation != false',
    ),
    "admission by a webhook": (
        'task \'w.one\' errored: admission webhook "policy.example.org" denied the request: images must come from reg.example.org',
        "its rule `policy.example.org` says: images must come from reg.example.org",
    ),
    "a service account that does not exist": (
        'task \'w.one\' errored: pods "x" is forbidden: error looking up service account default/steps: serviceaccount "steps" not found',
        "the service account `steps` does not exist",
    ),
    "a service account without rights": (
        'wait: Error (exit code 64): workflowtaskresults.argoproj.io is forbidden: User "system:serviceaccount:team-a:default" cannot create resource "workflowtaskresults" in API group "argoproj.io" in the namespace "team-a"',
        "the service account `default` of namespace `team-a` may not create workflowtaskresults",
    ),
    "more values than a pod takes": (
        'task \'many-62zgf.total\' errored: configmaps is forbidden: User "system:serviceaccount:argo:argo" cannot create resource "configmaps" in API group "" in the namespace "team"',
        "the values that it takes are together too large for the Workflow: let values pass by a volume",
    ),
    "memory": ("main: OOMKilled (exit code 137)", "it used more memory than it may"),
    "eviction": (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 20Mi.", "its node evicted it: The node was low on resource: memory"
    ),
    "too many files": (
        "Pod ephemeral local storage usage exceeds the total limit of containers 20Mi. ", "it wrote more files than it may, so its node evicted it: Pod ephemeral"
    ),
    "a deadline": ("Pod was active on the node longer than the specified deadline", "it took longer than its timeout"),
    "a lost node": ("pod deleted", "its pod was deleted, by somebody or because its node is gone"),
    "an exit status": ("main: Error (exit code 3)", "it ended with exit status 3"),
    "no artifact repository": (
        "wait: Error (exit code 64): artifact storage is not configured; see the docs for setup instructions",
        "the controller has no artifact repository",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDS)
def test_why_a_pod_has_ended_is_said_in_the_users_words(tmp_path: Path, case: str) -> None:
    message, words = ENDS[case]
    with waiting(tmp_path) as run:
        run.node("Failed")
        run.end("Failed", message)
        summary = finished(run.engine, run.run)
        assert summary["state"] == "failed" and words in summary["error"]["message"], summary["error"]
        assert summary["steps"]["two"]["reason"] == "one failed"


def test_a_node_that_does_not_answer_is_said_while_the_step_runs(tmp_path: Path) -> None:
    with waiting(tmp_path) as run, run.engine.following(run.run):
        ready = {"type": "Ready", "status": "True"}
        run.node("Running")
        run.pod({"phase": "Running", "conditions": [ready]}, nodeName="node1")
        run.pod({"phase": "Running", "conditions": [{**ready, "status": "False"}]}, nodeName="node1")
        run.kube.tell("pod", "NodeNotReady", "Node is not ready")
        assert run.until("its node `node1` does not answer any more")["state"] == "running"
        run.pod({"phase": "Running", "conditions": [ready]}, nodeName="node1")
        while run.step["reason"]:
            time.sleep(0.05)


def test_a_controller_that_is_down_is_said(tmp_path: Path) -> None:
    with waiting(tmp_path) as run:
        run.engine.refresh(run.run)
        assert run.step["reason"] is None, "a controller has some seconds to begin"
        run.kube.update(run.name, {"metadata": {"creationTimestamp": now(60)}})
        with run.engine.following(run.run):
            assert run.until("Argo's controller has not begun the run")["state"] == "pending"
        assert run.engine.store.find_step(run.run, "two")["reason"] is None
        run.node("Running")
        ended = {"terminated": {"exitCode": 0, "finishedAt": now(60)}}
        run.pod({"phase": "Succeeded", "containerStatuses": [{"name": "main", "state": ended}]})
        run.engine.refresh(run.run)
        assert "its pod has ended, and Argo's controller has not noticed it" in run.step["reason"]


# ---------------------------------------------------------------- the end by a setting
def cluster_stops(run: Waiting) -> None:
    """What the controller does when the Workflow is to stop: it takes the pod away (argo-workflows `workflow/controller/exec_control.go`)."""
    while not (run.kube.objects["workflows", "default", run.name].get("spec") or {}).get("shutdown"):
        time.sleep(0.02)
    run.kube.pods.pop("pod", None)
    run.end("Failed", "workflow shutdown with strategy: Stop")


def test_a_step_that_cannot_start_for_too_long_ends_the_run(tmp_path: Path) -> None:
    with waiting(tmp_path, start_timeout=1) as run:
        run.node("Pending")
        run.pod(container("ErrImagePull", f"{PULL}not found", "reg.example.org/a/b:1"))
        threading.Thread(target=cluster_stops, args=(run,), daemon=True).start()
        summary = finished(run.engine, run.run)
        words = "it could not start within 1.0 s: the image `reg.example.org/a/b:1` does not exist"
        assert summary["state"] == "failed" and words in summary["error"]["message"]
        assert summary["error"]["kind"] == "start" and summary["error"]["step"] == "one"
        assert (
            states(summary) == {"one": "failed", "two": "omitted"} and summary["steps"]["two"]["reason"] == "one failed"
        )
        assert words in summary["steps"]["one"]["reason"]


def test_nothing_ends_a_run_whose_step_starts_slowly_or_may_wait_for_ever(tmp_path: Path) -> None:
    scheduled = {"spec": {"nodeName": "node1"}, "status": {"phase": "Pending", **container("ContainerCreating")}}
    assert not waiting_for("ContainerCreating", scheduled).is_blocked and not waiting_for("", None).is_blocked
    stopped: list[str] = []
    for seconds in (0, 3600, 60):
        timeout = StartTimeout(tmp_path, "workflow", seconds, lambda: stopped.append("stopped"))
        timeout.check({})
        timeout.check({"one": ("it waits", time.time() - 600)})
    assert stopped == ["stopped"] and StartTimeout(tmp_path, "workflow", 0, dict).failure() is not None
    assert StartTimeout(tmp_path, "the-next", 0, dict).failure() is None, "a retry has another Workflow"


def test_who_may_see_no_pods_and_events_hears_what_the_workflow_says(tmp_path: Path) -> None:
    node = recorded("node-image-pull-backoff")
    with waiting(tmp_path) as run:
        run.kube.trouble += [
            ("GET /api/v1/namespaces/default/pods", 403),
            ("GET /api/v1/namespaces/default/events", 403),
        ] * 20
        with run.engine.following(run.run):
            run.node("Pending", node["message"])
            run.until("cannot be pulled, because the node does not reach its registry")


# ---------------------------------------------------------------- cancelled runs
def test_an_exit_handler_knows_that_the_run_was_cancelled(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(
            cell("a = 1 / 0", "step:one"), cell("print('it was', kfnb_status['state'])", "step:bye", "exit")
        )
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        assert engine.cancel(run_id)
        workflow = kube.objects["workflows", "default", kube.created[0]]
        assert workflow["spec"]["shutdown"] == "Stop"
        run = Interpreter(workflow, cluster, tmp_path)
        run.run()
        (text,) = [t for n, t in run.logs.items() if n.endswith("bye")]
        assert "it was cancelled" in text


def summary_of_recording(recording: str, name: str, tmp_path: Path) -> Any:
    """The summary of a run of which the cluster answers what it answered for the recorded Workflow ``name``."""
    workflow, kube = recorded(recording), Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(
            cell("a = 1", "step:quick"), cell("print(a)\nb = 2", "step:long"), cell("print(b)", "step:next"),
            cell("print(kfnb_status)", "step:bye", "exit"),
        )  # fmt: skip
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (submitted,) = kube.created
        for node in workflow["status"]["nodes"].values():
            node["name"] = node["name"].replace(name, submitted)
        kube.update(submitted, copy.deepcopy(workflow))
        return finished(engine, run_id)


def test_the_recorded_run_that_was_stopped_has_a_cancelled_step(tmp_path: Path) -> None:
    summary = summary_of_recording("wf-stopped-while-running", "long-j9nhq", tmp_path)
    assert summary["state"] == "cancelled" and summary["error"] is None
    assert states(summary) == {"quick": "succeeded", "long": "cancelled", "next": "omitted", "bye": "succeeded"}
    assert {n: s["reason"] for n, s in summary["steps"].items()} == {
        "quick": None, "long": "the run was cancelled", "next": "the run was cancelled", "bye": None,
    }  # fmt: skip


def test_a_step_that_was_not_begun_when_the_run_was_stopped_is_omitted(tmp_path: Path) -> None:
    summary = summary_of_recording("wf-stopped", "long-ph8d4", tmp_path)
    assert states(summary) == {"quick": "succeeded", "long": "omitted", "next": "omitted", "bye": "succeeded"}
    assert summary["steps"]["long"]["reason"] == "the run was cancelled"
