"""The API server of the tests answers as a real one did: each recorded exchange, asked again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cluster.kube_api import Cluster, PodLog, served

DATA = Path(__file__).parents[1] / "data" / "kubernetes"
TOKENS = {"an administrator": "good", "a user without rights": "viewer", "a wrong one": "wrong", "none": ""}
ASKED = (
    "access-review-create-workflows-admin", "access-review-create-workflows-user", "access-review-get-pods-admin", "forbidden-user-create",
    "group-missing", "pod-log-before-start", "pod-log-image-missing", "pod-log-missing-pod", "unauthorized-wrong-token", "version",
    "workflow-create-exists", "workflow-create-generate-name", "workflow-create-named", "workflow-create-namespace-missing",
    "workflow-delete-missing", "workflow-get-missing", "workflow-get", "workflow-shutdown-patch", "workflow-watch-too-old",
)  # fmt: skip


def prepared(request: dict[str, Any], exchange_missing: bool) -> Cluster:
    """A server in the state that it had at the recording."""
    cluster = Cluster()
    for name in ("flip-q2mmm", "flip-named", *re.findall(r"/workflows/([-\w]+)", request["path"])):
        if not exchange_missing:
            cluster.put(
                "workflows",
                "default",
                {"metadata": {"name": name, "namespace": "default"}, "kind": "Workflow", "spec": {}},
                "ADDED",
            )
    cluster.pods = {"talk": {"metadata": {"name": "talk"}}, "noimage": {"metadata": {"name": "noimage"}}}
    cluster.logs = {"talk": PodLog(waiting="ContainerCreating"), "noimage": PodLog(waiting="ErrImageNeverPull")}
    cluster.forget()
    return cluster


@pytest.mark.parametrize("name", ASKED)
def test_the_answer_is_the_recorded_one(name: str) -> None:
    exchange = json.loads((DATA / f"{name}.json").read_text())
    request, response = exchange["request"], exchange["response"]
    cluster = prepared(request, name.endswith("missing"))
    if name == "workflow-create-exists":
        cluster.put(
            "workflows",
            "default",
            {**request["body"], "metadata": {**request["body"]["metadata"], "namespace": "default"}},
            "ADDED",
        )
    elif name == "workflow-create-named":
        cluster.objects.clear()
    with served(cluster) as server:
        token = TOKENS.get(request["token"], "good")
        headers = {
            "Authorization": f"Bearer {token}",
            **({"Content-Type": request["content_type"]} if request["content_type"] else {}),
        }
        data = json.dumps(request["body"]) if request["body"] is not None else None
        answer = requests.request(request["method"], server + request["path"], headers=headers, data=data, timeout=20)
    assert answer.status_code == response["status"], answer.text
    assert answer.headers["Content-Type"].split(";")[0] == response["headers"]["Content-Type"].split(";")[0]
    expected = response["body"]
    if expected is None:
        assert answer.text == "".join(response["lines"])
        return
    actual = json.loads(answer.text)
    if expected.get("type") == "ERROR":
        actual, expected = actual["object"], expected["object"]
    if expected.get("kind") == "Status" and expected.get("status") == "Failure":
        same = ("kind", "status", "reason", "code")
        assert [actual.get(k) for k in same] == [expected.get(k) for k in same]
        assert re.sub(r"\d+", "N", actual["message"]) == re.sub(r"\d+", "N", expected["message"])
    elif expected.get("kind") == "SelfSubjectAccessReview":
        assert actual["status"]["allowed"] == expected["status"]["allowed"]
    elif expected.get("kind") == "Workflow":
        assert {"name", "namespace", "resourceVersion"} <= set(actual["metadata"]) and actual["kind"] == "Workflow"
        assert actual.get("spec", {}).get("shutdown") == expected.get("spec", {}).get("shutdown")
