"""Requests to the Kubernetes API: certificates, proxies, and credentials that are renewed when the server refuses them.

`requests` carries them, because kfnb needs it anyway. The package `kubernetes` takes ten times as long to import as a request takes, and
other light clients know neither proxies in a kubeconfig nor the current interface of programs that print credentials.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import InsecureRequestWarning

from kfnb.engines.cluster.clients.cluster_credentials import Credentials, Secret
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubeconfig import ClusterAccess
from kfnb.version import __version__

CONNECT = 10.0  #: seconds to wait for a connection
CONNECTIONS = 32  #: connections that are kept for further requests
CHECK_ADDRESS = "check the address in the kubeconfig"
BROKEN = ("urllib3", "requests", "http", "builtins", "ssl", "socket")  #: whose errors mean that a connection broke


class ClusterSession:
    """A connection to one cluster, as one user. Several threads may use it.

    Parameters
    ----------
    access
        How the cluster is reached.
    credentials
        Who asks.
    """

    def __init__(self, access: ClusterAccess, credentials: Credentials) -> None:
        self.server, self.credentials = access.server, credentials
        self._access, self._lock = access, threading.Lock()
        self._certificate: tuple[str, str] | None = None
        self.requests = requests.Session()
        # Over plain http a proxy could read everything; and the kubeconfig's proxy counts before that of the environment.
        self.requests.trust_env = self.server.startswith("https://") and not access.proxy
        self.requests.auth = _no_authentication  # otherwise `requests` looks for a password in ~/.netrc
        self.requests.headers["User-Agent"] = f"kfnb/{__version__}"
        if access.proxy and self.server.startswith("https://"):
            self.requests.proxies = {"https": access.proxy}

    def request(
        self, method: str, path: str, *, query: dict[str, Any] | None = None, body: dict[str, Any] | None = None,
        content_type: str = "application/json", accept: str = "", seconds: float = 60.0, stream: bool = False,
    ) -> requests.Response:  # fmt: skip
        """Send a request and return the answer.

        Credentials that the server refuses are renewed once, and the request is sent again: the program of the kubeconfig runs again, and
        its files are read again.

        Raises
        ------
        ClusterError
            When the request does not succeed.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type} if data is not None else {}
        headers |= {"Accept-Encoding": "identity"} if stream else {}
        headers |= {"Accept": accept} if accept else {}
        secret = self.credentials.secret()
        for is_last in (False, True):
            response = self._send(method, path, params=query, data=data, headers=headers, seconds=seconds, stream=stream, secret=secret)  # fmt: skip
            if response.status_code < 300:
                return response
            status, message = response.status_code, _message(response)
            response.close()
            if status == 401 and not is_last and self.credentials.renew(secret):
                secret = self.credentials.secret()
                continue
            raise error_of(status, message, self.server)
        raise AssertionError

    def request_json(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        """Send a request and return the JSON object of the answer. Raises `ClusterError`."""
        with self.request(method, path, **how) as response:
            try:
                answer = json.loads(response.content)
            except (ValueError, requests.RequestException):
                answer = None
        if not isinstance(answer, dict):
            raise ClusterError("refused", f"{self.server} answers, but not as Kubernetes does: {CHECK_ADDRESS}")
        return answer

    def lines(self, path: str, query: dict[str, Any], seconds: float) -> Iterator[bytes]:
        """The lines of an answer, each as soon as it comes. ``seconds``: how long no line may come. Raises `ClusterError`."""
        response = self.request("GET", path, query=query, seconds=seconds, stream=True)
        rest = b""
        with response:
            try:
                for chunk in response.raw.stream(4096, decode_content=False):
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield from lines
            except Exception as error:  # urllib3 raises errors of many types
                if type(error).__module__.partition(".")[0] not in BROKEN:
                    raise
                raise ClusterError(
                    "unreachable", f"the connection to {self.server} broke: {error}", retryable=True
                ) from None
        if rest:
            yield rest

    def prepare(self) -> dict[str, str]:
        """Make the session ready for a request, and return the headers that identify the user. Raises `ClusterError`."""
        self._use(self.credentials.secret())
        return self.credentials.headers()

    def renew(self) -> None:
        """Look for other credentials, because a server behind the cluster has refused these. Raises `ClusterError`."""
        self.credentials.renew(self.credentials.secret())

    def _use(self, secret: Secret) -> None:
        """Connect with the certificate of a secret."""
        certificate = (secret.certificate, secret.key)
        with self._lock:
            if certificate != self._certificate:
                self.requests.mount("https://", _Adapter(_tls(self._access, *certificate), self._access.server_name))
                self._certificate = certificate

    def _send(
        self, method: str, path: str, *, headers: dict[str, str], seconds: float, secret: Secret, **how: Any
    ) -> requests.Response:
        self._use(secret)
        try:
            return self.requests.request(
                method, self.server + path, headers={**headers, **self.credentials.headers()}, timeout=(CONNECT, seconds),
                allow_redirects=False, **how,
            )  # fmt: skip
        except (requests.RequestException, OSError) as error:
            raise ClusterError(
                "unreachable", f"{self.server} cannot be reached: {reason_of(error)}", retryable=True
            ) from None


def _no_authentication(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


# -------------------------------------------------------------------- certificates
class _Adapter(HTTPAdapter):
    """Connects with a TLS context of its own, so that no variable of the environment can say whose certificates count."""

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._tls: dict[str, Any] = {"ssl_context": context, "cert_reqs": context.verify_mode}
        if server_name:
            self._tls |= {"server_hostname": server_name, "assert_hostname": server_name}
        if context.verify_mode == ssl.CERT_NONE:
            self._tls |= {"assert_hostname": False}
        super().__init__(pool_maxsize=CONNECTIONS)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **{**kwargs, **self._tls})

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **{**kwargs, **self._tls})

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, True, None)
        return host, dict(self._tls)

    def cert_verify(self, *_: Any) -> None:
        """The context says it."""


