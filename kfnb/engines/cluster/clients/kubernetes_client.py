"""A client of the Kubernetes API that uses the `kubernetes` package. Its errors tell the user what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.targets.connection import Connection, address_of, check_confidential, pinned_contents

GROUP, VERSION, WORKFLOWS = "argoproj.io", "v1alpha1", "workflows"
MOUNTED_NAMESPACE = Path(
    "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
)  #: the file with the namespace of this pod
CONNECT = 10.0  #: seconds to wait for a connection
A_DAY = 86_400  #: seconds for which a followed log may have no new line
Answer = TypeVar("Answer")


class Kube:
    """A client for one namespace of a cluster.

    Parameters
    ----------
    client
        A `kubernetes.client.ApiClient`.
    """

    def __init__(self, client: Any, namespace: str) -> None:
        from kubernetes import client as api

        self.namespace = namespace
        self._objects: Any = api.CustomObjectsApi(client)
        self._core: Any = api.CoreV1Api(client)
        self._access: Any = api.AuthorizationV1Api(client)
        self._version: Any = api.VersionApi(client)
        self._configuration: Any = client.configuration
        self.server: str = client.configuration.host.rstrip("/")

    # ---------------------------------------------------------------- workflows
    def create(self, body: dict[str, Any], plural: str = WORKFLOWS) -> dict[str, Any]:
        created: dict[str, Any] = self._call(
            lambda: self._objects.create_namespaced_custom_object(
                GROUP, VERSION, self.namespace, plural, body, _request_timeout=(CONNECT, 60)
            )
        )
        return created

    def get(self, name: str, plural: str = WORKFLOWS) -> dict[str, Any]:
        resource: dict[str, Any] = self._call(
            lambda: self._objects.get_namespaced_custom_object(
                GROUP, VERSION, self.namespace, plural, name, _request_timeout=(CONNECT, 60)
            )
        )
        return resource

    def patch(self, name: str, body: dict[str, Any]) -> None:
        """Merge ``body`` into a Workflow."""
        self._call(
            lambda: self._objects.patch_namespaced_custom_object(
                GROUP, VERSION, self.namespace, WORKFLOWS, name, body, _request_timeout=(CONNECT, 60)
            )
        )

    def delete(self, name: str, plural: str = WORKFLOWS) -> None:
        self._call(
            lambda: self._objects.delete_namespaced_custom_object(
                GROUP, VERSION, self.namespace, plural, name, _request_timeout=(CONNECT, 60)
            )
        )

    def watch(self, name: str, resource_version: str, seconds: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """The changes of a Workflow after ``resource_version``, for at most ``seconds``: the kind of each event, and the Workflow.

        Raises
        ------
        ClusterError
            Of the kind ``gone`` when the server no longer has the version, so that the Workflow must be read again. Of other kinds when
            the connection breaks.
        """
        response = self._call(
            lambda: self._objects.list_namespaced_custom_object(
                GROUP, VERSION, self.namespace, WORKFLOWS, field_selector=f"metadata.name={name}", resource_version=resource_version,
                timeout_seconds=seconds, watch=True, _preload_content=False, _request_timeout=(CONNECT, seconds + 10),
            )
        )  # fmt: skip
        for line in self._lines(response):
            event = json.loads(line)
            if event["type"] == "ERROR":
                status = event["object"]
                raise _error(status.get("code", 0), status.get("message", ""), self)
            yield event["type"], event["object"]

    def list_workflows(self, label: str) -> list[dict[str, Any]]:
        """The Workflows with a label."""
        answer = self._call(
            lambda: self._objects.list_namespaced_custom_object(
                GROUP, VERSION, self.namespace, WORKFLOWS, label_selector=label, _request_timeout=(CONNECT, 60)
            )
        )
        return list(answer["items"])

    # ---------------------------------------------------------------- pods
    def pods(self, label: str) -> list[dict[str, Any]]:
        answer = self._json(
            lambda: self._core.list_namespaced_pod(
                self.namespace, label_selector=label, _preload_content=False, _request_timeout=(CONNECT, 60)
            )
        )
        return list(answer["items"])

    def log(self, pod: str, container: str = "main", follow: bool = False) -> Iterator[str]:
        """The lines of a pod's log as ``TIME TEXT``.

        Raises
        ------
        ClusterError
            Of the kind ``busy`` before the container has started, and ``missing`` when the pod is gone.
        """
        response = self._call(
            lambda: self._core.read_namespaced_pod_log(
                pod, self.namespace, container=container, follow=follow, timestamps=True, _preload_content=False, _request_timeout=(CONNECT, A_DAY if follow else 120),
            )
        )  # fmt: skip
        for line in self._lines(response):
            yield line.decode("utf-8", "backslashreplace")

    def _lines(self, response: Any) -> Iterator[bytes]:
        rest = b""
        with _released(response):
            try:
                for chunk in response.stream(4096, decode_content=False):
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield from lines
            except Exception as error:  # urllib3 raises errors of many types
                if type(error).__module__.partition(".")[0] not in ("urllib3", "http", "builtins", "ssl", "socket"):
                    raise
                raise ClusterError(
                    "unreachable", f"the connection to {self.server} broke: {error}", retryable=True
                ) from None
        if rest:
            yield rest

    # ---------------------------------------------------------------- who asks, for other servers behind this one
    def headers(self) -> dict[str, str]:
        """The current headers that identify the user. They change when a token is renewed."""
        settings = self._configuration.auth_settings()
        return {s["key"]: s["value"] for s in settings.values() if s["in"] == "header" and s["value"]}

    def server_certificate(self) -> bool | str:
        """How the server's certificate is checked: with the authorities in a file, with the usual authorities, or not at all."""
        return (self._configuration.ssl_ca_cert or True) if self._configuration.verify_ssl else False

    def client_certificate(self) -> tuple[str, str] | None:
        """The files of the client's certificate and its key."""
        file, key = self._configuration.cert_file, self._configuration.key_file
        return (file, key) if file and key else None

    # ---------------------------------------------------------------- diagnosis
    def version(self) -> str:
        """The version of the server, such as ``v1.33.1``."""
        answer = self._json(lambda: self._version.get_code(_preload_content=False, _request_timeout=(CONNECT, 30)))
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
        call = self._access.create_self_subject_access_review
        answer = self._json(lambda: call(body, _preload_content=False, _request_timeout=(CONNECT, 30)))
        return bool(answer["status"]["allowed"])

    def has_argo_workflows(self) -> bool:
        """Whether the cluster has the kinds of Argo Workflows."""
        try:
            self._call(
                lambda: self._objects.list_namespaced_custom_object(
                    GROUP, VERSION, self.namespace, WORKFLOWS, limit=1, _request_timeout=(CONNECT, 30)
                )
            )
        except ClusterError as error:
            if error.kind == "missing":
                return False
            raise
        return True

    def _json(self, call: Callable[[], Any]) -> dict[str, Any]:
        """The JSON object of an answer. The package's own types are not used, because they refuse answers of newer servers that omit fields."""
        response = self._call(call)
        with _released(response):
            answer: dict[str, Any] = json.loads(response.data)
        return answer

    def _call(self, call: Callable[[], Answer]) -> Answer:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return call()
        except ApiException as error:
            body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else error.body or ""
            raise _error(error.status or 0, _message(body) or str(error.reason), self) from None
        except (HTTPError, OSError) as error:
            raise ClusterError(
                "unreachable", f"{self.server} cannot be reached: {_short(error)}", retryable=True
            ) from None


