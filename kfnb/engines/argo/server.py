"""Argo's own server: it has what the Kubernetes API no longer has, of workflows that were archived and statuses that were offloaded."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from kfnb.engines.cluster.kube import ClusterError, Kube
from kfnb.engines.cluster.rest import Rest, address, headers_of, session_of

RIGHT = "a role that may `get` workflows there"


class ArgoServer:
    """The server that a target names (``server``).

    Source: argo-workflows `pkg/apiclient` (``/api/v1/workflows``, ``/api/v1/archived-workflows``) and `server/artifacts`.

    Parameters
    ----------
    settings
        A target's: ``server``, and ``token_file``, ``token_env``, ``ca_file``, ``verify``; without a token, that of ``kube``.
    """

    def __init__(self, settings: dict[str, Any], kube: Kube) -> None:
        own = bool({"token_file", "token_env", "cookies_env"} & set(settings))
        headers = (lambda: headers_of(settings)) if own else kube.headers
        self._rest = Rest(address(str(settings["server"])), session_of(settings), headers, RIGHT)
        self.host = self._rest.host

    def workflow(self, namespace: str, name: str, uid: str = "") -> dict[str, Any]:
        """A workflow with all of its nodes, from the cluster or else from the archive. Raises `ClusterError`."""
        try:
            return self._rest.ask("GET", f"/api/v1/workflows/{quote(namespace)}/{quote(name)}")
        except ClusterError as error:
            if error.kind != "missing" or not uid:
                raise
        query = {"namespace": namespace, "name": name}
        return self._rest.ask("GET", f"/api/v1/archived-workflows/{quote(uid)}", params=query)

    def log(self, namespace: str, name: str, uid: str, node: str) -> str:
        """The log that the artifact repository keeps of a pod, without times. Raises `ClusterError`, ``missing`` where it keeps none."""
        ways = [f"workflows/{quote(name)}"] + ([f"archived-workflows/{quote(uid)}"] if uid else [])
        for way in ways:
            try:
                path = f"/artifact-files/{quote(namespace)}/{way}/{quote(node)}/outputs/main-logs"
                return self._rest.send("GET", path).content.decode("utf-8", "replace")
            except ClusterError as error:
                if error.kind != "missing" or way == ways[-1]:
                    raise
        raise AssertionError