def _tls(access: ClusterAccess, certificate: str, key: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=access.authorities or None)
        if certificate:
            with _as_file(f"{certificate}\n{key}\n") as path:
                context.load_cert_chain(path)
    except (ssl.SSLError, ValueError) as error:
        raise ClusterError("refused", f"a certificate in the kubeconfig cannot be used: {reason_of(error)}") from None
    # Authorities of clusters are often older than the strict rules, which Go's programs do not apply, and may be intermediate ones.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    context.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0)
    if not access.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        warnings.filterwarnings("ignore", category=InsecureRequestWarning)  # the user's own configuration says so
    return context


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """A file that only this user can read, because `ssl` takes certificates from files only."""
    descriptor, path = tempfile.mkstemp(prefix="kfnb-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        yield path
    finally:
        os.unlink(path)


# -------------------------------------------------------------------- errors
def _message(response: requests.Response) -> str:
    try:
        body = response.text
    except requests.RequestException:
        body = ""
    try:
        answer = json.loads(body)
    except ValueError:
        return body.strip() or str(response.reason)
    return str(answer.get("message", body)) if isinstance(answer, dict) else body


def error_of(status: int, message: str, server: str) -> ClusterError:
    """The error that a status and a message of the Kubernetes API mean."""
    if 300 <= status < 400:
        return ClusterError(
            "unauthorized",
            f"{server} sends kfnb elsewhere, as a login page does: log in, or check the address in the kubeconfig",
        )
    if status == 401:
        return ClusterError(
            "unauthorized",
            f"{server} does not accept your credentials ({message}): log in again, or check the token of this target",
        )
    if status == 403:
        return ClusterError(
            "forbidden", f"{message}: ask for a role with that right (`kfnb targets` lists what is missing)"
        )
    if status == 404 and "page not found" in message:
        return ClusterError("missing", f"{server} does not have Argo Workflows: install it, or name another cluster")
    if status == 404 and message.startswith("namespaces"):
        return ClusterError("missing", f"{message}: name another with `namespace` in the target")
    if status == 404:
        return ClusterError("missing", message)
    if status == 410:
        return ClusterError("gone", message, retryable=True)
    if status == 409:
        return ClusterError("conflict", message)
    if status == 429 or status >= 500:
        return ClusterError("busy", f"{server} is busy: {message}", retryable=True)
    if status == 400 and "waiting to start" in message:
        return ClusterError("busy", message, retryable=True)
    return ClusterError("refused", message)


def reason_of(error: Exception) -> str:
    """The cause of an error of `requests`, which wraps the errors of others."""
    cause: Any = error.args[0] if isinstance(error, requests.RequestException) and error.args else error
    reason = getattr(cause, "reason", None) or cause
    return re.sub(r"^\w+\([^()]*\): ", "", str(reason).split("\n")[0])[:300]  # without the object that says it
