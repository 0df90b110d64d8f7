"""Kubeflow Pipelines' REST API (v2beta1), as far as kfnb uses it.

Source: kubeflow/pipelines `backend/api/v2beta1/*.proto`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from kfnb.engines.cluster.kube import ClusterError

API = "/apis/v2beta1"
MOUNTED_TOKEN = "/var/run/secrets/kubeflow/pipelines/token"  #: of a pod that the administrator lets use the API
MOUNTED_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
TIMEOUT = (10.0, 60.0)  #: seconds to connect, and for an answer
PAUSES = (0.3, 1.0, 3.0)  #: seconds between tries of a question that changes nothing
Json = dict[str, Any]


class KfpClient:
    """One server.

    Parameters
    ----------
    settings
        A target's: ``host`` (else ``KUBEFLOW_HOST`` or ``KF_PIPELINES_ENDPOINT``, else the service in this cluster), ``token_file``,
        ``token_env``, ``cookies_env``, ``ca_file``, ``verify``, ``namespace``.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.host = _host(settings)
        self.namespace: str = settings.get("namespace", "")
        self._session = requests.Session()
        self._session.verify = settings.get("ca_file") or settings.get("verify", True)

    # ---------------------------------------------------------------- questions
    def multi_user(self) -> bool:
        """Whether runs belong to namespaces. Raises `ClusterError` when the server does not answer as Kubeflow Pipelines does."""
        found = self._ask("GET", "/healthz")
        if "multi_user" not in found and found:
            raise ClusterError(
                "refused", f"{self.host} answers, but not as Kubeflow Pipelines does: see `host` of the target"
            )
        return bool(found.get("multi_user"))

    def run(self, run_id: str) -> Json:
        return self._ask("GET", f"/runs/{run_id}")

    def experiments(self) -> list[Json]:
        """The first experiments that this user may see."""
        return list(
            self._ask("GET", "/experiments", params={"page_size": "1", **self._spaced()}).get("experiments", [])
        )

    def experiment(self, name: str) -> str:
        """The id of an experiment, made when it is not there."""
        rule = {"predicates": [{"operation": "EQUALS", "key": "display_name", "string_value": name}]}
        query = {"filter": json.dumps(rule), **self._spaced()}
        for found in self._ask("GET", "/experiments", params=query).get("experiments", []):
            if found.get("display_name") == name:
                return str(found["experiment_id"])
        return str(self._ask("POST", "/experiments", json={"display_name": name, **self._spaced()})["experiment_id"])

    def _spaced(self) -> dict[str, str]:
        return {"namespace": self.namespace} if self.namespace else {}

    # ---------------------------------------------------------------- commands
    def create_run(self, body: Json) -> str:
        return str(self._ask("POST", "/runs", json=body)["run_id"])

    def create_recurring_run(self, body: Json) -> str:
        return str(self._ask("POST", "/recurringruns", json=body)["recurring_run_id"])

    def act(self, run_id: str, verb: str) -> None:
        """``terminate``, ``retry`` or ``archive`` a run."""
        self._ask("POST", f"/runs/{run_id}:{verb}")

    def upload_version(self, path: Path, name: str, description: str = "") -> dict[str, str]:
        """Upload a package as a new version of the pipeline of that name, which is made when it is not there.

        Returns
        -------
        dict
            ``pipeline_id`` and ``pipeline_version_id``, as a run's reference has them.
        """
        pipeline = self._pipeline(name, description)
        query = {"name": time.strftime(f"{name}-%Y%m%d-%H%M%S", time.gmtime()), "pipelineid": pipeline}
        with path.open("rb") as file:
            found = self._ask(
                "POST", "/pipelines/upload_version", params=query, files={"uploadfile": (path.name, file)}
            )
        return {"pipeline_id": pipeline, "pipeline_version_id": str(found["pipeline_version_id"])}

    def _pipeline(self, name: str, description: str) -> str:
        try:
            return str(self._ask("GET", f"/pipelines/names/{name}", params=self._spaced())["pipeline_id"])
        except ClusterError as error:
            if error.kind != "missing":
                raise
        return str(
            self._ask("POST", "/pipelines", json={"display_name": name, "description": description, **self._spaced()})[
                "pipeline_id"
            ]
        )

    def log(self, run_id: str, pod: str) -> Iterator[str]:
        """The lines of a pod's log, through the server; it cannot follow."""
        response = self._send("GET", f"{self.host}/apis/v1alpha1/runs/{run_id}/nodes/{pod}/log", {})
        yield from response.text.splitlines()

    # ---------------------------------------------------------------- asking
    def _ask(self, method: str, path: str, **body: Any) -> Json:
        pauses = PAUSES if method == "GET" else ()
        for pause in (*pauses, None):
            try:
                response = self._send(method, f"{self.host}{API}{path}", body)
            except ClusterError as error:
                if pause is None or not error.again:
                    raise
                time.sleep(pause)
                continue
            try:
                found = response.json() if response.content else {}
            except ValueError:
                raise ClusterError(
                    "refused",
                    f"{self.host} answers with a page, not as an API does: see `host`, and whether you are logged in",
                ) from None
            return found if isinstance(found, dict) else {}
        raise AssertionError

    def _send(self, method: str, url: str, body: dict[str, Any]) -> requests.Response:
        try:
            response = self._session.request(
                method, url, headers=self._headers(), timeout=TIMEOUT, allow_redirects=False, **body
            )
        except requests.RequestException as error:
            raise ClusterError(
                "unreachable", f"{self.host} cannot be reached: {str(error)[:300]}", again=True
            ) from None
        if response.status_code >= 300:
            raise _error(self.host, response)
        return response

    def _headers(self) -> dict[str, str]:
        """Read for every request: tokens in files rotate."""
        found: dict[str, str] = {}
        token = _token(self.settings)
        if token:
            found["Authorization"] = f"Bearer {token}"
        name = self.settings.get("cookies_env")
        if name:
            if not os.environ.get(name):
                raise ClusterError("unauthorized", f"the target takes its cookies from ${name}, which is not set")
            found["Cookie"] = os.environ[name]
        return found


