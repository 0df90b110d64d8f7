"""How a cluster is reached: kubeconfigs of all kinds, certificates, proxies, and credentials that run out."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.cluster.clients import kubeconfig
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubeconfig import read_access
from kfnb.engines.cluster.clients.kubernetes_client import connect
from kfnb.engines.cluster.targets.connection import Connection
from tests.cluster.hearing import listening
from tests.cluster.kube_api import Cluster, served

API = "client.authentication.k8s.io/v1"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def config(path: Path, cluster: dict[str, Any], user: dict[str, Any], name: str = "here", **context: str) -> Connection:
    """A kubeconfig with one context, and the connection of a target that names it."""
    content = {
        "current-context": name, "clusters": [{"name": f"c-{name}", "cluster": cluster}], "users": [{"name": f"u-{name}", "user": user}],
        "contexts": [{"name": name, "context": {"cluster": f"c-{name}", "user": f"u-{name}", **context}}],
    }  # fmt: skip
    path.write_text(json.dumps(content))
    return Connection(kubeconfig=str(path))


def program(path: Path, code: str) -> str:
    path.write_text(f"#!{sys.executable}\n{code}")
    path.chmod(0o755)
    return str(path)


# ---------------------------------------------------------------- which entry counts
def test_several_files_are_one_and_the_first_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    config(tmp_path / "a" / "one", {"server": "https://one.example.org"}, {"tokenFile": "token"}, "one", namespace="n1")
    config(tmp_path / "two", {"server": "https://two.example.org/"}, {"token": "t2"}, "two")
    again = config(tmp_path / "three", {"server": "https://other.example.org"}, {"token": "t3"}, "two")
    listed = os.pathsep.join([str(tmp_path / "a" / "one"), str(tmp_path / "absent"), str(tmp_path / "two"), again.kubeconfig])  # fmt: skip
    monkeypatch.setenv("KUBECONFIG", listed)
    current, other = read_access(Connection()), read_access(Connection(context="two"))
    assert (current.server, current.namespace) == ("https://one.example.org", "n1")
    assert current.user.token_file == str(tmp_path / "a" / "token"), "a path is relative to the file that has it"
    assert (other.server, other.user.token) == ("https://two.example.org", "t2")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "has no current context"), ("[1]", "is not a kubeconfig"), ("a: [", "is not a kubeconfig"),
        ('{"current-context": "gone", "contexts": [{"name": "there", "context": {}}]}', "`gone`.*it has `there`"),
        ('{"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "b"}}]}', "names the cluster `b`"),
        ('{"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "b"}}], "clusters": [{"name": "b", "cluster": {}}]}', "no `server`"),
        ('{"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "b", "user": "u"}}], "clusters": [{"name": "b", "cluster": {"server": "https://x"}}]}', "names the user `u`"),
    ],
)  # fmt: skip
def test_what_is_missing_in_a_kubeconfig_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(ClusterError, match=message):
        read_access(Connection(kubeconfig=str(path)))


def test_without_any_configuration_the_error_says_where_kfnb_looked(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"set `kubeconfig`.*\.kube/config does not exist"):
        read_access(Connection())


def test_a_pod_reaches_its_own_cluster_with_the_token_of_its_service_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubeconfig, "MOUNTED", tmp_path)
    monkeypatch.setattr(kubeconfig, "MOUNTED_NAMESPACE", tmp_path / "namespace")
    for name, text in (("token", "t"), ("ca.crt", "PEM"), ("namespace", "team\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    access = read_access(Connection())
    assert (access.server, access.namespace, access.authorities) == ("https://[fd00::1]:443", "team", "PEM")
    other = config(tmp_path / "config", {"server": "https://other.example.org"}, {"token": "t"})
    assert read_access(other).server == "https://other.example.org", "a target that names a cluster means that one"


# ---------------------------------------------------------------- who asks
def test_a_user_asks_with_a_password_or_in_the_name_of_another(tmp_path: Path) -> None:
    user = {"username": "me", "password": "geheim", "as": "boss", "as-groups": ["a", "b"]}
    with listening() as ear:
        ear.answer = (401, {})
        with pytest.raises(ClusterError, match="log in again"):
            connect(config(tmp_path / "config", {"server": ear.url}, user)).version()
    asked = ear.heard[0][1]
    assert asked["authorization"] == f"Basic {base64.b64encode(b'me:geheim').decode()}"
    assert (asked["impersonate-user"], asked["impersonate-group"]) == ("boss", "a,b")


def test_a_token_file_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    with listening() as ear, pytest.raises(ClusterError):
        connection = config(tmp_path / "config", {"server": ear.url}, {"tokenFile": "token"})
        (tmp_path / "token").write_text("first\n")
        kube = connect(connection)
        for token in ("first", "second", "sec\nond"):
            (tmp_path / "token").write_text(token)
            try:
                kube.version()
            except ClusterError as error:
                assert "second" not in str(error)
                if "\n" in token:
                    raise
    assert ear.secrets() == ["Bearer first", "Bearer second"]


PLUGIN = """
import json, os, pathlib, sys
count = pathlib.Path(os.environ["COUNT"])
n = int(count.read_text() or 0) + 1
count.write_text(str(n))
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
pathlib.Path(os.environ["COUNT"] + ".info").write_text(json.dumps({"info": info, "args": sys.argv[1:]}))
token = sys.argv[1] if n == 1 else "good"
print(json.dumps({"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": {"token": token, "expirationTimestamp": sys.argv[2]}}))
"""


def with_program(
    tmp_path: Path, server: str, token: str = "good", until: str = "2999-01-01T00:00:00Z"
) -> tuple[Connection, Path]:
    """A kubeconfig whose user is told by a program beside it: first ``token``, then one that is accepted; and where it counts its runs."""
    program(tmp_path / "login", PLUGIN)
    count = tmp_path / "count"
    count.write_text("")
    user = {"exec": {
        "apiVersion": API, "command": "./login", "args": [token, until], "env": [{"name": "COUNT", "value": str(count)}],
        "provideClusterInfo": True, "interactiveMode": "IfAvailable",
    }}  # fmt: skip
    return config(tmp_path / "config", {"server": server, "tls-server-name": "kube"}, user), count


def test_a_program_tells_the_token_once_for_many_requests(tmp_path: Path) -> None:
    with served(Cluster()) as server:
        connection, count = with_program(tmp_path, server)
        kube = connect(connection)
        assert [kube.version() for _ in range(3)] == ["v1.36.0"] * 3
        assert connect(connection).version() == "v1.36.0"
    assert count.read_text() == "1", "another connection as the same user asks no more"
    told = json.loads((tmp_path / "count.info").read_text())["info"]
    assert told == {
        "apiVersion": API, "kind": "ExecCredential",
        "spec": {"interactive": False, "cluster": {"server": server, "tls-server-name": "kube"}},
    }  # fmt: skip


def test_a_program_is_asked_again_when_its_token_has_run_out(tmp_path: Path) -> None:
    with served(Cluster()) as server:
        connection, count = with_program(tmp_path, server, until="2020-01-01T00:00:00Z")
        kube = connect(connection)
        kube.version()
        kube.version()
    assert int(count.read_text()) > 1


def test_a_token_that_the_server_refuses_is_renewed_once_for_all_threads(tmp_path: Path) -> None:
    cluster = Cluster()
    with served(cluster) as server:
        connection, count = with_program(tmp_path, server, token="expired")
        kube = connect(connection)
        versions: list[str] = []
        threads = [threading.Thread(target=lambda: versions.append(kube.version())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert versions == ["v1.36.0"] * 8 and count.read_text() == "2"


def test_who_logs_in_again_goes_on_with_the_new_token(tmp_path: Path) -> None:
    with served(Cluster()) as server:
        connection = config(tmp_path / "config", {"server": server}, {"token": "old"})
        kube = connect(connection)
        with pytest.raises(ClusterError, match="does not accept your credentials"):
            kube.version()
        config(tmp_path / "config", {"server": server}, {"token": "good"})
        assert kube.version() == "v1.36.0"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"apiVersion": API, "command": "/nowhere/login", "installHint": "get it from IT"}, "/nowhere/login, which is not there: get it from IT"),
        ({"apiVersion": API, "command": "./fails"}, "ended with status 3 and said: your session is over: log in again"),
        ({"apiVersion": API, "command": "./chats"}, "printed no credentials"),
        ({"apiVersion": API, "command": "./chats", "interactiveMode": "Always"}, "must be answered in a terminal"),
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "./chats"}, "which Kubernetes removed"),
    ],
)  # fmt: skip
def test_a_program_that_tells_nothing_is_named(tmp_path: Path, spec: dict[str, Any], message: str) -> None:
    program(tmp_path / "fails", "import sys\nprint('your session is over', file=sys.stderr)\nsys.exit(3)")
    program(tmp_path / "chats", "print('hello')")
    connection = config(tmp_path / "config", {"server": "http://127.0.0.1:9"}, {"exec": spec})
    with pytest.raises(ClusterError, match=message) as caught:
        connect(connection).version()
    assert caught.value.kind in ("unauthorized", "refused") and not caught.value.retryable


# ---------------------------------------------------------------- certificates
@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority (`ca`), a server `kube` (`server`) and a user `ada` (`user`) whom it vouches for, and another authority (`other`)."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ca", "other"):
        openssl(
            "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}", "-days", "2"
        )
    for name, subject, alternative in (("server", "/CN=kube", "DNS:kube"), ("user", "/O=team/CN=ada", "DNS:ada")):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        (folder / "ext").write_text(f"subjectAltName={alternative}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.crt", "-days", "2", "-extfile", "ext")  # fmt: skip
    return folder


@pytest.fixture
def secure(certificates: Path) -> Iterator[tuple[Cluster, str]]:
    """A server with a certificate for `kube` that asks for the certificates of users."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates / "ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    cluster = Cluster()
    with served(cluster, context) as server:
        yield cluster, server


