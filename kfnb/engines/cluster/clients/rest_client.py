"""A REST client for the servers of Kubeflow Pipelines and Argo. Its errors tell the user what to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.cluster_session import reason_of
from kfnb.engines.cluster.targets.connection import Address, Connection, check_confidential, check_mounted, is_mounted

TIMEOUT = (10.0, 60.0)  #: seconds to wait for a connection, and for an answer
BUSY = (429, 502, 503, 504)  #: statuses of a server, or of a proxy before it, that may soon answer
PAUSES = (0.3, 1.0, 3.0)  #: seconds between attempts of a GET request, which changes nothing on the server
Json = dict[str, Any]


class Rest:
    """A client of one server.

    Parameters
    ----------
    address
        The address of the server. The path of each request is appended to it.
    session
        A session that knows the certificates of the server and of the client.
    headers
        Returns the headers of a request. It is called for every request, because tokens rotate.
    right
        The right that the user should ask an administrator for when the server forbids a request.
    renew
        Renews the credentials when the server has refused them. Without it, they are only read again.
    """

    def __init__(
        self, address: Address, session: requests.Session, headers: Callable[[], dict[str, str]], right: str,
        renew: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        self.host = str(address)
        self._session, self._headers, self._right, self._renew = session, headers, right, renew

    def request_json(self, method: str, path: str, **body: Any) -> Json:
        """Send a request and return the JSON object of the answer. Raises `ClusterError`."""
        pauses = PAUSES if method == "GET" else ()
        for pause in (*pauses, None):
            try:
                response = self.request(method, path, **body)
            except ClusterError as error:
                if pause is None or not error.retryable:
                    raise
                time.sleep(pause)
                continue
            try:
                answer = response.json() if response.content else {}
            except ValueError:
                raise ClusterError(
                    "refused",
                    f"{self.host} answered with a web page instead of JSON: check `host` in the target, and log in again if needed",
                ) from None
            return answer if isinstance(answer, dict) else {}
        raise AssertionError

    def request(self, method: str, path: str, **body: Any) -> requests.Response:
        """Send a request and return the answer. Raises `ClusterError` when the request does not succeed."""
        headers = self._headers()
        response = self._send(method, path, headers, body)
        if response.status_code == 401:  # a token runs out while a run goes on
            self._renew()
            renewed = self._headers()
            if renewed != headers and not body.get("files"):
                response = self._send(method, path, renewed, body)
        if response.status_code >= 300:
            raise self._error(method, response)
        return response

    def _send(self, method: str, path: str, headers: dict[str, str], body: dict[str, Any]) -> requests.Response:
        try:
            return self._session.request(
                method,
                self.host + path,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
                # Without this, an environment variable that `requests` reads would override the target.
                verify=self._session.verify,
                **body,
            )
        except requests.RequestException as error:
            raise ClusterError(
                "unreachable", f"{self.host} cannot be reached: {reason_of(error)}", retryable=True
            ) from None

    def _error(self, method: str, response: requests.Response) -> ClusterError:
        status, host = response.status_code, self.host
        try:
            body = response.json()
            message = str(body.get("message") or body.get("error") or body)
        except (ValueError, AttributeError):
            message = response.text[:200].strip() or response.reason
        if status in (301, 302, 303, 307, 308):
            login_page = response.headers.get("Location", "")[:100]
            return ClusterError(
                "unauthorized",
                f"{host} redirects to a login page ({login_page}): set token_env, token_file or cookies_env in the target",
            )
        if status == 401:
            return ClusterError(
                "unauthorized",
                f"{host} does not accept your credentials ({message}): log in again, or check the token of this target",
            )
        if status == 403:
            return ClusterError("forbidden", f"{message}: ask for {self._right}")
        if status == 404:
            return ClusterError("missing", message)
        if status == 409:
            return ClusterError("conflict", message)
        if status in BUSY:
            return ClusterError("busy", f"{host} is busy: {message}", retryable=True)
        if status >= 500:
            return ClusterError("refused", f"{host} could not do it: {message}", retryable=method == "GET")
        return ClusterError("refused", message)


def session_of(
    address: Address, verify: bool | str = True, certificate: tuple[str, str] | None = None
) -> requests.Session:
    """A session for one server.

    Parameters
    ----------
    verify
        Whether the server's certificate is checked, or the file of the certificates that it is checked with.
    certificate
        The files of the client's certificate and its key.
    """
    session = requests.Session()
    session.cert = certificate
    session.verify = verify
    session.trust_env = address.scheme == "https"  # over http, a proxy of the environment could read everything
    session.auth = _no_authentication  # otherwise `requests` replaces the target's token by a password from ~/.netrc
    return session


def _no_authentication(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def server_certificate(connection: Connection) -> bool | str:
    """Whether a target's server certificate is checked, or the file of the certificates that it is checked with."""
    return connection.ca_file or connection.verify


def headers_of(connection: Connection, address: Address, mounted: str = "") -> dict[str, str]:
    """The headers with the token and the cookies of a target.

    Without ``token_env`` and ``token_file``, the token in the file ``mounted`` is taken, when the file exists and the server is in this
    cluster. A secret is read only after kfnb has checked that it may be sent to ``address``. Raises `ClusterError`.
    """
    headers: dict[str, str] = {}
    token = _token(connection, address, mounted)
    if token:
        headers["Authorization"] = f"Bearer {token}"
    name = connection.cookies_env
    if name:
        check_confidential(address, connection.allow_http, "cookies")
        if not os.environ.get(name):
            raise ClusterError(
                "unauthorized",
                f"the target takes its cookies from the variable ${name}, which is not set: set it and try again",
            )
        headers["Cookie"] = _one_line(os.environ[name], f"${name}")
    return headers


def _token(connection: Connection, address: Address, mounted: str) -> str:
    if connection.token_env:
        check_confidential(address, connection.allow_http, "the token")
        return _one_line(os.environ.get(connection.token_env, ""), f"${connection.token_env}")
    path = connection.token_file
    if not path:
        path = mounted if address.is_in_cluster and os.path.exists(mounted) else ""
        return _content(path) if path else ""
    if is_mounted(path):
        check_mounted(address, path)
    else:
        check_confidential(address, connection.allow_http, "the token")
    return _content(path)


def _content(path: str) -> str:
    try:
        return _one_line(Path(path).read_text().strip(), path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ClusterError(
            "unauthorized", f"the token file {path} cannot be read ({reason}): check `token_file` in the target"
        ) from None


def _one_line(secret: str, source: str) -> str:
    """Check that a secret fits into a header. Otherwise `requests` would raise an error whose text contains the secret."""
    if not all(" " <= c <= "~" for c in secret):
        raise ClusterError(
            "unauthorized",
            f"{source} holds no token and no cookies, because it is not one line of text: check what was written there",
        )
    return secret