def _host(settings: dict[str, Any]) -> str:
    named = settings.get("host") or os.environ.get("KUBEFLOW_HOST") or os.environ.get("KF_PIPELINES_ENDPOINT")
    if named:
        host = str(named).rstrip("/")
        return host if "://" in host else f"https://{host}"
    if Path(MOUNTED_NAMESPACE).is_file():
        return "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
    raise ClusterError(
        "unreachable",
        'the target has no `host`, such as host = "https://kubeflow.example.org/pipeline" (or set KF_PIPELINES_ENDPOINT)',
    )


def _token(settings: dict[str, Any]) -> str:
    if settings.get("token_env"):
        return os.environ.get(settings["token_env"], "")
    path = settings.get("token_file") or os.environ.get("KF_PIPELINES_SA_TOKEN_PATH") or MOUNTED_TOKEN
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        if settings.get("token_file"):
            raise ClusterError("unauthorized", f"the token file {path} cannot be read: {error.strerror}") from None
        return ""


def _error(host: str, response: requests.Response) -> ClusterError:
    status = response.status_code
    try:
        body = response.json()
        message = str(body.get("message") or body.get("error") or body)
    except (ValueError, AttributeError):
        message = response.text[:200].strip() or response.reason
    if status in (301, 302, 303, 307, 308):
        return ClusterError(
            "unauthorized",
            f"{host} sends to a login page ({response.headers.get('Location', '')[:100]}): give a token or cookies to the target",
        )
    if status == 401:
        return ClusterError(
            "unauthorized", f"{host} does not know who asks ({message}): log in again, or see the token of this target"
        )
    if status == 403:
        return ClusterError("forbidden", f"{message}: ask for a role in that namespace (`kubeflow-pipelines-edit`)")
    if status == 404:
        return ClusterError("missing", message)
    if status == 409:
        return ClusterError("conflict", message)
    if status == 429 or status >= 500:
        return ClusterError("busy", f"{host} is busy: {message}", again=True)
    return ClusterError("refused", message)
