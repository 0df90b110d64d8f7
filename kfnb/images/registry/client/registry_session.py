"""Requests to one registry: encryption, credentials, redirects, and patience with a registry that is busy.

No error and no log has an address with its query, a header or a token in it: addresses of uploads and of storage are secrets themselves.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from kfnb.images.registry.client.attempts import BUSY, LONGEST_WAIT, wait_before_next
from kfnb.images.registry.client.docker_credentials import credentials_of
from kfnb.images.registry.client.registry_access import RegistryAccess, api_host, is_loopback, tls_context
from kfnb.images.registry.client.registry_tokens import Authorization
from kfnb.images.registry.image_repository import RegistryError
from kfnb.images.registry.references import RegistryPath
from kfnb.version import __version__

TIMES = (10.0, 120.0)  #: seconds to wait for a connection, and for the next bytes of an answer
ATTEMPTS = 6  #: how often a request is sent to a registry that is busy or breaks off
ATTEMPTS_TO_CONNECT = 3  #: the same where nothing listens, or the name has no address
NOT_THERE = (ConnectionRefusedError, socket.gaierror)
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PLAIN_ANSWERS = (
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "HTTP_REQUEST",
)  #: how OpenSSL calls an answer that is not encrypted

Body = Callable[[], Any]  #: makes the body of a request anew for each attempt


class ConnectionBroke(RegistryError):
    """The connection broke while a body travelled. How much of it has arrived only the registry knows."""


@dataclass(frozen=True)
class Sent:
    """How a request is to be sent.

    Parameters
    ----------
    once
        Whether a connection that breaks is raised as `ConnectionBroke` instead of another attempt.
    accepted
        Statuses, in addition to those of success, that are an answer and no error.
    """

    scopes: frozenset[str]
    headers: Mapping[str, str]
    body: Body | None = None
    once: bool = False
    accepted: frozenset[int] = frozenset()
    stream: bool = False


class _Adapter(HTTPAdapter):
    """Carries the certificates of one registry."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._tls = {"ssl_context": context} if context is not None else {}
        super().__init__(pool_maxsize=8)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **named: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **named, **self._tls)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        return super().proxy_manager_for(proxy, **named, **self._tls)


