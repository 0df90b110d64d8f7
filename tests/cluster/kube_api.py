"""A Kubernetes API server in this process, as far as the engines use one; it answers as the recordings in ``tests/data`` do."""

from __future__ import annotations

import copy
import itertools
import json
import re
import secrets
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from tests.cluster.kube_selectors import Json, Snapshots, changes, matches

WORKFLOWS = re.compile(
    r"^/apis/argoproj\.io/v1alpha1/namespaces/([^/]+)/(workflows|workflowtemplates|cronworkflows)(?:/([^/]+))?$"
)
REVIEWS = re.compile(
    r"^/apis/auth\w+\.k8s\.io/v1/(?:namespaces/[^/]+/)?(selfsubjectreviews|selfsubjectrulesreviews|localsubjectaccessreviews)$"
)
NAMED = re.compile(
    r"^/api/v1/namespaces/([^/]+)/(serviceaccounts|configmaps|secrets|persistentvolumeclaims|services|limitranges|resourcequotas)(?:/([^/]+))?$"
)
STORAGE = "/apis/storage.k8s.io/v1/storageclasses"
EVENTS = re.compile(r"^/api/v1/namespaces/([^/]+)/events$")
PODS = re.compile(r"^/api/v1/namespaces/([^/]+)/pods(?:/([^/]+)(/log)?)?$")
KINDS = {"workflows": "Workflow", "workflowtemplates": "WorkflowTemplate", "cronworkflows": "CronWorkflow"}


@dataclass
class PodLog:
    """A pod's log as kubelet has it: lines with their times; ``waiting``: why its container has not started."""

    lines: list[str] = field(default_factory=list)
    ended: bool = False
    waiting: str = ""


@dataclass
class Cluster:
    """What the server knows. Change it under ``changed``."""

    namespaces: tuple[str, ...] = ("default",)
    installed: bool = True
    objects: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    pods: dict[str, Json] = field(default_factory=dict)
    events: dict[str, Json] = field(default_factory=dict)
    seen: dict[str, Snapshots] = field(default_factory=lambda: {"pods": Snapshots(), "events": Snapshots()})
    logs: dict[str, PodLog] = field(default_factory=dict)
    history: list[tuple[int, str, Json]] = field(default_factory=list)
    oldest: int = 0  #: versions before it are no longer kept
    trouble: list[tuple[str, int]] = field(default_factory=list)  #: answers to give instead: part of the path, status
    dropped: int = 0  #: counts up when all watches are to break
    requests: list[tuple[str, str]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    created: list[str] = field(default_factory=list)
    certificates: list[tuple[tuple[str, str], ...]] = field(
        default_factory=list
    )  #: subjects of users who asked with one
    tokens: tuple[str, ...] = ("good", "viewer")  #: those that are accepted; the second may only look
    accounts: dict[str, tuple[str, ...]] = field(default_factory=dict)  #: service accounts, and what they may do
    any_account: bool = True  #: whether every service account exists
    named: dict[tuple[str, str, str], Json] = field(
        default_factory=dict
    )  #: ConfigMaps, secrets and claims: kind, namespace, name
    hidden: tuple[str, ...] = ()  #: kinds that nobody may read
    _versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def put(self, plural: str, namespace: str, body: Json, kind: str) -> Json:
        """Store an object and tell the watches."""
        with self.changed:
            version = next(self._versions)
            body = copy.deepcopy(body)
            body["metadata"]["resourceVersion"] = str(version)
            if kind == "DELETED":
                self.objects.pop((plural, namespace, body["metadata"]["name"]), None)
            else:
                self.objects[plural, namespace, body["metadata"]["name"]] = body
            self.history.append((version, kind, copy.deepcopy(body)))
            self.changed.notify_all()
            return body

    def update(self, name: str, change: Json, namespace: str = "default") -> None:
        """Merge into a workflow, as the controller does."""
        with self.changed:
            body = copy.deepcopy(self.objects["workflows", namespace, name])
            merge(body, change)
            ended = (body.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Error")
            labels = body["metadata"].setdefault("labels", {})
            labels["workflows.argoproj.io/completed"] = "true" if ended else "false"
            self.put("workflows", namespace, body, "MODIFIED")

    def put_pod(self, pod: Json) -> None:
        """Make a pod, or change it, as a node does."""
        with self.changed:
            self.pods[pod["metadata"]["name"]] = copy.deepcopy(pod)
            self.changed.notify_all()

    def tell(self, pod: str, reason: str, message: str, kind: str = "Warning") -> None:
        """An event of a pod, now."""
        with self.changed:
            name, now = f"{pod}.{secrets.token_hex(8)}", _now()
            self.events[name] = {
                "metadata": {"name": name, "namespace": "default", "creationTimestamp": now},
                "involvedObject": {"kind": "Pod", "name": pod}, "type": kind, "reason": reason, "message": message,
                "firstTimestamp": now, "lastTimestamp": now,
            }  # fmt: skip
            self.changed.notify_all()

    def forget(self) -> None:
        """As etcd's compaction: old versions can no longer be watched from."""
        with self.changed:
            self.oldest = next(self._versions)

    def drop(self) -> None:
        with self.changed:
            self.dropped += 1
            self.changed.notify_all()

    def say(self, pod: str, *texts: str, ended: bool = False) -> None:
        """Lines on a pod's output, now."""
        with self.changed:
            log = self.logs.setdefault(pod, PodLog())
            log.waiting = ""
            for text in texts:
                now = time.time_ns()
                seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9))
                fraction = f"{now % 10**9:09}".rstrip("0")
                log.lines.append(f"{seconds}.{fraction}Z {text}\n" if fraction else f"{seconds}Z {text}\n")
            log.ended = log.ended or ended
            self.changed.notify_all()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def merge(into: Json, change: Json) -> None:
    """RFC 7386."""
    for key, value in change.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


