"""A client of the Kubernetes API for one namespace. Its errors tell the user what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from kfnb.engines.cluster.clients.cluster_credentials import Credentials
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.cluster_session import CHECK_ADDRESS, ClusterSession, error_of
from kfnb.engines.cluster.clients.kubeconfig import MOUNTED_NAMESPACE, read_access
from kfnb.engines.cluster.targets.connection import Connection, address_of, check_confidential

__all__ = ["MOUNTED_NAMESPACE", "Kube", "connect"]

GROUP, VERSION, WORKFLOWS = "argoproj.io", "v1alpha1", "workflows"
MERGE = "application/merge-patch+json"
SHORT = 30.0  #: seconds to wait for an answer to a question that needs no work
A_DAY = 86_400  #: seconds for which a followed log may have no new line


class Kube:
    """A client for one namespace of a cluster.

    Parameters
    ----------
    session
        The connection to the cluster.
    """

    def __init__(self, session: ClusterSession, namespace: str) -> None:
        self.session, self.namespace = session, namespace
        self.server = session.server

    # ---------------------------------------------------------------- workflows
    def create(self, body: dict[str, Any], plural: str = WORKFLOWS) -> dict[str, Any]:
        return self.session.request_json("POST", self._path(plural), body=body)

    def get(self, name: str, plural: str = WORKFLOWS) -> dict[str, Any]:
        return self.session.request_json("GET", self._path(plural, name))

    def patch(self, name: str, body: dict[str, Any]) -> None:
        """Merge ``body`` into a Workflow."""
        self.session.request_json("PATCH", self._path(WORKFLOWS, name), body=body, content_type=MERGE)

    def delete(self, name: str, plural: str = WORKFLOWS) -> None:
        self.session.request_json("DELETE", self._path(plural, name))

    def watch(self, name: str, resource_version: str, seconds: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """The changes of a Workflow after ``resource_version``, for at most ``seconds``: the kind of each event, and the Workflow.

        Raises
        ------
        ClusterError
            Of the kind ``gone`` when the server no longer has the version, so that the Workflow must be read again. Of other kinds when
            the connection breaks.
        """
        query = {"fieldSelector": f"metadata.name={name}"}
        return self.watch_path(self._path(WORKFLOWS), query, resource_version, seconds)

    def watch_path(
        self, path: str, query: dict[str, str], resource_version: str, seconds: int
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The changes of what a path lists, as `watch` has them."""
        query = {**query, "resourceVersion": resource_version, "timeoutSeconds": str(seconds), "watch": "true"}
        for line in self.session.lines(path, query, seconds + 10):
            event = json.loads(line)
            if event["type"] == "ERROR":
                status = event["object"]
                raise error_of(status.get("code", 0), status.get("message", ""), self.server)
            yield event["type"], event["object"]

    def list_workflows(self, label: str) -> list[dict[str, Any]]:
        """The Workflows with a label."""
        return list(self.session.request_json("GET", self._path(WORKFLOWS), query={"labelSelector": label})["items"])

    # ---------------------------------------------------------------- pods
    def pods(self, label: str) -> list[dict[str, Any]]:
        return list(self.session.request_json("GET", self.core_path("pods"), query={"labelSelector": label})["items"])

    def pod_events(self, pod: str) -> list[dict[str, Any]]:
        """The events of a pod."""
        query = {"fieldSelector": f"involvedObject.kind=Pod,involvedObject.name={pod}"}
        return list(self.session.request_json("GET", self.core_path("events"), query=query)["items"])

    def log(self, pod: str, container: str = "main", follow: bool = False) -> Iterator[str]:
        """The lines of a pod's log as ``TIME TEXT``.

        Raises
        ------
        ClusterError
            Of the kind ``busy`` before the container has started, and ``missing`` when the pod is gone.
        """
        query = {"container": container, "follow": "true" if follow else "false", "timestamps": "true"}
        path = f"{self.core_path('pods')}/{quote(pod)}/log"
        for line in self.session.lines(path, query, A_DAY if follow else 120):
            yield line.decode("utf-8", "backslashreplace")

    # ---------------------------------------------------------------- paths
    @property
    def workflows_path(self) -> str:
        """The path of the namespace's Workflows."""
        return self._path(WORKFLOWS)

    def core_path(self, plural: str) -> str:
        """The path of a kind of Kubernetes' own in the namespace, such as ``pods`` or ``events``."""
        return f"/api/v1/namespaces/{quote(self.namespace, safe='')}/{plural}"

    def _path(self, plural: str, name: str = "") -> str:
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{quote(self.namespace, safe='')}/{plural}"
        return f"{path}/{quote(name, safe='')}" if name else path

    # ---------------------------------------------------------------- diagnosis
    def version(self) -> str:
        """The version of the server, such as ``v1.33.1``."""
        answer = self.session.request_json("GET", "/version", seconds=SHORT)
        if "gitVersion" not in answer:
            raise ClusterError("refused", f"{self.server} answers, but not as Kubernetes does: {CHECK_ADDRESS}")
        return str(answer["gitVersion"])

    def is_allowed(self, verb: str, group: str, resource: str, subresource: str = "") -> bool:
        """Whether the user may use a verb on a resource in the namespace."""
        attributes = {
            "namespace": self.namespace,
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
        }
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(self.session.request_json("POST", path, body=body, seconds=SHORT)["status"]["allowed"])

    def has_argo_workflows(self) -> bool:
        """Whether the cluster has the kinds of Argo Workflows."""
        try:
            self.session.request_json("GET", self._path(WORKFLOWS), query={"limit": "1"}, seconds=SHORT)
        except ClusterError as error:
            if error.kind == "missing":
                return False
            raise
        return True


def connect(connection: Connection) -> Kube:
    """Connect to the cluster of a target: by its ``kubeconfig`` and ``context``, or as the pod of this process, or by the user's kubeconfig.

    Raises
    ------
    ClusterError
        When there is no configuration, when one of its files has changed since it was trusted, or when others could read the token.
    """
    access = read_access(connection)
    address = address_of(access.server)
    credentials = Credentials(access.user, lambda: read_access(connection).user)
    if credentials.are_secret:
        check_confidential(address, connection.allow_http, "the token of the kubeconfig's user")
    return Kube(ClusterSession(access, credentials), connection.namespace or access.namespace or "default")