class RegistrySession:
    """A connection to the registry of one repository. Several threads may use it."""

    def __init__(self, repository: RegistryPath, access: RegistryAccess) -> None:
        self.registry = repository.registry
        self._here = is_loopback(self.registry)
        context = tls_context(self.registry, access)
        self._own = _session(context, not self._here)
        self._base = self._address(access)
        credentials = credentials_of(repository, access.auth_file)
        plain = self._base.startswith("http://")
        others = RegistryAccess(ca_file=access.ca_file)  # what identifies this machine is for the registry alone
        self._others = _session(tls_context(self.registry, others) if access.ca_file else None, not self._here)
        self.authorization = Authorization(self.registry, credentials, self._others, plain)

    def request(self, method: str, address: str, sent: Sent) -> requests.Response:
        """Send a request, with another attempt where that may help, and return the answer.

        Parameters
        ----------
        address
            A path of the registry's API, or the address that the registry gave for an upload.

        Raises
        ------
        RegistryError
            When the request does not succeed.
        """
        address = urljoin(self._base, address)
        for attempt in range(ATTEMPTS):
            is_last = attempt + 1 == ATTEMPTS
            try:
                answer = self._authorized(method, address, sent)
            except requests.RequestException as error:
                if sent.once:
                    raise ConnectionBroke(
                        "unreachable", f"the connection to {self.registry} broke: {reason_of(error)}"
                    ) from None
                is_last = is_last or (attempt + 1 >= ATTEMPTS_TO_CONNECT and isinstance(_cause(error), NOT_THERE))
                if is_last or isinstance(error, requests.exceptions.SSLError | requests.exceptions.InvalidURL):
                    raise RegistryError("unreachable", f"{self.registry} does not answer: {reason_of(error)}") from None
                time.sleep(wait_before_next(attempt, None))
                continue
            if answer.status_code < 300 or answer.status_code in sent.accepted:
                return answer
            wait = wait_before_next(attempt, answer.headers.get("Retry-After"))
            if (
                answer.status_code not in BUSY
                or is_last
                or wait > LONGEST_WAIT
                or (sent.once and answer.status_code != 429)
            ):
                raise self._error(method, answer, sent)
            answer.close()
            time.sleep(wait)
        raise AssertionError

    def pause(self, attempt: int) -> None:
        """Wait before another attempt."""
        time.sleep(wait_before_next(attempt, None))

    def _authorized(self, method: str, address: str, sent: Sent) -> requests.Response:
        """Send a request, and once more when the registry asks who we are, or a token has run out."""
        header = self.authorization.header(sent.scopes)
        answer = self._redirected(method, address, sent, header)
        if answer.status_code != 401 or not self._is_own(address):
            return answer
        asked = answer.headers.get("WWW-Authenticate", "")
        if not self.authorization.answer(asked, sent.scopes, header):
            return answer
        answer.close()
        return self._redirected(method, address, sent, self.authorization.header(sent.scopes))

    def _redirected(self, method: str, address: str, sent: Sent, authorization: str) -> requests.Response:
        """Send a request and follow redirects. What identifies us goes to the registry alone."""
        for _ in range(6):
            own = self._is_own(address)
            if (
                not own
                and not address.startswith("https://")
                and not (self._base.startswith("http://") or is_loopback(urlsplit(address).netloc))
            ):
                raise RegistryError(
                    "refused",
                    f"{self.registry} sends us to {urlsplit(address).netloc} without encryption, which kfnb refuses",
                )
            headers = {**sent.headers, **({"Authorization": authorization} if own and authorization else {})}
            session = self._own if own else self._others
            body = sent.body() if sent.body is not None else None
            answer = session.request(
                method, address, headers=headers, data=body, timeout=TIMES, allow_redirects=False, stream=True
            )
            if answer.status_code not in REDIRECTS or "Location" not in answer.headers:
                if not sent.stream:
                    _ = answer.content  # a connection that breaks here is another attempt
                return answer
            address = urljoin(address, answer.headers["Location"])
            answer.close()
        raise RegistryError("refused", f"{self.registry} sends us from place to place")

    def _is_own(self, address: str) -> bool:
        """Whether an address is one of the registry, which may see what identifies us."""
        there, here = urlsplit(address), urlsplit(self._base)
        return (there.scheme, there.netloc) == (here.scheme, here.netloc)

    def _address(self, access: RegistryAccess) -> str:
        """The address of the API. A registry on this machine may be without encryption: its answer says which it is."""
        host = api_host(self.registry)
        if access.allow_http and not self._here:
            return f"http://{host}/"
        if self._here:
            try:
                self._own.get(f"https://{host}/v2/", timeout=TIMES, allow_redirects=False).close()
            except requests.exceptions.SSLError as error:
                if any(word in str(error) for word in PLAIN_ANSWERS):
                    return f"http://{host}/"
            except requests.RequestException:
                pass  # the first request says it
        return f"https://{host}/"

    def _error(self, method: str, answer: requests.Response, sent: Sent) -> RegistryError:
        status, said = answer.status_code, _message(answer)
        answer.close()
        repository = next((s.split(":")[1] for s in sorted(sent.scopes) if s.count(":") == 2), "")
        place, who = f"{self.registry}/{repository}", self.authorization.who
        write = method not in ("GET", "HEAD")
        if status == 401:
            hint = self.authorization.login_hint
            return RegistryError("unauthorized", f"{self.registry} refuses us {who}{said}: {hint}")
        if status == 403:
            action = "write to" if write else "read"
            return RegistryError(
                "forbidden",
                f"{self.registry} does not let us {action} {place} {who}{said}: ask for the right, or name another repository",
            )
        if status == 404:
            return RegistryError("missing", f"{place} has not what was asked for{said}")
        if status == 429:
            return RegistryError(
                "busy", f"{self.registry} limits how often it may be asked {who}{said}: try again later"
            )
        if status in BUSY:
            return RegistryError(
                "busy", f"{self.registry} answered {ATTEMPTS} times with status {status}{said}: try again later"
            )
        return RegistryError("refused", f"{self.registry} refuses with status {status}{said}")


def _session(context: ssl.SSLContext | None, trust_environment: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = trust_environment  # proxies, which a registry on this machine is not behind
    session.auth = _no_authentication  # otherwise `requests` looks for a password in ~/.netrc
    session.headers["User-Agent"] = f"kfnb/{__version__}"
    session.headers["Accept-Encoding"] = "identity"  # the digest is that of what is stored
    session.mount("https://", _Adapter(context))
    session.mount("http://", _Adapter(None))
    return session


def _no_authentication(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _message(answer: requests.Response) -> str:
    """What the registry says of an error, as the end of a sentence."""
    try:
        errors = json.loads(answer.content[:65536])["errors"]
        words = "; ".join(dict.fromkeys(str(e.get("message") or e.get("code")) for e in errors))
    except (ValueError, KeyError, TypeError, AttributeError, requests.RequestException):
        return ""
    return f" ({''.join(c for c in words if c.isprintable())[:300]})" if words else ""


def _cause(error: BaseException) -> BaseException:
    """The innermost of the errors that `requests` and `urllib3` wrap into each other."""
    inner = error
    while True:
        wrapped = (getattr(inner, "reason", None), inner.__cause__, inner.__context__, *inner.args)
        further = next((e for e in wrapped if isinstance(e, BaseException)), None)
        if further is None:
            return inner
        inner = further


def reason_of(error: BaseException) -> str:
    """Why a connection failed, without the address that `requests` puts into its errors."""
    inner = _cause(error)
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted ({inner.verify_message}): set `repository_ca_file`, or put its CA below /etc/containers/certs.d"
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return (
        type(inner).__name__ if "://" in str(inner) or "url:" in str(inner) else str(inner).rpartition(">: ")[2][:200]
    )