@contextmanager
def served(cluster: Cluster, certificates: ssl.SSLContext | None = None) -> Iterator[str]:
    """The server's address while it runs. With ``certificates``, it speaks https."""
    handler = type("Handler", (_Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if certificates is not None:
        server.socket = certificates.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that does not believe us hangs up
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http{'' if certificates is None else 's'}://127.0.0.1:{server.server_address[1]}"
    finally:
        cluster.drop()
        server.shutdown()
        server.server_close()


def kubeconfig(folder: Path, server: str, token: str = "good", namespace: str = "default") -> Path:
    """A user's configuration for the server, in ``folder``."""
    path = folder / f"kubeconfig-{token}-{namespace}"
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": server}}], "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
    }  # fmt: skip
    path.write_text(json.dumps(config))
    return path


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        return

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET

    def _answer(self) -> None:
        url = urlparse(self.path)
        self.query = {k: v[-1] for k, v in parse_qs(url.query).items()}
        self.cluster.requests.append((self.command, self.path))
        length = int(self.headers.get("Content-Length") or 0)
        self.body: Json = json.loads(self.rfile.read(length)) if length else {}
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        certificate = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        if certificate:
            self.cluster.certificates.append(tuple(part[0] for part in certificate["subject"]))
        elif token not in self.cluster.tokens:
            self._status(401, "Unauthorized", "Unauthorized")
            return
        self.viewer = token == "viewer"
        for index, (part, status) in enumerate(self.cluster.trouble):
            if part in f"{self.command} {self.path}":
                del self.cluster.trouble[index]
                self._trouble(status)
                return
        self._route(url.path)

    def _trouble(self, status: int) -> None:
        if status == 0:
            self.close_connection = True
            self.connection.close()
            return
        reasons = {
            429: "TooManyRequests",
            500: "InternalError",
            503: "ServiceUnavailable",
            504: "Timeout",
            401: "Unauthorized",
            409: "AlreadyExists",
        }
        self._status(status, reasons.get(status, "Unknown"), "the server is unable to handle the request")

    def _route(self, path: str) -> None:
        if path in ("/version", "/version/"):
            self._send(200, {"major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux/amd64"})
        elif path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
            attributes = self.body["spec"]["resourceAttributes"]
            allowed = not self.viewer or attributes["verb"] in ("get", "list", "watch")
            self._send(201, {**self.body, "metadata": {}, "status": {"allowed": allowed}})
        elif match := REVIEWS.match(path):
            self._review(match[1])
        elif match := NAMED.match(path):
            self._named(*match.groups())
        elif path == STORAGE:
            self._forbidden("list", "storageclasses") if self.viewer else self._send(
                200, {"items": [{"metadata": {"name": "fast"}}]}
            )
        elif path == "/apis/argoproj.io/v1alpha1" and self.cluster.installed:
            self._send(200, {"kind": "APIResourceList", "resources": [{"name": "workflows", "kind": "Workflow"}]})
        elif (match := WORKFLOWS.match(path)) and self.cluster.installed:
            self._workflows(*match.groups())
        elif match := PODS.match(path):
            self._pods(*match.groups())
        elif EVENTS.match(path):
            self._core("events", "Event", self.cluster.events)
        else:
            self._plain(404, "404 page not found\n")

    # ---------------------------------------------------------------- who may what, and what is there
    def _review(self, kind: str) -> None:
        if kind == "selfsubjectreviews":
            self._send(201, {**self.body, "status": {"userInfo": {"username": "viewer" if self.viewer else "admin"}}})
        elif kind == "selfsubjectrulesreviews":
            verbs = ["get", "list", "watch"] if self.viewer else ["*"]
            rule = {"verbs": verbs, "apiGroups": ["*"], "resources": ["*"]}
            self._send(
                201, {**self.body, "status": {"resourceRules": [rule], "nonResourceRules": [], "incomplete": False}}
            )
        elif self.viewer:
            self._forbidden("create", "localsubjectaccessreviews")
        else:
            account, attributes = self.body["spec"]["user"].rpartition(":")[2], self.body["spec"]["resourceAttributes"]
            rights = self.cluster.accounts.get(account, ("create workflowtaskresults", "patch workflowtaskresults"))
            allowed = f"{attributes['verb']} {attributes['resource']}" in rights
            self._send(201, {**self.body, "status": {"allowed": allowed}})

    def _named(self, namespace: str, plural: str, name: str | None) -> None:
        if name is None and plural in self.cluster.hidden:
            self._forbidden("list", plural)
        elif name is None:
            names = ["default", *self.cluster.accounts] if plural == "serviceaccounts" else []
            listed = [
                {**o, "metadata": {"name": n}}
                for (p, s, n), o in self.cluster.named.items()
                if (p, s) == (plural, namespace)
            ]
            self._send(200, {"items": [*({"metadata": {"name": n}} for n in names), *listed]})
        elif plural in self.cluster.hidden or (self.viewer and plural == "secrets"):
            self._forbidden("get", plural)
        elif plural == "serviceaccounts" and (
            name == "default" or name in self.cluster.accounts or self.cluster.any_account
        ):
            self._send(200, {"kind": "ServiceAccount", "metadata": {"name": name}})
        elif found := self.cluster.named.get((plural, namespace, name)):
            partial = "PartialObjectMetadata" in self.headers.get("Accept", "")
            self._send(200, {"metadata": {"name": name}, **({} if partial else found)})
        else:
            self._status(404, "NotFound", f'{plural} "{name}" not found')

    def _forbidden(self, verb: str, plural: str) -> None:
        self._status(
            403, "Forbidden", f'{plural} is forbidden: User "viewer" cannot {verb} resource "{plural}" in API group ""'
        )

    # ---------------------------------------------------------------- custom objects
    def _workflows(self, namespace: str, plural: str, name: str | None) -> None:
        if self.viewer and self.command != "GET":
            verb = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}[self.command]
            self._status(
                403, "Forbidden",
                f'{plural}.argoproj.io is forbidden: User "viewer" cannot {verb} resource "{plural}" in API group "argoproj.io" in the namespace "{namespace}"',
            )  # fmt: skip
        elif self.command == "POST":
            self._create(namespace, plural)
        elif name is None:
            self._watch(namespace, plural) if self.query.get("watch", "").lower() in ("true", "1") else self._list(
                namespace, plural
            )
        else:
            workflow = self.cluster.objects.get((plural, namespace, name))
            if workflow is None:
                self._status(404, "NotFound", f'{plural}.argoproj.io "{name}" not found')
            elif self.command == "PATCH":
                self._patch(namespace, plural, workflow)
            elif self.command == "DELETE":
                self.cluster.put(plural, namespace, workflow, "DELETED")
                self._send(200, {"kind": "Status", "apiVersion": "v1", "status": "Success", "details": {"name": name}})
            else:
                self._send(200, workflow)

    def _create(self, namespace: str, plural: str) -> None:
        if namespace not in self.cluster.namespaces:
            self._status(404, "NotFound", f'namespaces "{namespace}" not found')
            return
        body = self.body
        if body.get("kind") != KINDS[plural]:
            self._status(
                400, "BadRequest", f'{body.get("kind")} in version "v1alpha1" cannot be handled as a {KINDS[plural]}'
            )
            return
        meta = body["metadata"]
        meta.setdefault("name", meta.get("generateName", "") + secrets.token_hex(3)[:5])
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", meta["name"]) or len(meta["name"]) > 253:
            self._status(
                422, "Invalid", f'{KINDS[plural]}.argoproj.io "{meta["name"]}" is invalid: metadata.name: Invalid value'
            )
            return
        if (plural, namespace, meta["name"]) in self.cluster.objects:
            self._status(409, "AlreadyExists", f'{plural}.argoproj.io "{meta["name"]}" already exists')
            return
        meta.update(namespace=namespace, uid=str(uuid.uuid4()), creationTimestamp=_now(), generation=1)
        created = self.cluster.put(plural, namespace, body, "ADDED")
        self.cluster.created.append(created["metadata"]["name"])
        self._send(201, created)

    def _patch(self, namespace: str, plural: str, workflow: Json) -> None:
        if self.headers.get("Content-Type") != "application/merge-patch+json":
            self._status(
                415,
                "UnsupportedMediaType",
                f"the body of the request was in an unknown format: {self.headers.get('Content-Type')}",
            )
            return
        body = copy.deepcopy(workflow)
        merge(body, self.body)
        self._send(200, self.cluster.put(plural, namespace, body, "MODIFIED"))

    def _list(self, namespace: str, plural: str) -> None:
        with self.cluster.changed:
            items = [
                o for (p, n, _), o in self.cluster.objects.items() if (p, n) == (plural, namespace) and self._wanted(o)
            ]
            version = self.cluster.history[-1][0] if self.cluster.history else 0
        self._send(
            200,
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": f"{KINDS[plural]}List",
                "metadata": {"resourceVersion": str(version)},
                "items": items,
            },
        )

    def _wanted(self, body: Json) -> bool:
        return matches(body, self.query.get("labelSelector", ""), self.query.get("fieldSelector", ""))

    def _watch(self, namespace: str, plural: str) -> None:
        self._stream("application/json")
        since = int(self.query.get("resourceVersion") or 0)
        cluster = self.cluster
        if since < cluster.oldest:
            self._expired(f"too old resource version: {since} ({cluster.oldest})")
            return
        end, drops = time.monotonic() + float(self.query.get("timeoutSeconds", 60)), cluster.dropped
        while time.monotonic() < end:
            with cluster.changed:
                news = list(self._news(namespace, plural, since))
                if not news and cluster.dropped == drops:
                    cluster.changed.wait(min(0.5, max(0.0, end - time.monotonic())))
            if cluster.dropped != drops:
                self.close_connection = True
                self.connection.close()
                return
            for version, kind, body in news:
                since = version
                if not self._chunk(json.dumps({"type": kind, "object": body}) + "\n"):
                    return
        self._chunk("")

    def _expired(self, message: str) -> None:
        """End a watch that begins at a version which the server no longer has."""
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": "Expired",
            "code": 410,
        }
        self._chunk(json.dumps({"type": "ERROR", "object": status}) + "\n")
        self._chunk("")

    def _news(self, namespace: str, plural: str, since: int) -> Iterator[tuple[int, str, Json]]:
        """The changes after a version. An object that the selectors no longer want leaves the watch in its last state that they wanted."""
        before: dict[str, Json] = {}
        for version, change, body in self.cluster.history:
            meta = body["metadata"]
            if body["kind"] != KINDS[plural] or meta["namespace"] != namespace:
                continue
            was = before.get(meta["name"])
            if change != "DELETED" and self._wanted(body):
                before[meta["name"]] = body
                if version > since:
                    yield version, "MODIFIED" if was else "ADDED", body
            elif was is not None:
                del before[meta["name"]]
                if version > since:
                    yield version, "DELETED", {**was, "metadata": {**was["metadata"], "resourceVersion": str(version)}}

    # ---------------------------------------------------------------- pods and events
    def _core(self, plural: str, kind: str, objects: dict[str, Json]) -> None:
        """A list or a watch of objects that tests change as they like: what has changed is found by looking."""
        snapshots = self.cluster.seen[plural]
        if self.viewer and plural == "events":
            self._status(403, "Forbidden", f'{plural} is forbidden: User "viewer" cannot list resource "{plural}"')
        elif self.query.get("watch", "").lower() not in ("true", "1"):
            with self.cluster.changed:
                items = [copy.deepcopy(o) for o in objects.values() if self._wanted(o)]
                version = snapshots.take({o["metadata"]["name"]: o for o in items})
            meta = {"resourceVersion": version}
            self._send(200, {"kind": f"{kind}List", "apiVersion": "v1", "metadata": meta, "items": items})
        else:
            self._watch_core(snapshots, objects)

    def _watch_core(self, snapshots: Snapshots, objects: dict[str, Json]) -> None:
        cluster = self.cluster
        self._stream("application/json")
        known = snapshots.of(self.query.get("resourceVersion", ""))
        if known is None:
            self._expired("too old resource version")
            return
        end, drops = time.monotonic() + float(self.query.get("timeoutSeconds", 60)), cluster.dropped
        while time.monotonic() < end:
            with cluster.changed:
                wanted = {n: copy.deepcopy(o) for n, o in objects.items() if self._wanted(o)}
                news = changes(known, wanted)
                if not news and cluster.dropped == drops:
                    cluster.changed.wait(0.2)
                    continue
            if cluster.dropped != drops:
                self.close_connection = True
                self.connection.close()
                return
            known = wanted
            version = snapshots.take(wanted)
            for change, body in news:
                body = {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
                if not self._chunk(json.dumps({"type": change, "object": body}) + "\n"):
                    return
        self._chunk("")

    def _pods(self, namespace: str, name: str | None, log: str | None) -> None:
        if name is None:
            self._core("pods", "Pod", self.cluster.pods)
        elif name not in self.cluster.pods:
            self._status(404, "NotFound", f'pods "{name}" not found')
        elif not log:
            self._send(200, self.cluster.pods[name])
        else:
            self._log(name)

    def _log(self, name: str) -> None:
        log = self.cluster.logs.setdefault(name, PodLog(waiting="ContainerCreating"))
        if log.waiting:
            self._status(400, "BadRequest", f'container "main" in pod "{name}" is waiting to start: {log.waiting}')
            return
        self._stream("text/plain")
        follow = self.query.get("follow", "").lower() == "true"
        at, drops = 0, self.cluster.dropped
        while True:
            with self.cluster.changed:
                news, at = log.lines[at:], len(log.lines)
                over = log.ended or not follow
                if not news and not over:
                    self.cluster.changed.wait(0.5)
            if self.cluster.dropped != drops:
                self.close_connection = True
                self.connection.close()
                return
            for line in news:
                if not self._chunk(
                    line if self.query.get("timestamps", "").lower() == "true" else line.partition(" ")[2]
                ):
                    return
            if over and at == len(log.lines):
                self._chunk("")
                return

    # ---------------------------------------------------------------- answers
    def _send(self, status: int, body: Json) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _status(self, status: int, reason: str, message: str) -> None:
        self._send(
            status,
            {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": message,
                "reason": reason,
                "code": status,
            },
        )

    def _plain(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def _stream(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, text: str) -> bool:
        data = text.encode()
        try:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        except OSError:
            return False
        return True
