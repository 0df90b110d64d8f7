"""The accounts with which wheels are downloaded: those in the addresses of package indexes. Each is bound to its host."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from kfnb.requirement_checks import PackageSources
from kfnb.runtime.pods.install_packages import index_variables

if TYPE_CHECKING:
    import requests

#: The variables in which pip and uv find addresses of indexes.
VARIABLES = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
)  # fmt: skip
#: The certificates that pip and uv are told to trust.
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "PIP_CERT", "SSL_CERT_FILE")

Accounts = Mapping[str, tuple[str, str]]  #: user and password by ``scheme://host:port``


def accounts_of(sources: PackageSources) -> Accounts:
    """The accounts in the addresses of sources, whose variables this environment sets, and in the environment's own."""
    texts = [os.environ.get(n, "") for n in VARIABLES]
    with contextlib.suppress(KeyError):  # a variable that only pods have
        texts = [*index_variables(sources.to_json(), {}).values(), *texts]
    found: dict[str, tuple[str, str]] = {}
    for url in (u for text in texts for u in text.replace(",", " ").split()):
        parts = urlsplit(url.partition("=")[2] if url.partition("=")[0].isidentifier() else url)
        if parts.username is not None:
            place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
            found.setdefault(place, (unquote(parts.username), unquote(parts.password or "")))
    return found


def new_session(accounts: Accounts) -> requests.Session:
    """A session for downloads. It trusts the certificates that pip is told to trust, and sends an account to its host alone."""
    import requests
    from requests.auth import HTTPBasicAuth
    from requests.utils import get_netrc_auth

    def authorized(request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(request.url or "")
        account = accounts.get(f"{parts.scheme}://{parts.netloc}") or get_netrc_auth(request.url or "")
        return HTTPBasicAuth(*account)(request) if account else request

    session = requests.Session()
    session.auth = authorized
    session.verify = next(_certificates(), True)
    return session


def _certificates() -> Iterator[str]:
    yield from (os.environ[n] for n in CERTIFICATES if os.environ.get(n))
