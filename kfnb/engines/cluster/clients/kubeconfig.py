"""Reads how a cluster is reached, and as which user: from kubeconfig files, or from what Kubernetes mounts into a pod.

Source: kubernetes `client-go/tools/clientcmd` (how several files become one) and `client-go/rest` (a pod's own cluster).
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.targets.connection import Connection, pinned_contents, read_configuration

MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")  #: the files of this pod's service account
MOUNTED_NAMESPACE = MOUNTED / "namespace"


@dataclass(frozen=True)
class ExecPlugin:
    """A program that prints the credentials of a user.

    Parameters
    ----------
    cluster
        The cluster as the kubeconfig describes it. It is given to the program when the kubeconfig says ``provideClusterInfo``.
    """

    api_version: str
    command: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    install_hint: str = ""
    needs_terminal: bool = False
    cluster: dict[str, Any] | None = None


@dataclass(frozen=True)
class ClusterUser:
    """Who asks. Each secret may be missing; a certificate and its key are PEM texts."""

    token: str = field(default="", repr=False)
    token_file: str = ""
    name: str = ""
    password: str = field(default="", repr=False)
    certificate: str = ""
    key: str = field(default="", repr=False)
    plugin: ExecPlugin | None = None
    impersonated: tuple[tuple[str, str], ...] = ()  #: headers that name the user in whose name this one asks


@dataclass(frozen=True)
class ClusterAccess:
    """How a cluster is reached.

    Parameters
    ----------
    authorities
        The certificates, as a PEM text, of those who may vouch for the server. Without them, the usual authorities may.
    server_name
        The name that the server's certificate must have, when it is not the name in the address.
    proxy
        The proxy that the kubeconfig names. Without it, that of the environment counts.
    namespace
        The namespace of the context, or of this pod.
    """

    server: str
    user: ClusterUser
    authorities: str = ""
    verify: bool = True
    server_name: str = ""
    proxy: str = ""
    namespace: str = ""


def read_access(connection: Connection) -> ClusterAccess:
    """How the cluster of a target is reached: by its kubeconfig and context, or as this pod, or by the user's own kubeconfig.

    Raises
    ------
    ClusterError
        When there is no configuration, when it cannot be read, or when a file of it has changed since it was trusted.
    """
    mounted = None if connection.names_cluster else _mounted_access()
    return mounted or _kubeconfig_access(connection)


def contexts_of(connection: Connection) -> tuple[dict[str, str], str]:
    """The namespaces of the contexts in the kubeconfig of a target, by the contexts' names, and the name of the current one.

    In a pod whose target names no kubeconfig there are none. A context may have no namespace. Raises `ClusterError`.
    """
    if not connection.names_cluster and _mounted_access() is not None:
        return {}, ""
    config = _Merged(connection)
    contexts = sorted(config.entries["contexts"].items())
    return {name: str(context.get("namespace") or "") for name, (context, _) in contexts}, config.current


def _mounted_access() -> ClusterAccess | None:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    token = MOUNTED / "token"
    if not host or not port or not token.is_file():
        return None
    server = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    namespace = MOUNTED_NAMESPACE.read_text().strip() if MOUNTED_NAMESPACE.is_file() else ""
    authorities = _text_of(MOUNTED / "ca.crt") if (MOUNTED / "ca.crt").is_file() else ""
    return ClusterAccess(server, ClusterUser(token_file=str(token)), authorities, namespace=namespace)


# -------------------------------------------------------------------- kubeconfig files
class _Merged:
    """The files of a kubeconfig as one. Of two entries with one name, the first counts; a path is relative to its own file."""

    def __init__(self, connection: Connection) -> None:
        self.paths = _paths(connection)
        self.entries: dict[str, dict[str, tuple[dict[str, Any], Path]]] = {"clusters": {}, "users": {}, "contexts": {}}
        self.current = ""
        pinned, found = pinned_contents(connection), False
        for path in self.paths:
            content = pinned.get(str(path))
            if content is None and not path.exists():
                continue
            found = True
            self._add(path, _parsed(path, content))
        if not found:
            raise ClusterError(
                "unreachable",
                "no configuration of a cluster was found: set `kubeconfig` in the target, or run inside a pod "
                f"({', '.join(map(str, self.paths))} does not exist)",
            )

    def _add(self, path: Path, config: dict[str, Any]) -> None:
        self.current = self.current or str(config.get("current-context") or "")
        for kind, known in self.entries.items():
            for name, entry in _named(config, kind):
                known.setdefault(name, (entry, path.parent))

    def find(self, kind: str, name: str, named_by: str) -> tuple[dict[str, Any], Path]:
        entry = self.entries[kind].get(name)
        if entry is None:
            names = ", ".join(f"`{n}`" for n in sorted(self.entries[kind])) or "none"
            files = ", ".join(map(str, self.paths))
            raise ClusterError(
                "refused",
                f"{named_by}, but {files} has no such entry under `{kind}` (it has {names}): correct the name",
            )
        return entry


def _paths(connection: Connection) -> list[Path]:
    listed = connection.kubeconfig or os.environ.get("KUBECONFIG", "") or "~/.kube/config"
    return [Path(os.path.expanduser(p)) for p in listed.split(os.pathsep) if p]


def _parsed(path: Path, content: bytes | None) -> dict[str, Any]:
    import yaml

    try:
        config = yaml.load(read_configuration(path) if content is None else content, _loader())
    except OSError as error:
        raise ClusterError("refused", f"the kubeconfig {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        config = None
    if not isinstance(config, dict):
        raise ClusterError("refused", f"{path} is not a kubeconfig: name another file with `kubeconfig` in the target")
    return config


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _named(config: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    listed = config.get(kind)
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and "name" in entry:
            content = entry.get(kind[:-1])
            yield str(entry["name"]), content if isinstance(content, dict) else {}


def _kubeconfig_access(connection: Connection) -> ClusterAccess:
    config = _Merged(connection)
    name = connection.context or config.current
    if not name:
        raise ClusterError(
            "refused",
            f"{', '.join(map(str, config.paths))} has no current context: name one of its contexts with `context` in the target",
        )
    by = "the target names" if connection.context else "the current context is"
    context, _ = config.find("contexts", name, f"{by} the context `{name}`")
    cluster, folder = config.find(
        "clusters", str(context.get("cluster")), f"the context `{name}` names the cluster `{context.get('cluster')}`"
    )
    user: tuple[dict[str, Any], Path] = ({}, folder)
    if context.get("user"):
        user = config.find("users", str(context["user"]), f"the context `{name}` names the user `{context['user']}`")
    if not cluster.get("server"):
        raise ClusterError("refused", f"the cluster `{context.get('cluster')}` of the kubeconfig has no `server`")
    return ClusterAccess(
        server=str(cluster["server"]).rstrip("/"),
        user=_user(*user, cluster),
        authorities=_pem(cluster, "certificate-authority", folder),
        verify=not cluster.get("insecure-skip-tls-verify"),
        server_name=str(cluster.get("tls-server-name") or ""),
        proxy=str(cluster.get("proxy-url") or ""),
        namespace=str(context.get("namespace") or ""),
    )


def _user(user: dict[str, Any], folder: Path, cluster: dict[str, Any]) -> ClusterUser:
    token_file = user.get("tokenFile")
    impersonated = [("Impersonate-User", user.get("as")), ("Impersonate-Uid", user.get("as-uid"))]
    impersonated += [("Impersonate-Group", ",".join(map(str, user.get("as-groups") or ())))]
    return ClusterUser(
        token=str(user.get("token") or _token_of_provider(user) or ""),
        token_file=os.path.join(folder, os.path.expanduser(str(token_file))) if token_file else "",
        name=str(user.get("username") or ""),
        password=str(user.get("password") or ""),
        certificate=_pem(user, "client-certificate", folder),
        key=_pem(user, "client-key", folder),
        plugin=_plugin(user["exec"], folder, cluster) if isinstance(user.get("exec"), dict) else None,
        impersonated=tuple((header, str(value)) for header, value in impersonated if value),
    )


def _plugin(spec: dict[str, Any], folder: Path, cluster: dict[str, Any]) -> ExecPlugin:
    command = os.path.expanduser(str(spec.get("command") or ""))
    if os.sep in command:
        command = os.path.join(folder, command)
    variables = [v for v in spec.get("env") or () if isinstance(v, dict)]
    return ExecPlugin(
        str(spec.get("apiVersion") or ""), command, tuple(map(str, spec.get("args") or ())),
        tuple((str(v.get("name")), str(v.get("value", ""))) for v in variables), str(spec.get("installHint") or "").strip(),
        spec.get("interactiveMode") == "Always", cluster if spec.get("provideClusterInfo") else None,
    )  # fmt: skip


def _token_of_provider(user: dict[str, Any]) -> str:
    """The token of the old form ``auth-provider``, of which only `oidc` still exists. kfnb uses its token and does not renew it."""
    provider = user.get("auth-provider")
    config = provider.get("config") if isinstance(provider, dict) else None
    return str(config.get("id-token") or config.get("access-token") or "") if isinstance(config, dict) else ""


def _pem(entry: dict[str, Any], key: str, folder: Path) -> str:
    """A PEM text that stands in the kubeconfig, or in a file that it names."""
    data, file = entry.get(f"{key}-data"), entry.get(key)
    if data:
        try:
            return base64.b64decode("".join(str(data).split()), validate=True).decode()
        except ValueError:
            raise ClusterError("refused", f"`{key}-data` in the kubeconfig is not base64 of a PEM text") from None
    return _text_of(folder / os.path.expanduser(str(file))) if file else ""


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ClusterError("refused", f"{path}, which the kubeconfig names, cannot be read: {reason}") from None
