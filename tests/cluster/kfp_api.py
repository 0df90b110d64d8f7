"""Kubeflow Pipelines' API server, as far as kfnb asks it; every payload is read with the types of its own client."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import kfp_server_api

Json = dict[str, Any]
LOG = re.compile(r"^/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log$")
PROXY = "/api/v1/namespaces/kubeflow/services/ml-pipeline:http/proxy"  #: of Kubernetes' API server
RECURRING = re.compile(r"^/apis/v2beta1/recurringruns/([^/:]+)(?::(\w+))?$")
RUN = re.compile(r"^/apis/v2beta1/runs/([^/:]+)(?::(\w+))?$")


def archived(text: str) -> str:
    """A log as the server shows it from its archive (`archive/log.go`), which is all that a server for a single user shows."""
    lines = []
    *ended, rest = text.split("\n")
    for line in ended:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = line
        if entry is None or isinstance(entry, dict):
            lines.append(str((entry or {}).get("log", "")))
        elif line:
            lines.append(line)
    return "".join(f"{line}\n" for line in lines) + rest


def typed(body: Json, kind: str) -> None:
    """Raise unless every field of a payload is one of the API's."""
    model = getattr(kfp_server_api, kind)
    unknown = set(body) - set(model.attribute_map.values())
    assert not unknown, f"{kind} has no {unknown}"
    for name, json_name in model.attribute_map.items():
        inner = model.openapi_types[name]
        if isinstance(body.get(json_name), dict) and hasattr(kfp_server_api, inner):
            typed(body[json_name], inner)


@dataclass
class Server:
    """What the server knows."""

    multi_user: bool = False
    token: str = "good"
    runs: dict[str, Json] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)  #: by the pod's name
    recurring: list[Json] = field(default_factory=list)
    experiments: dict[str, Json] = field(default_factory=dict)
    pipelines: dict[str, str] = field(default_factory=dict)
    uploads: list[tuple[str, str, bytes]] = field(default_factory=list)
    actions: list[tuple[str, str]] = field(default_factory=list)
    trouble: list[tuple[str, int]] = field(default_factory=list)  #: answers to give instead: of what request, status
    headers: list[Json] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)  #: method and path
    answers: list[Json] = field(default_factory=list)  #: recorded exchanges, whose answers come next, in this order


@contextmanager
def served(server: Server) -> Iterator[str]:
    handler = type("Handler", (_Handler,), {"known": server})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}"
    finally:
        http.shutdown()
        http.server_close()


