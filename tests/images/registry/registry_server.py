"""Debian's registry on loopback, an authorization server for it, and a proxy that makes trouble between it and kfnb."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.ports import free_port
from tests.running import wait_for

USER, PASSWORD = "ada", "word"
HTPASSWD = "ada:$2y$05$abcdefghijklmnopqrstuuQDoL5Sa/TtfS/XN4AY/jgq.HBbO1BTu\n"  # bcrypt of the password


@contextmanager
def registry(folder: Path, auth: dict[str, object] | None = None, tls: dict[str, str] | None = None) -> Iterator[str]:
    """A registry with its files below the folder. Yields its host and port."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    configuration = {
        "version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}, "delete": {"enabled": True}},
        "http": {"addr": address, "secret": "of a test", **({"tls": tls} if tls else {})}, **({"auth": auth} if auth else {}),
    }  # fmt: skip
    (folder / "registry.yml").write_text(yaml.safe_dump(configuration))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(folder / "registry.yml")], stdout=log, stderr=log)
    try:
        wait_for(lambda: listens(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "registry.log").read_text()
        yield address
    finally:
        process.terminate()
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def htpasswd(folder: Path) -> dict[str, object]:
    (folder / "htpasswd").write_text(HTPASSWD)
    return {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}


@dataclass(frozen=True)
class Certificates:
    """An authority, and a server and a user that it vouches for."""

    folder: Path

    def file(self, name: str) -> str:
        return str(self.folder / name)

    @property
    def of_server(self) -> dict[str, str]:
        return {"certificate": self.file("server.crt"), "key": self.file("server.key")}


def certificates(folder: Path) -> Certificates:
    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test", "-days", "2")
    for name, alternative in (("server", "IP:127.0.0.1"), ("user", "DNS:ada")):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text(f"subjectAltName={alternative}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.crt", "-days", "2", "-extfile", "ext")  # fmt: skip
    return Certificates(folder)


# -------------------------------------------------------------------- servers in this process
@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class TokenServer:
    """Gives tokens to a user with a password or an identity token. It notes what it is asked for."""

    certificates: Certificates
    address: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def auth(self) -> dict[str, object]:
        realm = f"http://{self.address}/token"
        return {
            "token": {
                "realm": realm,
                "service": "test",
                "issuer": "test",
                "rootcertbundle": self.certificates.file("ca.crt"),
            }
        }

    def token(self, scopes: list[str]) -> str:
        der = subprocess.run(
            ["openssl", "x509", "-in", self.certificates.file("server.crt"), "-outform", "DER"],
            check=True,
            capture_output=True,
        ).stdout
        access = [{"type": t, "name": n, "actions": a.split(",")} for t, n, a in (s.split(":") for s in scopes)]
        now = int(time.time())
        claims = {
            "iss": "test",
            "sub": USER,
            "aud": "test",
            "exp": now + 300,
            "nbf": now - 5,
            "iat": now,
            "jti": str(len(self.asked)),
            "access": access,
        }
        signed = ".".join(
            encoded(json.dumps(part).encode())
            for part in ({"alg": "RS256", "typ": "JWT", "x5c": [base64.b64encode(der).decode()]}, claims)
        )
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.certificates.file("server.key")], input=signed.encode(), check=True, capture_output=True).stdout  # fmt: skip
        return f"{signed}.{encoded(signature)}"


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@contextmanager
def token_server(certificates: Certificates) -> Iterator[TokenServer]:
    state = TokenServer(certificates)
    basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            self.give(query.get("scope", []), self.headers.get("Authorization") == basic, "basic")

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.give(form["scope"][0].split(), form.get("refresh_token") == ["identity"], "refresh")

        def give(self, scopes: list[str], known: bool, how: str) -> None:
            state.asked.append({"scope": " ".join(scopes), "how": how})
            content = json.dumps(
                {"token": state.token(scopes), "expires_in": 300} if known else {"errors": []}
            ).encode()
            self.send_response(200 if known else 401)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with served(Handler) as address:
        state.address = address
        yield state


@dataclass(frozen=True)
class Trouble:
    """What a proxy does with a request in place of passing it on.

    Parameters
    ----------
    status
        Answers with that status and these headers.
    cut_after
        Passes that many bytes of the body on and closes the connection.
    lose_answer
        Passes the request on and closes the connection instead of answering.
    """

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    cut_after: int | None = None
    lose_answer: bool = False


@dataclass
class Proxy:
    """A proxy in front of a registry. ``troubles`` has for each method what happens to its next requests, and None for no trouble."""

    address: str = ""
    troubles: dict[str, list[Trouble | None]] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    cut_downloads: list[int] = field(default_factory=list)
    heard: Callable[[str], None] = lambda method: None

    def count(self, method: str) -> int:
        return sum(m == method for m, _, _ in self.seen)


@contextmanager
def proxy(upstream: str) -> Iterator[Proxy]:
    state = Proxy()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_request(self) -> None:
            state.seen.append((self.command, self.path, dict(self.headers)))
            state.heard(self.command)
            planned = state.troubles.get(self.command) or [None]
            trouble = planned.pop(0) or Trouble()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if trouble.status:
                self.send_response(trouble.status)
                for name, value in (*trouble.headers, ("Content-Length", "0")):
                    self.send_header(name, value)
                self.end_headers()
                return
            connection = http.client.HTTPConnection(upstream)
            headers = dict(self.headers.items())
            if trouble.cut_after is not None:
                if trouble.cut_after:
                    connection.putrequest(self.command, self.path, skip_host=True)
                    for name, value in headers.items():
                        connection.putheader(name, value)
                    connection.endheaders()
                    connection.send(body[: trouble.cut_after])
                connection.close()
                return self.drop()
            try:
                connection.request(self.command, self.path, body, headers)
            except ConnectionError:  # the registry refuses without reading the body
                return self.drop()
            answer = connection.getresponse()
            content = answer.read()
            if trouble.lose_answer:
                return self.drop()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET" and state.cut_downloads and len(content) > state.cut_downloads[0]:
                self.wfile.write(content[: state.cut_downloads.pop(0)])
                return self.drop()
            self.wfile.write(content)

        def drop(self) -> None:
            self.close_connection = True
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

        do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = handle_request

        def log_message(self, *_: object) -> None: ...

    with served(Handler) as address:
        state.address = address
        yield state
