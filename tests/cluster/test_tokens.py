"""Tokens and cookies go where they were meant to go, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.argo.argo_server_client import ArgoServer
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import connect
from kfnb.engines.cluster.clients.rest_client import headers_of
from kfnb.engines.cluster.targets.connection import Connection, address_of
from kfnb.engines.kfp.kfp_client import KfpClient
from tests.cluster.hearing import Ear, listening
from tests.cluster.kube_api import kubeconfig


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as server:
        yield server


@pytest.fixture
def other() -> Iterator[Ear]:
    with listening() as server:
        yield server


@pytest.fixture(autouse=True)
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("KUBEFLOW_HOST", "KF_PIPELINES_ENDPOINT", "KF_PIPELINES_SA_TOKEN_PATH", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "token"
    path.write_text("secret-of-the-file\n")
    return path


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_to_another_server(ear: Ear, other: Ear, token: Path, status: int) -> None:
    ear.answer = (status, {"Location": f"{other.url}/apis/v2beta1/healthz"})
    with pytest.raises(ClusterError, match="login page"):
        KfpClient(Connection(host=ear.url, token_file=str(token))).multi_user()
    assert ear.secrets() == ["Bearer secret-of-the-file"] and other.connections == 0


@pytest.mark.parametrize("status", [302, 307])
def test_kubernetes_own_client_follows_no_redirect_either(ear: Ear, other: Ear, tmp_path: Path, status: int) -> None:
    ear.answer = (status, {"Location": f"{other.url}/version"})
    with pytest.raises(ClusterError, match="sends kfnb elsewhere"):
        connect(Connection(kubeconfig=str(kubeconfig(tmp_path, ear.url)))).version()
    assert len(ear.secrets()) == 1 and other.connections == 0


NOT_LOOPBACK = [
    "http://0.0.0.0", "http://0", "http://127.1", "http://2130706433", "http://0x7f000001", "http://0177.0.0.1",
    "http://localhost.example.org", "http://127.0.0.1.example.org", "http://[::]", "http://[::ffff:127.0.0.1]", "http://example.org",
    "http://ml-pipeline.kubeflow.svc:8888",
]  # fmt: skip


@pytest.mark.parametrize("host", NOT_LOOPBACK)
def test_a_token_does_not_go_over_plain_http_to_what_only_looks_like_this_machine(host: str, tmp_path: Path) -> None:
    absent = str(tmp_path / "never-read")
    for connection in (Connection(token_file=absent), Connection(token_env="HOME"), Connection(cookies_env="HOME")):
        with pytest.raises(ClusterError, match="plain http"):
            headers_of(connection, address_of(host))


@pytest.mark.parametrize(
    "host", ["https://example.org", "http://127.0.0.1:8", "http://127.0.0.9", "http://[::1]:8888", "http://localhost:3", "HTTPS://Example.org/x"]
)  # fmt: skip
def test_a_token_goes_over_https_and_to_this_machine(host: str, token: Path) -> None:
    headers = headers_of(Connection(token_file=str(token)), address_of(host))
    assert headers == {"Authorization": "Bearer secret-of-the-file"}


def test_who_says_so_sends_a_token_over_plain_http(token: Path) -> None:
    connection = Connection(token_file=str(token), allow_http=True)
    assert headers_of(connection, address_of("http://example.org")) == {"Authorization": "Bearer secret-of-the-file"}


@pytest.mark.parametrize(
    "text",
    [
        "https://good.example.org@evil.example.org", "https://user:password@example.org", "https://good.example.org\\@evil.example.org",
        "file:///etc/passwd", "ftp://example.org", "https://", "https://good.example.org#@evil.example.org", "https://a b", "https://a\nb",
        "https://good.example.org?x=@evil", "https://a:99999", "javascript:alert(1)", "https://[1.2.3.4", "https://ex\u0430mple.org",
    ],
)  # fmt: skip
def test_an_address_that_can_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(ClusterError):
        address_of(text)


def test_the_token_of_a_pod_stays_in_its_cluster(ear: Ear, token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token))
    KfpClient(Connection(host=ear.url)).multi_user()
    assert ear.heard and ear.secrets() == []
    inside = headers_of(Connection(), address_of("http://ml-pipeline.kubeflow.svc.cluster.local:8888"), str(token))
    assert inside == {"Authorization": "Bearer secret-of-the-file"}
    for outside in (
        "https://svc",
        "https://x.svc.example.org",
        "https://a.b.svc.cluster.local.example.org",
        "https://example.org",
    ):
        assert headers_of(Connection(), address_of(outside), str(token)) == {}
    mounted = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    link = token.parent / "link"
    link.symlink_to(mounted)
    for path in (mounted, "/run/secrets/x/../kubeflow/token", str(link)):
        with pytest.raises(ClusterError, match="the pod's own cluster"):
            headers_of(Connection(token_file=path), address_of("https://example.org"))


def test_a_file_that_is_no_token_is_not_told_to_anybody(ear: Ear, token: Path) -> None:
    token.write_text("first line\nsecond secret line\n")
    with pytest.raises(ClusterError) as caught:
        KfpClient(Connection(host=ear.url, token_file=str(token))).multi_user()
    assert "secret line" not in str(caught.value) and ear.connections == 0


def test_a_netrc_file_says_nothing_about_a_target(ear: Ear, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hidden\n")
    monkeypatch.setenv("NETRC", str(netrc))
    KfpClient(Connection(host=ear.url)).multi_user()
    assert ear.heard and ear.secrets() == []


def test_a_proxy_does_not_hear_what_goes_to_this_machine(
    ear: Ear, other: Ear, token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, other.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    KfpClient(Connection(host=ear.url, token_file=str(token))).multi_user()
    with pytest.raises((ClusterError, KeyError)):
        connect(Connection(kubeconfig=str(kubeconfig(tmp_path, ear.url)))).version()
    assert len(ear.secrets()) == 2 and other.connections == 0


def test_argos_own_server_is_not_told_the_kubeconfigs_token_unless_that_is_said(
    ear: Ear, other: Ear, tmp_path: Path
) -> None:
    config = str(kubeconfig(tmp_path, other.url))
    for said, expected in (("", []), ("kubeconfig", ["Bearer good"])):
        connection = Connection(kubeconfig=config, server=ear.url, server_token=said)
        ArgoServer(connection, connect(connection), "w", "u").workflow()
        assert ear.secrets() == expected
    through = Connection(
        kubeconfig=config, server=f"{other.url}/api/v1/namespaces/argo/services/argo-server:2746/proxy"
    )
    ArgoServer(through, connect(through), "w", "u").workflow()
    assert other.secrets() == ["Bearer good"], "the server behind the cluster's own is asked as the cluster is"


def test_a_kubeconfigs_token_does_not_go_over_plain_http(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="plain http"):
        connect(Connection(kubeconfig=str(kubeconfig(tmp_path, "http://example.org"))))
    connect(Connection(kubeconfig=str(kubeconfig(tmp_path, "http://example.org")), allow_http=True))


def test_a_kubeconfig_that_changed_after_it_was_trusted_runs_nothing(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    path = kubeconfig(tmp_path, "http://127.0.0.1:9")
    config: dict[str, Any] = json.loads(path.read_text())
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/usr/bin/touch", "args": [str(touched)]}
    config["users"][0]["user"] = {"exec": command}
    path.write_text(json.dumps(config))
    with pytest.raises(ClusterError, match="has changed since you trusted it"):
        connect(Connection(kubeconfig=str(path), pins=((str(path), "0" * 64),)))
    assert not touched.exists()
