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
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
SHORT = 30.0  #: seconds to wait for an answer to a question that needs no work
NAMES = 5  #: names that a server may choose for an object before one of them must be free
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
        """Create an object.

        Servers before Kubernetes 1.32 may choose a name for it that is taken (KEP-4420), and are then asked again.
        """
        tries = 1 if "name" in body["metadata"] else NAMES
        while True:
            tries -= 1
            try:
                return self.session.request_json("POST", self._path(plural), body=body)
            except ClusterError as error:
                if error.kind != "conflict" or not tries:
                    raise

    def get(self, name: str, plural: str = WORKFLOWS) -> dict[str, Any]:
        return self.session.request_json("GET", self._path(plural, name))

    def patch(self, name: str, body: dict[str, Any], plural: str = WORKFLOWS) -> None:
        """Merge ``body`` into an object."""
        self.session.request_json("PATCH", self._path(plural, name), body=body, content_type=MERGE)

    def delete(self, name: str, plural: str = WORKFLOWS) -> None:
        self.session.request_json("DELETE", self._path(plural, name))

    def watch(
        self, path: str, query: dict[str, str], resource_version: str, seconds: int
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The changes of what a path lists after ``resource_version``, for at most ``seconds``: the kind of each event, and the object.

        Raises
        ------
        ClusterError
            Of the kind ``gone`` when the server no longer has the version, so that the objects must be listed again. Of other kinds when
            the connection breaks.
        """
        query = {**query, "resourceVersion": resource_version, "timeoutSeconds": str(seconds), "watch": "true"}
        for line in self.session.lines(path, query, seconds + 10):
            event = json.loads(line)
            if event["type"] == "ERROR":
                status = event["object"]
                raise error_of(status.get("code", 0), status.get("message", ""), self.server)
            yield event["type"], event["object"]

    def list_all(self, plural: str) -> list[dict[str, Any]]:
        """All objects of a kind in the namespace."""
        return list(self.session.request_json("GET", self._path(plural))["items"])

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
        attributes = {"namespace": self.namespace, "verb": verb, "group": group, "resource": resource, "subresource": subresource}  # fmt: skip
        answer = self._review("selfsubjectaccessreviews", "SelfSubjectAccessReview", {"resourceAttributes": attributes})
        return bool(answer["status"]["allowed"])

    def account_is_allowed(self, account: str, verb: str, group: str, resource: str) -> bool:
        """Whether a service account of the namespace may use a verb on a resource there. Few users may ask that."""
        spec = {
            "user": f"system:serviceaccount:{self.namespace}:{account}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{self.namespace}", "system:authenticated"],
            "resourceAttributes": {"namespace": self.namespace, "verb": verb, "group": group, "resource": resource},
        }
        path = f"namespaces/{quote(self.namespace, safe='')}/localsubjectaccessreviews"
        answer = self._review(path, "LocalSubjectAccessReview", spec, {"namespace": self.namespace})
        return bool(answer["status"]["allowed"])

    def own_rules(self) -> list[dict[str, list[str]]]:
        """The rights of the user in the namespace, as far as the server can list them."""
        answer = self._review("selfsubjectrulesreviews", "SelfSubjectRulesReview", {"namespace": self.namespace})
        return list((answer.get("status") or {}).get("resourceRules") or ())

    def user_name(self) -> str:
        """The name that the cluster knows the user by; empty when it is older than 1.28 and cannot say it."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
            answer = self.session.request_json("POST", path, body=body, seconds=SHORT)
        except ClusterError as error:
            if error.kind in ("missing", "forbidden"):
                return ""
            raise
        return str(answer.get("status", {}).get("userInfo", {}).get("username") or "")

    def _review(
        self, path: str, kind: str, spec: dict[str, Any], metadata: dict[str, str] | None = None
    ) -> dict[str, Any]:
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "metadata": metadata or {}, "spec": spec}
        return self.session.request_json("POST", f"/apis/authorization.k8s.io/v1/{path}", body=body, seconds=SHORT)

    def find(self, path: str, only_metadata: bool = False) -> dict[str, Any] | None:
        """What a path names; ``None`` when it does not exist. With ``only_metadata`` the server keeps the content, such as a secret's.

        Raises `ClusterError`, of the kind ``forbidden`` when the user may not see it.
        """
        try:
            return self.session.request_json("GET", path, seconds=SHORT, accept=METADATA if only_metadata else "")
        except ClusterError as error:
            if error.kind == "missing":
                return None
            raise

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