class _Handler(BaseHTTPRequestHandler):
    known: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        return

    def do_GET(self) -> None:
        url = urlparse(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        self.known.headers.append(dict(self.headers))
        self.known.requests.append((self.command, self.path))
        if self.headers.get("Authorization") != f"Bearer {self.known.token}":
            self._send(401, {"code": 16, "message": "Unauthenticated"})
        elif self.known.answers:
            exchange = self.known.answers.pop(0)
            answer = exchange["answer"]
            if exchange.get("content_type", "application/json").startswith("application/json"):
                self._send(exchange["status"], answer)
            else:
                self._text(answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":")))
        elif trouble := [t for t in self.known.trouble if t[0] in f"{self.command} {self.path}"]:
            self.known.trouble.remove(trouble[0])
            self._send(trouble[0][1], {"code": 14, "message": "upstream connect error"})
        else:
            body = json.loads(raw) if raw and "json" in self.headers.get("Content-Type", "") else {}
            self._route(url.path, {k: v[-1] for k, v in parse_qs(url.query).items()}, body, raw)

    do_POST = do_DELETE = do_GET

    def _route(self, path: str, query: dict[str, str], body: Json, raw: bytes) -> None:
        server = self.known
        path = path.removeprefix(PROXY)
        match, log = RUN.match(path), LOG.match(path)
        if path == "/apis/v2beta1/healthz":
            self._send(200, {"multi_user": server.multi_user})
        elif path == "/apis/v2beta1/experiments" and self.command == "GET":
            self._send(200, {"experiments": list(server.experiments.values())})
        elif path == "/apis/v2beta1/experiments":
            typed(body, "V2beta1Experiment")
            created = {**body, "experiment_id": str(uuid.uuid4())}
            server.experiments[created["experiment_id"]] = created
            self._send(200, created)
        elif path == "/apis/v2beta1/runs" and self.command == "GET" and query.get("sort_by"):
            self._newest_runs(query)
        elif path == "/apis/v2beta1/runs" and self.command == "GET":
            (rule,) = json.loads(query["filter"])["predicates"]
            assert (rule["operation"], rule["key"]) == ("IN", "run_id")
            runs = [r for r in server.runs.values() if r["run_id"] in rule["string_values"]["values"]]
            self._send(200, {"runs": runs[: int(query["page_size"])], "total_size": len(runs)})
        elif path == "/apis/v2beta1/runs":
            typed(body, "V2beta1Run")
            if server.multi_user and not body.get("experiment_id"):
                self._send(400, {"code": 3, "message": "Experiment id can not be empty in multi-user mode"})
                return
            created = {**body, "run_id": str(uuid.uuid4()), "state": "PENDING", "created_at": "2026-01-01T00:00:00Z"}
            server.runs[created["run_id"]] = created
            self._send(200, created)
        elif path == "/apis/v2beta1/recurringruns" and self.command == "GET":
            # one on each page, so that who asks must ask for all pages
            page = int(query.get("page_token") or 0)
            more = {"next_page_token": str(page + 1)} if page + 1 < len(server.recurring) else {}
            self._send(200, {"recurringRuns": server.recurring[page : page + 1], **more})
        elif path == "/apis/v2beta1/recurringruns":
            typed(body, "V2beta1RecurringRun")
            numbered = {**body, "recurring_run_id": f"r{len(server.recurring) + 1}", "status": "ENABLED"}
            server.recurring.append({**numbered, "created_at": "2026-01-01T00:00:00Z"})
            self._send(200, server.recurring[-1])
        elif recurring := RECURRING.match(path):
            self._recurring_run(recurring[1], recurring[2])
        elif path == "/apis/v2beta1/pipelines":
            typed(body, "V2beta1Pipeline")
            server.pipelines[body["display_name"]] = "p1"
            self._send(200, {**body, "pipeline_id": "p1"})
        elif path == "/apis/v2beta1/pipelines/upload_version":
            server.uploads.append((query["name"], query["pipelineid"], raw))
            self._send(200, {"pipeline_id": query["pipelineid"], "pipeline_version_id": f"v{len(server.uploads)}"})
        elif path.startswith("/apis/v2beta1/pipelines/names/") and path.rpartition("/")[2] in server.pipelines:
            self._send(200, {"pipeline_id": server.pipelines[path.rpartition("/")[2]]})
        elif log and log[1] in server.runs and log[2] in server.logs:
            text = server.logs[log[2]]
            self._text(text if server.multi_user else archived(text))
        elif log:
            missing = f"InternalServerError: Failed to get file reader for {log[2]}/main.log: NoSuchKey: no such key"
            message = (
                f"BadRequestError: Failed to read logs for run {log[1]} due to error fetching the log file: {missing}"
            )
            # the status has been sent when the server learns that there is no log
            self._text(json.dumps({"error_message": message, "error_details": message}, separators=(",", ":")))
        elif match and match[1] in server.runs:
            if match[2]:
                server.actions.append((match[1], match[2]))
                self._send(200, {})
            else:
                self._send(200, server.runs[match[1]])
        else:
            self._send(404, {"code": 5, "message": f"{path} not found"})

    def _newest_runs(self, query: dict[str, str]) -> None:
        assert query["sort_by"] == "created_at desc"
        runs = list(self.known.runs.values())[::-1]
        if "filter" in query:
            (rule,) = json.loads(query["filter"])["predicates"]
            assert (rule["operation"], rule["key"]) == ("EQUALS", "recurring_run_id")
            runs = [r for r in runs if r.get("recurring_run_id") == rule["string_value"]]
        self._send(200, {"runs": runs[: int(query["page_size"])]} if runs else {})

    def _recurring_run(self, name: str, verb: str | None) -> None:
        found = [r for r in self.known.recurring if r["recurring_run_id"] == name]
        if not found:
            self._send(404, {"code": 5, "message": f"Recurring run {name} not found"})
        elif self.command == "DELETE":
            self.known.recurring.remove(found[0])
            self._send(200, {})
        elif verb:
            found[0]["status"] = {"enable": "ENABLED", "disable": "DISABLED"}[verb]
            self._send(200, {})
        else:
            self._send(200, found[0])

    def _text(self, text: str) -> None:
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send(self, status: int, body: Json) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