@contextmanager
def _released(response: Any) -> Iterator[None]:
    try:
        yield
    finally:
        response.close()
        response.release_conn()


def _message(body: str) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return body.strip()
    return str(answer.get("message", body)) if isinstance(answer, dict) else body


def _error(status: int, message: str, kube: Kube) -> ClusterError:
    if status == 401:
        return ClusterError(
            "unauthorized",
            f"{kube.server} does not accept your credentials ({message}): log in again, or check the token of this target",
        )
    if status == 403:
        return ClusterError(
            "forbidden", f"{message}: ask for a role with that right (`kfnb targets` lists what is missing)"
        )
    if status == 404 and "page not found" in message:
        return ClusterError(
            "missing", f"{kube.server} does not have Argo Workflows: install it, or name another cluster"
        )
    if status == 404 and message.startswith("namespaces"):
        return ClusterError("missing", f"{message}: name another with `namespace` in the target")
    if status == 404:
        return ClusterError("missing", message)
    if status == 410:
        return ClusterError("gone", message, retryable=True)
    if status == 409:
        return ClusterError("conflict", message)
    if status == 429 or status >= 500:
        return ClusterError("busy", f"{kube.server} is busy: {message}", retryable=True)
    if status == 400 and "waiting to start" in message:
        return ClusterError("busy", message, retryable=True)
    return ClusterError("refused", message)


