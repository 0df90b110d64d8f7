"""A client of Argo's own server, which has archived Workflows and offloaded statuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube
from kfnb.engines.cluster.clients.rest_client import Rest, headers_of, server_certificate, session_of
from kfnb.engines.cluster.targets.connection import Address, Connection, address_of, check_confidential

REQUIRED_ROLE = "a role that may `get` workflows there"


class ArgoServer:
    """A client for one Workflow on the server that a target names with ``server``.

    Source: argo-workflows `pkg/apiclient` (``/api/v1/workflows``, ``/api/v1/archived-workflows``) and `server/artifacts`.

    Parameters
    ----------
    connection
        The connection of the target. The server gets the token of ``kube`` only when the target sets ``server_token = "kubeconfig"``, or
        when it is reached through the same server as ``kube``.
    uid
        The id of the Workflow in the archive. Without it, the archive is not asked.
    """

    def __init__(self, connection: Connection, kube: Kube, name: str, uid: str) -> None:
        address = address_of(connection.server)
        session = session_of(address, server_certificate(connection))
        renew = (lambda: None) if connection.authenticates else kube.session.renew
        self._rest = Rest(address, session, _credentials(connection, address, kube), REQUIRED_ROLE, renew)
        self._namespace, self._name, self._uid = kube.namespace, name, uid

    def workflow(self) -> dict[str, Any]:
        """The Workflow with all of its nodes, from the cluster or else from the archive. Raises `ClusterError`."""
        try:
            return self._rest.request_json("GET", f"/api/v1/workflows/{quote(self._namespace)}/{quote(self._name)}")
        except ClusterError as error:
            if error.kind != "missing" or not self._uid:
                raise
        query = {"namespace": self._namespace, "name": self._name}
        return self._rest.request_json("GET", f"/api/v1/archived-workflows/{quote(self._uid)}", params=query)

    def log(self, node: str) -> str:
        """The log of a pod in the artifact repository, without times. Raises `ClusterError` of the kind ``missing`` when there is none."""
        parents = [f"workflows/{quote(self._name)}"] + ([f"archived-workflows/{quote(self._uid)}"] if self._uid else [])
        for parent in parents:
            try:
                path = f"/artifact-files/{quote(self._namespace)}/{parent}/{quote(node)}/outputs/main-logs"
                return self._rest.request("GET", path).content.decode("utf-8", "replace")
            except ClusterError as error:
                if error.kind != "missing" or parent == parents[-1]:
                    raise
        raise AssertionError


def _credentials(connection: Connection, address: Address, kube: Kube) -> Callable[[], dict[str, str]]:
    if connection.authenticates:
        return lambda: headers_of(connection, address)
    if connection.server_token != "kubeconfig" and address.origin != address_of(kube.server).origin:
        return dict

    def of_kubeconfig() -> dict[str, str]:
        check_confidential(address, connection.allow_http, "the token of the kubeconfig's user")
        return kube.session.prepare()

    return of_kubeconfig


def workflow_of(kube: Kube, name: str, server: ArgoServer | None) -> dict[str, Any]:
    """The current Workflow. It comes from Argo's own server when the cluster no longer has it. Raises `ClusterError`."""
    try:
        return kube.get(name)
    except ClusterError as error:
        if error.kind != "missing" or server is None:
            raise
    return server.workflow()
