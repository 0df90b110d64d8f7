"""The credentials of a cluster's user, which are renewed when they run out.

Source: kubernetes `client-go/plugin/pkg/client/auth/exec`, and the types of `client.authentication.k8s.io`.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubeconfig import ClusterUser, ExecPlugin

PLUGIN_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
PLUGIN_TIME = 120.0  #: seconds that a program without a terminal may take
EARLY = 10.0  #: seconds before a token runs out from which it is no longer used


@dataclass(frozen=True)
class Secret:
    """What identifies a user now: a token, or a certificate and its key, and when they run out (seconds since 1970)."""

    token: str = field(default="", repr=False)
    certificate: str = ""
    key: str = field(default="", repr=False)
    expires: float = float("inf")


#: What programs have printed, by program and certificate: many runs are followed in one process, and each would ask the user to log in.
_PRINTED: dict[str, Secret] = {}
_PRINTING = threading.Lock()


class Credentials:
    """The credentials of a user. They may be used by several threads.

    Parameters
    ----------
    user
        The user as the configuration describes it.
    read_again
        Returns the user as the configuration describes it now. It is called after the server has refused the credentials, because the
        user may have logged in again since.
    """

    def __init__(self, user: ClusterUser, read_again: Callable[[], ClusterUser]) -> None:
        self._user, self._read_again = user, read_again

    @property
    def are_secret(self) -> bool:
        """Whether a request would carry a secret in its headers."""
        user = self._user
        return bool(user.token or user.token_file or user.name or user.plugin)

    def headers(self) -> dict[str, str]:
        """The headers that identify the user. Raises `ClusterError`."""
        user, secret = self._user, self.secret()
        headers = dict(user.impersonated)
        if secret.token:
            headers["Authorization"] = f"Bearer {secret.token}"
        elif user.name:
            pair = f"{user.name}:{user.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return headers

    def secret(self) -> Secret:
        """What identifies the user now. Raises `ClusterError`."""
        user = self._user
        if user.token_file:  # the token of a pod is replaced every hour
            return Secret(_one_line(_content(user.token_file), user.token_file), user.certificate, user.key)
        if user.plugin is None or user.token:
            return Secret(_one_line(user.token, "the kubeconfig"), user.certificate, user.key)
        key = f"{user.plugin!r} {user.certificate}"
        with _PRINTING:
            secret = _PRINTED.get(key)
            if secret is None or secret.expires - EARLY < time.time():
                secret = _PRINTED[key] = _run(user.plugin, user)
            return secret

    def renew(self, refused: Secret) -> bool:
        """Look for other credentials than those that the server has ``refused``. Returns whether there are any. Raises `ClusterError`.

        When several threads are refused at one time, a program is run once.
        """
        with _PRINTING:
            for key in [k for k, secret in _PRINTED.items() if secret is refused]:
                del _PRINTED[key]
        self._user = self._read_again()
        return self.secret() != refused


def _content(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ClusterError("unauthorized", f"the token file {path} cannot be read ({reason})") from None


def _one_line(token: str, source: str) -> str:
    """Check that a token fits into a header. Otherwise an error's text would contain the token."""
    if not all(" " <= c <= "~" for c in token):
        raise ClusterError("unauthorized", f"the token in {source} is not one line of text: log in again")
    return token


# -------------------------------------------------------------------- programs that print credentials
def _run(plugin: ExecPlugin, user: ClusterUser) -> Secret:
    name = os.path.basename(plugin.command)
    if plugin.api_version not in PLUGIN_VERSIONS:
        raise ClusterError(
            "refused",
            f"the kubeconfig runs {name} with the interface {plugin.api_version}, which Kubernetes removed: renew the kubeconfig "
            f"so that it says {PLUGIN_VERSIONS[0]}",
        )
    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    if plugin.needs_terminal and not terminal:
        raise ClusterError(
            "unauthorized", f"{name} must be answered in a terminal: run kfnb there, or log in with `kubectl` first"
        )
    answer = _output(plugin, name, terminal)
    status = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(status, dict):
        raise ClusterError("refused", f"{name}, which the kubeconfig runs, printed no credentials")
    return Secret(
        _one_line(str(status.get("token") or ""), f"the answer of {name}"),
        str(status.get("clientCertificateData") or user.certificate),
        str(status.get("clientKeyData") or user.key),
        _seconds(status.get("expirationTimestamp")),
    )


def _output(plugin: ExecPlugin, name: str, terminal: bool) -> Any:
    """The object that the program printed. In a terminal, it may ask and say what it wants; elsewhere its words are for an error."""
    spec: dict[str, Any] = {"interactive": terminal}
    if plugin.cluster is not None:
        spec["cluster"] = _cluster_info(plugin.cluster)
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    environment = {**os.environ, **dict(plugin.environment), "KUBERNETES_EXEC_INFO": json.dumps(info)}
    try:
        done = subprocess.run(
            [plugin.command, *plugin.arguments], env=environment, text=True, errors="replace", stdout=subprocess.PIPE,
            stdin=None if terminal else subprocess.DEVNULL, stderr=None if terminal else subprocess.PIPE,
            timeout=None if terminal else PLUGIN_TIME,
        )  # fmt: skip
    except FileNotFoundError:
        hint = plugin.install_hint or f"install it, or put the folder of {name} on PATH"
        raise ClusterError(
            "unauthorized", f"the kubeconfig runs {plugin.command}, which is not there: {hint}"
        ) from None
    except OSError as error:
        raise ClusterError(
            "unauthorized", f"{plugin.command}, which the kubeconfig runs, does not start: {error.strerror}"
        ) from None
    except subprocess.TimeoutExpired:
        raise ClusterError(
            "unauthorized", f"{name}, which the kubeconfig runs, printed nothing for {PLUGIN_TIME:.0f} s: log in again"
        ) from None
    if done.returncode != 0:
        words = (done.stderr or "").strip().splitlines()[-3:]
        said = f" and said: {' '.join(words)}" if words else ""
        raise ClusterError(
            "unauthorized",
            f"{name}, which the kubeconfig runs for your credentials, ended with status {done.returncode}{said}"[:600]
            + ": log in again",
        )
    try:
        return json.loads(done.stdout)
    except ValueError:
        return None


def _cluster_info(cluster: dict[str, Any]) -> dict[str, Any]:
    """A cluster as a program is told of it."""
    keys = ("server", "tls-server-name", "proxy-url", "insecure-skip-tls-verify", "certificate-authority-data")
    info = {key: cluster[key] for key in keys if cluster.get(key)}
    for extension in cluster.get("extensions") or ():
        if isinstance(extension, dict) and extension.get("name") == "client.authentication.k8s.io/exec":
            info["config"] = extension.get("extension")
    return info


def _seconds(timestamp: Any) -> float:
    from datetime import datetime

    try:
        return datetime.fromisoformat(str(timestamp).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return float("inf")
