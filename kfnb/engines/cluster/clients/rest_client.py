"""A REST client for the servers of Kubeflow Pipelines and Argo, whose errors say what the user can do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.targets.connection import Address, Connection, check_confidential, check_mounted, is_mounted

TIMEOUT = (10.0, 60.0)  #: seconds to connect, and for an answer
PAUSES = (0.3, 1.0, 3.0)  #: seconds between tries of a question that changes nothing
Json = dict[str, Any]


class Rest:
    """One server.

    Parameters
    ----------
    address
        Where it is: what stands before the paths.
    session
        With the server's certificate, and the client's where there is one.
    headers
        Asked for every request: tokens rotate.
    right
        What to ask an administrator for when something is forbidden.
    """

    def __init__(
        self, address: Address, session: requests.Session, headers: Callable[[], dict[str, str]], right: str
    ) -> None:
        self.host = str(address)
        self._session, self._headers, self._right = session, headers, right

    def request_json(self, method: str, path: str, **body: Any) -> Json:
        """The JSON answer. Raises `ClusterError`."""
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
                    f"{self.host} answers with a web page instead of JSON: check `host` in the target, and whether you are logged in",
                ) from None
            return answer if isinstance(answer, dict) else {}
        raise AssertionError

    def request(self, method: str, path: str, **body: Any) -> requests.Response:
        """The answer as it is. Raises `ClusterError` for everything but success."""
        try:
            response = self._session.request(
                method,
                self.host + path,
                headers=self._headers(),
                timeout=TIMEOUT,
                allow_redirects=False,
                verify=self._session.verify,
                **body,  # Without this, an environment variable of `requests` would override the target.
            )
        except requests.RequestException as error:
            raise ClusterError(
                "unreachable", f"{self.host} cannot be reached: {str(error)[:300]}", retryable=True
            ) from None
        if response.status_code >= 300:
            raise self._error(response)
        return response

    def _error(self, response: requests.Response) -> ClusterError:
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
        if status == 429 or status >= 500:
            return ClusterError("busy", f"{host} is busy: {message}", retryable=True)
        return ClusterError("refused", message)


def session_of(
    address: Address, verify: bool | str = True, certificate: tuple[str, str] | None = None
) -> requests.Session:
    """A session for one server; ``verify``: how its certificate is checked, ``certificate``: files of the client's and its key."""
    session = requests.Session()
    session.cert = certificate
    session.verify = verify
    session.trust_env = address.scheme == "https"  # a proxy reads what goes over http
    session.auth = _no_authentication  # else `requests` puts a password of ~/.netrc in the place of the target's token
    return session


def _no_authentication(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def server_certificate(connection: Connection) -> bool | str:
    """How a target wants its server's certificate to be checked."""
    return connection.ca_file or connection.verify


def headers_of(connection: Connection, address: Address, mounted: str = "") -> dict[str, str]:
    """Who asks: ``token_env``, ``token_file`` (else ``mounted``, where it is there and the server is of this cluster), ``cookies_env``.

    Nothing is read before it is clear that it may be sent to ``address``. Raises `ClusterError`.
    """
    headers: dict[str, str] = {}
    token = _token(connection, address, mounted)
    if token:
        headers["Authorization"] = f"Bearer {token}"
    name = connection.cookies_env
    if name:
        check_confidential(address, connection.allow_http, "cookies")
        if not os.environ.get(name):
            raise ClusterError("unauthorized", f"the target takes its cookies from ${name}, which is not set")
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
        raise ClusterError("unauthorized", f"the token file {path} cannot be read: {reason}") from None


def _one_line(secret: str, source: str) -> str:
    """A secret that can stand in a header: an error of `requests` about one that cannot would print it."""
    if not all(" " <= c <= "~" for c in secret):
        raise ClusterError("unauthorized", f"what {source} has is no token and no cookies: it is not one line of text")
    return secret
