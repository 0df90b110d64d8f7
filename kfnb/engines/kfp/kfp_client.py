"""A client of the REST API of Kubeflow Pipelines (v2beta1), as far as kfnb uses it.

Source: kubeflow/pipelines `backend/api/v2beta1/*.proto`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import MOUNTED_NAMESPACE, connect
from kfnb.engines.cluster.clients.rest_client import Rest, headers_of, server_certificate, session_of
from kfnb.engines.cluster.targets.connection import Connection, address_of
from kfnb.engines.kfp.refusal_words import ROLE, explained

API = "/apis/v2beta1"
MOUNTED_TOKEN = "/var/run/secrets/kubeflow/pipelines/token"  #: in a pod that may use the API
PAGE = "100"  #: recurring runs in one answer
SERVICE = "ml-pipeline:http"
ERROR_IN_LOG = '{"error_message":"'  #: how an error in the place of a log begins
Json = dict[str, Any]


class KfpClient:
    """A client of one server.

    Parameters
    ----------
    connection
        The connection of the target. Without ``host``, the address comes from ``KUBEFLOW_HOST`` or ``KF_PIPELINES_ENDPOINT``. Without
        these, it is the service in ``server_namespace``: through the API server when a ``kubeconfig`` or ``context`` is set, else in the
        cluster of this process. The token that Kubernetes mounted into this pod (``KF_PIPELINES_SA_TOKEN_PATH``) is sent only to
        services of this cluster.
    """

    def __init__(self, connection: Connection) -> None:
        self._rest = _server(connection)
        self.host = self._rest.host
        self.namespace = connection.namespace

    # ---------------------------------------------------------------- questions
    def multi_user(self) -> bool:
        """Whether runs belong to namespaces. Raises `ClusterError` when the server does not answer as Kubeflow Pipelines does."""
        answer = self._request("GET", "/healthz")
        if "multi_user" not in answer and answer:
            raise ClusterError(
                "refused", f"{self.host} answers, but not as Kubeflow Pipelines does: check `host` in the target"
            )
        return bool(answer.get("multi_user"))

    def check_namespace(self) -> bool:
        """Whether runs belong to namespaces. Raises `ClusterError` when they do and the target names none."""
        many = self.multi_user()
        if many and not self.namespace:
            raise ClusterError(
                "refused", f"{self.host} has a namespace for each user: set `namespace` in the target to yours"
            )
        return many

    def run(self, run_id: str) -> Json:
        return self._request("GET", f"/runs/{run_id}")

    def runs(self, run_ids: Collection[str]) -> list[Json]:
        """The runs with these ids, each as `run` has it. A run that the server no longer has is left out."""
        rule = {"predicates": [{"operation": "IN", "key": "run_id", "string_values": {"values": sorted(run_ids)}}]}
        query = {"filter": json.dumps(rule), "page_size": str(len(run_ids)), **self._namespace_query()}
        return list(self._request("GET", "/runs", params=query).get("runs", []))

    def experiments(self) -> list[Json]:
        """The first experiments that the user may see."""
        return list(
            self._request("GET", "/experiments", params={"page_size": "1", **self._namespace_query()}).get(
                "experiments", []
            )
        )

    def experiment(self, name: str) -> str:
        """The id of an experiment. It is created when it does not exist."""
        rule = {"predicates": [{"operation": "EQUALS", "key": "display_name", "string_value": name}]}
        query = {"filter": json.dumps(rule), **self._namespace_query()}
        for experiment in self._request("GET", "/experiments", params=query).get("experiments", []):
            if experiment.get("display_name") == name:
                return str(experiment["experiment_id"])
        return str(
            self._request("POST", "/experiments", json={"display_name": name, **self._namespace_query()})[
                "experiment_id"
            ]
        )

    def recurring_run(self, recurring_run_id: str) -> Json:
        return self._request("GET", f"/recurringruns/{quote(recurring_run_id, safe='')}")

    def recurring_runs(self) -> list[Json]:
        """All recurring runs of the namespace, or of the server where it is for a single user."""
        query = {"page_size": PAGE, **self._namespace_query()}
        found: list[Json] = []
        while True:
            answer = self._request("GET", "/recurringruns", params=query)
            found += answer.get("recurringRuns") or []
            if not answer.get("next_page_token"):
                return found
            query["page_token"] = str(answer["next_page_token"])

    def newest_runs(self, count: int, recurring_run_id: str = "") -> list[Json]:
        """The newest runs, the newest first; with an id, those of a recurring run."""
        query = {"page_size": str(count), "sort_by": "created_at desc", **self._namespace_query()}
        if recurring_run_id:
            rule = {"operation": "EQUALS", "key": "recurring_run_id", "string_value": recurring_run_id}
            query["filter"] = json.dumps({"predicates": [rule]})
        return list(self._request("GET", "/runs", params=query).get("runs") or [])

    def _namespace_query(self) -> dict[str, str]:
        return {"namespace": self.namespace} if self.namespace else {}

    # ---------------------------------------------------------------- commands
    def create_run(self, body: Json) -> str:
        return str(self._request("POST", "/runs", json=body)["run_id"])

    def create_recurring_run(self, body: Json) -> str:
        return str(self._request("POST", "/recurringruns", json=body)["recurring_run_id"])

    def act_on_recurring_run(self, recurring_run_id: str, verb: str) -> None:
        """``enable`` or ``disable`` a recurring run."""
        self._request("POST", f"/recurringruns/{quote(recurring_run_id, safe='')}:{verb}")

    def delete_recurring_run(self, recurring_run_id: str) -> None:
        """Delete a recurring run. Its runs stay."""
        self._request("DELETE", f"/recurringruns/{quote(recurring_run_id, safe='')}")

    def act(self, run_id: str, verb: str) -> None:
        """``terminate``, ``retry`` or ``archive`` a run."""
        self._request("POST", f"/runs/{run_id}:{verb}")

    def upload_version(self, path: Path, name: str, description: str = "") -> dict[str, str]:
        """Upload a package as a new version of the pipeline of that name. The pipeline is created when it does not exist.

        Returns
        -------
        dict
            ``pipeline_id`` and ``pipeline_version_id``, in the form of a run's reference.
        """
        pipeline = self._pipeline(name, description)
        query = {"name": time.strftime(f"{name}-%Y%m%d-%H%M%S", time.gmtime()), "pipelineid": pipeline}
        with path.open("rb") as file:
            version = self._request(
                "POST", "/pipelines/upload_version", params=query, files={"uploadfile": (path.name, file)}
            )
        return {"pipeline_id": pipeline, "pipeline_version_id": str(version["pipeline_version_id"])}

    def _pipeline(self, name: str, description: str) -> str:
        try:
            return str(self._request("GET", f"/pipelines/names/{name}", params=self._namespace_query())["pipeline_id"])
        except ClusterError as error:
            if error.kind != "missing":
                raise
        return str(
            self._request(
                "POST", "/pipelines", json={"display_name": name, "description": description, **self._namespace_query()}
            )["pipeline_id"]
        )

    def log(self, run_id: str, pod: str) -> str:
        """The log of a pod so far, without times, from the pod or else from the server's archive. It cannot follow the log.

        The server writes its status 200 before it looks for the log, and then, when it finds none, an error as JSON in the log's place
        (kubeflow/pipelines `backend/src/apiserver/server/run_log_server.go`). Raises `ClusterError`.
        """
        answer = self._rest.request("GET", f"/apis/v1alpha1/runs/{run_id}/nodes/{pod}/log")
        text = answer.content.decode("utf-8", "replace")
        error = _error_in_log(text)
        if error:
            raise ClusterError("missing", f"{self.host} has no log of this step: {error}", retryable=True)
        return text

    def _request(self, method: str, path: str, **body: Any) -> Json:
        try:
            return self._rest.request_json(method, f"{API}{path}", **body)
        except ClusterError as error:
            raise explained(error, self.host) from None


def _error_in_log(text: str) -> str:
    """The error that the server wrote in the place of a log, or behind the part of it that it could read; else an empty text.

    Its last words say what happened: each layer of the server and of the store puts an introduction before them.
    """
    _, start, rest = text.rpartition(ERROR_IN_LOG)
    if not start:
        return ""
    try:
        message = str(json.loads(start + rest).get("error_message", ""))
    except ValueError:
        return ""
    if "Failed to read logs" not in message:
        return ""
    return ": ".join(message.split(": ")[-2:])


def _server(connection: Connection) -> Rest:
    """The server of a target: the configured address, or the service behind a kubeconfig's API server, or the service in this cluster."""
    named = connection.host or os.environ.get("KUBEFLOW_HOST") or os.environ.get("KF_PIPELINES_ENDPOINT")
    mounted = os.environ.get("KF_PIPELINES_SA_TOKEN_PATH") or MOUNTED_TOKEN
    namespace = connection.server_namespace
    if not named and connection.names_cluster:
        kube = connect(connection)
        behind = address_of(f"{kube.server}/api/v1/namespaces/{quote(namespace, safe='')}/services/{SERVICE}/proxy")
        return Rest(behind, kube.session.requests, kube.session.prepare, ROLE, kube.session.renew)
    if not named and MOUNTED_NAMESPACE.is_file():
        named = f"http://ml-pipeline.{namespace}.svc.cluster.local:8888"
    if not named:
        raise ClusterError(
            "unreachable",
            'the target has no `host`, such as host = "https://kubeflow.example.org/pipeline" (or set KF_PIPELINES_ENDPOINT)',
        )
    address = address_of(named)
    session = session_of(address, server_certificate(connection))
    return Rest(address, session, lambda: headers_of(connection, address, mounted), ROLE)