def data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def test_a_server_is_believed_by_the_authorities_of_the_kubeconfig_alone(
    tmp_path: Path, certificates: Path, secure: tuple[Cluster, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {"server": secure[1], "tls-server-name": "kube"}
    (tmp_path / "ca.crt").write_bytes((certificates / "ca.crt").read_bytes())
    good = (
        {**named, "certificate-authority": "ca.crt"}, {**named, "certificate-authority-data": data(certificates / "ca.crt")},
        {"server": secure[1], "insecure-skip-tls-verify": True},
    )  # fmt: skip
    for cluster in good:
        assert connect(config(tmp_path / "config", cluster, {"token": "good"})).version() == "v1.36.0"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.crt"))
    bad = (
        ({**named, "certificate-authority-data": data(certificates / "other.crt")}, "certificate verify failed"),
        ({"server": secure[1], "certificate-authority": str(certificates / "ca.crt")}, "(?i)mismatch|not valid for"),
        (named, "certificate verify failed"),
        ({**named, "certificate-authority-data": "!"}, "not base64"),
        ({**named, "certificate-authority": "absent"}, "absent, which the kubeconfig names, cannot be read"),
    )
    for cluster, message in bad:
        with pytest.raises(ClusterError, match=message):
            connect(config(tmp_path / "config", cluster, {"token": "good"})).version()


def test_a_user_may_have_a_certificate(
    tmp_path: Path, certificates: Path, secure: tuple[Cluster, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(keys))
    cluster = {"server": secure[1], "tls-server-name": "kube", "certificate-authority-data": data(certificates / "ca.crt")}  # fmt: skip
    inline = {"client-certificate-data": data(certificates / "user.crt"), "client-key-data": data(certificates / "user.key")}  # fmt: skip
    files = {"client-certificate": str(certificates / "user.crt"), "client-key": str(certificates / "user.key")}
    told = {"status": {"clientCertificateData": (certificates / "user.crt").read_text(), "clientKeyData": (certificates / "user.key").read_text()}}  # fmt: skip
    command = program(tmp_path / "login", f"import json; print(json.dumps({told!r}))")
    for user in (inline, files, {"exec": {"apiVersion": API, "command": command}}):
        assert connect(config(tmp_path / "config", cluster, user)).version() == "v1.36.0"
    assert {dict(secure[0].certificates[-1])["commonName"]} == {"ada"} and len(secure[0].certificates) == 3
    with pytest.raises(ClusterError, match="a certificate in the kubeconfig cannot be used"):
        connect(config(tmp_path / "config", cluster, {**files, "client-key": str(certificates / "other.key")})).version()  # fmt: skip
    assert list(keys.iterdir()) == [], "no key is left behind"


# ---------------------------------------------------------------- proxies
def test_the_proxy_of_the_kubeconfig_counts_before_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as named, listening() as usual:
        monkeypatch.setenv("HTTPS_PROXY", usual.url)
        for cluster in ({"proxy-url": named.url}, {}):
            connection = config(
                tmp_path / "config", {"server": "https://kube.example.org:6443", **cluster}, {"token": "good"}
            )
            with pytest.raises(ClusterError, match="cannot be reached"):
                connect(connection).version()
        assert [h[0] for h in named.heard] == [h[0] for h in usual.heard] == ["kube.example.org:6443"]
        assert named.secrets() == usual.secrets() == [], "a proxy is not told the token"
        monkeypatch.setenv("NO_PROXY", "example.org")
        with pytest.raises(ClusterError, match="cannot be reached"):
            connect(connection).version()
        assert len(usual.heard) == 1