def _short(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(reason).split("\n")[0][:300]


def connect(connection: Connection) -> Kube:
    """Connect to the cluster of a target: by its ``kubeconfig`` and ``context``, or as the pod of this process, or by the user's kubeconfig.

    Raises
    ------
    ClusterError
        When there is no configuration, when one of its files has changed since it was trusted, or when others could read the token.
    """
    from kubernetes import client, config

    configuration = client.Configuration()
    try:
        if connection.names_cluster:
            _load(connection, configuration)
        else:
            try:
                config.load_incluster_config(client_configuration=configuration)
            except config.ConfigException:
                config.load_kube_config(client_configuration=configuration)
    except config.ConfigException as error:
        raise ClusterError(
            "unreachable",
            f"no configuration of a cluster was found: set `kubeconfig` in the target, or run inside a pod ({error})",
        ) from None
    configuration.retries = False  # this also keeps the client from following redirects
    address = address_of(configuration.host)
    if configuration.api_key or configuration.username:
        check_confidential(address, connection.allow_http, "the token of the kubeconfig's user")
    if address.scheme == "http":
        configuration.proxy = None  # a proxy could read requests that are meant for this machine
    namespace = connection.namespace or _own_namespace(connection) or "default"
    return Kube(client.ApiClient(configuration), namespace)


def _load(connection: Connection, configuration: Any) -> None:
    """Load a kubeconfig. One that is beside a trusted file is parsed from the same bytes that were trusted."""
    import yaml
    from kubernetes import config
    from kubernetes.config.kube_config import KubeConfigLoader

    path, context = connection.kubeconfig or None, connection.context or None
    content = pinned_contents(connection).get(connection.kubeconfig)
    if content is None:
        config.load_kube_config(path, context, client_configuration=configuration)
        return
    try:
        kubeconfig = yaml.safe_load(content)
    except yaml.YAMLError:
        kubeconfig = None
    if not isinstance(kubeconfig, dict):
        raise ClusterError("refused", f"{path} is not a kubeconfig: name another file with `kubeconfig` in the target")
    folder = str(Path(connection.kubeconfig).parent)
    KubeConfigLoader(kubeconfig, active_context=context, config_base_path=folder).load_and_set(configuration)


def _own_namespace(connection: Connection) -> str | None:
    """The namespace of the pod of this process, or of the context."""
    from kubernetes import config

    if not connection.names_cluster and MOUNTED_NAMESPACE.is_file():
        return MOUNTED_NAMESPACE.read_text().strip()
    try:
        contexts, active = config.list_kube_config_contexts(connection.kubeconfig or None)
    except config.ConfigException:
        return None
    context = next((c for c in contexts if c["name"] == connection.context), active)
    namespace = context["context"].get("namespace")
    return str(namespace) if namespace else None
