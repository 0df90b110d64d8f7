"""Who we are to a registry: basic authentication, or tokens that an authorization server gives for a while.

Source: "Token Authentication Specification" of the CNCF distribution project.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import requests

from kfnb.images.registry.client.docker_credentials import RegistryCredentials
from kfnb.images.registry.image_repository import RegistryError

EARLY = 10.0  #: seconds before a token runs out from which it is no longer used
LIFETIME = 60.0  #: seconds that a token lives when its server does not say
TIME = 30.0  #: seconds that an authorization server may take
PARAMETER = re.compile(r'([A-Za-z_][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
SCHEME = re.compile(r"(?:^|,)\s*(Basic|Bearer)(?=\s|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Challenge:
    """What a registry asks for: its scheme, ``basic`` or ``bearer``, and its parameters."""

    scheme: str
    parameters: dict[str, str]


def challenges(header: str) -> list[Challenge]:
    """The challenges of the header ``WWW-Authenticate``."""
    starts = list(SCHEME.finditer(header))
    ends = [m.start() for m in starts[1:]] + [len(header)]
    return [
        Challenge(
            m[1].lower(),
            {n.lower(): re.sub(r"\\(.)", r"\1", q) or p for n, q, p in PARAMETER.findall(header[m.end() : end])},
        )
        for m, end in zip(starts, ends, strict=False)
    ]


@dataclass(frozen=True)
class Token:
    """A token for some scopes, and when it runs out by the clock of this process."""

    text: str = field(repr=False)
    expires: float


class Authorization:
    """The header that each request to one registry carries. Several threads may use it.

    Parameters
    ----------
    host
        The registry, for errors. Its tokens are sent nowhere else.
    session
        Is used for the authorization server, without the certificates of this machine.
    """

    def __init__(
        self, host: str, credentials: RegistryCredentials, session: requests.Session, plain_http: bool
    ) -> None:
        self._host, self._credentials, self._session, self._plain_http = host, credentials, session, plain_http
        self._has_credentials = credentials != RegistryCredentials()
        self._basic = False
        self._tokens: dict[frozenset[str], Token] = {}
        self._lock = threading.Lock()

    @property
    def who(self) -> str:
        """Who asks, in words."""
        if not self._has_credentials:
            return "without credentials"
        return f"as {self._credentials.user or 'the holder of the token'} from {self._credentials.source}"

    @property
    def login_hint(self) -> str:
        """What the user can do when the registry refuses us."""
        if self._has_credentials:
            return "log in again"
        return f"log in with `docker login {self._host}` or `podman login {self._host}`"

    def header(self, scopes: frozenset[str]) -> str:
        """What to send now. It is empty before the registry has asked for anything."""
        if self._credentials.registry_token:
            return f"Bearer {self._credentials.registry_token}"
        if self._basic:
            return self._credentials.basic
        token = self._tokens.get(scopes)
        return f"Bearer {token.text}" if token is not None and token.expires > time.monotonic() else ""

    def answer(self, asked: str, scopes: frozenset[str], refused: str) -> bool:
        """Answer the challenge of a registry. Returns whether `header` is now another than the one that was ``refused``.

        Raises
        ------
        RegistryError
            When the authorization server gives no token.
        """
        with self._lock:
            if self.header(scopes) not in ("", refused):
                return True  # another thread has answered
            for challenge in sorted(challenges(asked), key=lambda c: c.scheme != "bearer"):
                if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
                    self._tokens[scopes] = self._token(challenge.parameters, scopes)
                    return self.header(scopes) != refused
                if challenge.scheme == "basic" and self._credentials.basic:
                    self._basic = True
                    return self.header(scopes) != refused
        return False

    def _token(self, parameters: dict[str, str], scopes: frozenset[str]) -> Token:
        realm = parameters["realm"]
        if not (realm.startswith("https://") or (self._plain_http and realm.startswith("http://"))):
            raise RegistryError(
                "unauthorized",
                f"{self._host} wants credentials to be sent to {_host(realm)} without encryption, which kfnb refuses",
            )
        scope = _merged([*sorted(scopes), *parameters.get("scope", "").split()])
        asked = {"scope": scope, "service": parameters.get("service", "")}
        answer = self._ask(realm, {k: v for k, v in asked.items() if v})
        try:
            document = answer.json()
            text = str(document.get("token") or document.get("access_token") or "")
            lifetime = float(document.get("expires_in") or LIFETIME)
        except (ValueError, TypeError, AttributeError):
            text, lifetime = "", 0.0
        if not text or not all("!" <= c <= "~" for c in text):
            raise RegistryError("refused", f"{_host(realm)}, the authorization server of {self._host}, gave no token")
        return Token(text, time.monotonic() + max(lifetime - EARLY, lifetime / 2))

    def _ask(self, realm: str, asked: dict[str, Any]) -> requests.Response:
        credentials, server = self._credentials, f"{_host(realm)}, the authorization server of {self._host},"
        try:
            if credentials.identity_token:
                form = {
                    **asked,
                    "scope": " ".join(asked.get("scope", [])),
                    "grant_type": "refresh_token",
                    "client_id": "kfnb",
                }
                form["refresh_token"] = credentials.identity_token
                answer = self._session.post(realm, data=form, timeout=TIME, allow_redirects=False)
            else:
                headers = {"Authorization": credentials.basic} if credentials.basic else {}
                answer = self._session.get(realm, params=asked, headers=headers, timeout=TIME, allow_redirects=False)
        except requests.RequestException as error:
            raise RegistryError("unreachable", f"{server} does not answer: {type(error).__name__}") from None
        if answer.status_code in (401, 403):
            raise RegistryError("unauthorized", f"{server} refuses a token {self.who}: {self.login_hint}")
        if answer.status_code != 200:
            raise RegistryError("refused", f"{server} answers with status {answer.status_code}")
        return answer


def _merged(scopes: list[str]) -> list[str]:
    """The scopes, each resource once with all its actions."""
    actions: dict[str, list[str]] = {}
    for scope in scopes:
        resource, _, allowed = scope.rpartition(":")
        known = actions.setdefault(resource, [])
        known += [a for a in allowed.split(",") if a not in known]
    return [f"{resource}:{','.join(allowed)}" for resource, allowed in actions.items()]


def _host(address: str) -> str:
    from urllib.parse import urlsplit

    return urlsplit(address).netloc.rpartition("@")[2]
