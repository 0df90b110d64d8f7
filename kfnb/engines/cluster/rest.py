"""REST over `requests`, with errors in the user's words: for the servers of Kubeflow Pipelines and of Argo."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from kfnb.engines.cluster.kube import ClusterError

TIMEOUT = (10.0, 60.0)  #: seconds to connect, and for an answer
PAUSES = (0.3, 1.0, 3.0)  #: seconds between tries of a question that changes nothing
Json = dict[str, Any]


class Rest:
    """One server.

    Parameters
    ----------
    host
        Where it is: what stands before the paths.
    session
        With the server's certificate, and the client's where there is one.
    headers
        Asked for every request: tokens rotate.
    right
        What to ask an administrator for when something is forbidden.
    """

    def __init__(self, host: str, session: requests.Session, headers: Callable[[], dict[str, str]], right: str) -> None:
        self.host = host
        self._session, self._headers, self._right = session, headers, right

    def ask(self, method: str, path: str, **body: Any) -> Json:
        """The JSON answer. Raises `ClusterError`."""
        pauses = PAUSES if method == "GET" else ()
        for pause in (*pauses, None):
            try:
                response = self.send(method, path, **body)
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

    def send(self, method: str, path: str, **body: Any) -> requests.Response:
        """The answer as it is. Raises `ClusterError` for everything but success."""
        try:
            response = self._session.request(
                method, self.host + path, headers=self._headers(), timeout=TIMEOUT, allow_redirects=False, **body
            )
        except requests.RequestException as error:
            raise ClusterError(
                "unreachable", f"{self.host} cannot be reached: {str(error)[:300]}", again=True
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
            where = response.headers.get("Location", "")[:100]
            return ClusterError(
                "unauthorized", f"{host} sends to a login page ({where}): give a token or cookies to the target"
            )
        if status == 401:
            return ClusterError(
                "unauthorized",
                f"{host} does not know who asks ({message}): log in again, or see the token of this target",
            )
        if status == 403:
            return ClusterError("forbidden", f"{message}: ask for {self._right}")
        if status == 404:
            return ClusterError("missing", message)
        if status == 409:
            return ClusterError("conflict", message)
        if status == 429 or status >= 500:
            return ClusterError("busy", f"{host} is busy: {message}", again=True)
        return ClusterError("refused", message)


def session_of(settings: dict[str, Any], certificate: tuple[str, str] | None = None) -> requests.Session:
    """A session with the server's certificate that a target names (``ca_file``, ``verify``), and a client's (files of it and its key)."""
    session = requests.Session()
    session.cert = certificate
    session.verify = settings.get("ca_file") or settings.get("verify", True)
    return session


def headers_of(settings: dict[str, Any], mounted: str = "") -> dict[str, str]:
    """Who asks: ``token_env``, ``token_file`` (else ``mounted``, where it is there), ``cookies_env``. Raises `ClusterError`."""
    found: dict[str, str] = {}
    token = _token(settings, mounted)
    if token:
        found["Authorization"] = f"Bearer {token}"
    name = settings.get("cookies_env")
    if name:
        if not os.environ.get(name):
            raise ClusterError("unauthorized", f"the target takes its cookies from ${name}, which is not set")
        found["Cookie"] = os.environ[name]
    return found


def _token(settings: dict[str, Any], mounted: str) -> str:
    if settings.get("token_env"):
        return os.environ.get(settings["token_env"], "")
    path = settings.get("token_file") or mounted
    if not path:
        return ""
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        if settings.get("token_file"):
            raise ClusterError("unauthorized", f"the token file {path} cannot be read: {error.strerror}") from None
        return ""


def address(host: str) -> str:
    """An address as the user wrote it, with its scheme and without a slash at its end."""
    host = host.rstrip("/")
    return host if "://" in host else f"https://{host}"
