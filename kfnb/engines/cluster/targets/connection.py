"""The connection of a target: which server kfnb talks to, as which user, and where it may send a token or cookies."""

from __future__ import annotations

import errno
import hashlib
import ipaddress
import os
import re
import stat
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kfnb.engines.cluster.clients.cluster_errors import BadTarget, ClusterError

HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?")
PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MOUNTS = ("/var/run/secrets", "/run/secrets")  #: where a pod's service-account tokens lie


@dataclass(frozen=True)
class Connection:
    """The settings of a target that say which server kfnb talks to, and as which user.

    Parameters
    ----------
    host
        The address of Kubeflow Pipelines.
    kubeconfig, context
        The cluster. ``kubeconfig`` is an absolute path, or several paths in the form of the variable ``KUBECONFIG``.
    namespace
        The namespace in which runs are created.
    server_namespace
        The namespace of the service of Kubeflow Pipelines.
    server
        The address of Argo's own server.
    server_token
        With ``kubeconfig``, Argo's own server gets the token of the kubeconfig's user.
    token_file, token_env, cookies_env
        The file or variable that holds the token, and the variable that holds the cookies, for ``host`` or ``server``.
    ca_file, verify
        How the server's certificate is checked.
    allow_http
        Whether tokens and cookies may go over plain http, where everybody on the way can read them.
    pins
        The SHA-256 of the files beside a trusted configuration file, by their paths. They are used only with this content.
    """

    host: str = ""
    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    server_namespace: str = "kubeflow"
    server: str = ""
    server_token: str = ""
    token_file: str = ""
    token_env: str = ""
    cookies_env: str = ""
    ca_file: str = ""
    verify: bool = True
    allow_http: bool = False
    pins: tuple[tuple[str, str], ...] = ()

    @property
    def names_cluster(self) -> bool:
        """Whether the target chooses a kubeconfig or a context. Otherwise the cluster of this pod counts, or else the user's kubeconfig."""
        return bool(self.kubeconfig or self.context)

    @property
    def authenticates(self) -> bool:
        """Whether the target configures a token or cookies."""
        return bool(self.token_file or self.token_env or self.cookies_env)


def connection_of(settings: dict[str, Any], pins: dict[str, str]) -> Connection:
    """The connection that a target's settings describe."""
    names = {f.name for f in fields(Connection)} - {"pins"}
    return Connection(**{k: v for k, v in settings.items() if k in names}, pins=tuple(sorted(pins.items())))


@dataclass(frozen=True)
class Address:
    """The parsed address of a server. Requests go there and nowhere else."""

    scheme: str
    host: str
    port: int | None
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{f':{self.port}' if self.port is not None else ''}{self.path}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port. Two addresses with the same origin are one server."""
        return self.scheme, self.host, self.port or (443 if self.scheme == "https" else 80)

    @property
    def is_loopback(self) -> bool:
        """Whether the address is this machine, in a spelling that cannot mean anything else."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback  # not `127.1`, `0x7f.1` or `2130706433`
        except ValueError:
            return False

    @property
    def is_in_cluster(self) -> bool:
        """Whether the address is a service of the cluster in which this process runs."""
        if re.fullmatch(r"[a-z0-9-]+\.[a-z0-9-]+\.svc(\.cluster\.local)?", self.host):
            return True
        api = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "")
        return self.scheme == "https" and (self.host, str(self.origin[2])) == api


def address_of(text: str) -> Address:
    """Parse an address that a user wrote. Without a scheme it is https.

    Raises
    ------
    ClusterError
        When it is no address, or when two programs could read two different hosts in it, as in ``https://a@b``.
    """
    text = text.strip()
    if not all("!" <= c <= "~" for c in text):  # `urlsplit` would drop some of these characters
        raise ClusterError("refused", f"`{visible(text)}` is not an address such as https://kubeflow.example.org/path")
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise ClusterError("refused", f"`{visible(text)}` is not an address: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise ClusterError("refused", f"`{visible(text)}` is not an address: it should begin with https://")
    if "@" in parts.netloc:
        raise ClusterError(
            "refused",
            "the address contains a user or password: remove it, and name the file or the variable of a token in the target",
        )
    if parts.query or parts.fragment or not PATH.fullmatch(parts.path) or not _is_host(host):
        raise ClusterError("refused", f"`{visible(text)}` is not an address such as https://kubeflow.example.org/path")
    return Address(parts.scheme, host, port, parts.path.rstrip("/"))


def _is_host(host: str) -> bool:
    if ":" not in host:
        return HOST_NAME.fullmatch(host) is not None
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def visible(text: str) -> str:
    """A text from a file in a form that is safe to print. Characters that move the cursor or hide or reorder letters are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def check_namespace(name: str) -> None:
    """Refuse what cannot be the name of a namespace, because it goes into addresses and into manifests. Raises `BadTarget`."""
    if not NAMESPACE.fullmatch(name):
        raise BadTarget(
            f"`{visible(name)}` cannot be a namespace: its name has at most 63 small letters, digits and `-`"
        )


def check_confidential(address: Address, allow_http: bool, secret: str) -> None:
    """Refuse to send a ``secret``, such as ``the token``, where others can read it. Raises `ClusterError`."""
    if address.scheme == "https" or address.is_loopback or allow_http:
        return
    raise ClusterError(
        "refused",
        f"{address} is plain http, so everybody on the way could read {secret}: use https, or set allow_http = true in the target",
    )


def check_mounted(address: Address, path: str) -> None:
    """Refuse to send the token of this pod's service account out of the cluster. Raises `ClusterError`."""
    if address.is_in_cluster:
        return
    raise ClusterError(
        "refused",
        f"{path} is the token of this pod's service account, and kfnb sends it only to services of the pod's own cluster: "
        f"name such a service, as http://ml-pipeline.kubeflow.svc:8888, in place of {address}, or name another token",
    )


def is_mounted(path: str) -> bool:
    """Whether a path leads to a token that Kubernetes mounted into this pod, also through links."""
    named = {os.path.abspath(os.path.expanduser(path)), str(Path(path).expanduser().resolve())}
    return any(n == m or n.startswith(f"{m}/") for n in named for m in MOUNTS)


LARGEST_FILE = 1_000_000  #: bytes of the largest configuration file that kfnb reads


def read_configuration(path: Path) -> bytes:
    """The content of a configuration file. Raises `OSError`, also when the path is no regular file or the file is too large."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a file", str(path))
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise OSError(errno.EFBIG, f"it has more than {LARGEST_FILE} bytes", str(path))
    return content


def pinned_contents(connection: Connection) -> dict[str, bytes]:
    """The contents of the trusted files, by their paths. Raises `ClusterError` when a file has changed since it was trusted."""
    contents: dict[str, bytes] = {}
    for path, sha256 in connection.pins:
        try:
            content = read_configuration(Path(path))
        except OSError as error:
            raise ClusterError("refused", f"{path} cannot be read: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ClusterError(
                "refused",
                f"{path} has changed since you trusted it: look at it, then trust it again with `kfnb trust`",
            )
        contents[path] = content
    return contents
