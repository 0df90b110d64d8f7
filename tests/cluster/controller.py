"""A controller for the API server of the tests: it runs Workflows with the interpreter and writes their status as it goes."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.argo import Interpreter, Pods
from tests.cluster.kube_api import Cluster, PodLog


class Controller:
    """Carries every workflow that is created. ``pack``: how its nodes are written: ``plain gzip zstd brotli``."""

    def __init__(
        self,
        cluster: Cluster,
        pods: Pods,
        pack: str = "plain",
        namespace: str = "default",
        secrets: dict[str, str] | None = None,
    ) -> None:
        self.cluster, self.pods, self.pack, self.namespace, self.secrets = cluster, pods, pack, namespace, secrets or {}
        self._done: set[str] = set()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stopped:
            with self.cluster.changed:
                waiting = [
                    n
                    for n in self.cluster.created
                    if n not in self._done and ("workflows", self.namespace, n) in self.cluster.objects
                ]
                if not waiting:
                    self.cluster.changed.wait(0.2)
                    continue
            self._done.add(waiting[0])
            self._carry(waiting[0])

    def _carry(self, name: str) -> None:
        workflow = copy.deepcopy(self.cluster.objects["workflows", self.namespace, name])
        with tempfile.TemporaryDirectory() as folder:
            run = _Told(workflow, self.pods, Path(folder), secrets=self.secrets)
            run.controller, run.name = self, name
            self.write(name, {"phase": "Running", "startedAt": "2026-01-01T00:00:00Z"}, {})
            status = run.run()
            self.write(name, {k: v for k, v in status.items() if k != "nodes"}, run.nodes)

    def write(self, name: str, status: dict[str, Any], nodes: dict[str, Any]) -> None:
        text = json.dumps(nodes).encode()
        if self.pack == "plain":
            packed: dict[str, Any] = {"nodes": copy.deepcopy(nodes)}
        else:
            data = {"gzip": gzip.compress, "zstd": _zstd, "brotli": _brotli}[self.pack](text)
            packed = {"compressedNodes": base64.b64encode(data).decode()}
        self.cluster.update(name, {"status": {**status, **packed}}, self.namespace)

    @contextmanager
    def at_work(self) -> Iterator[Controller]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stopped = True
            self._thread.join(10)


def _zstd(text: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(text)


def _brotli(text: bytes) -> bytes:
    import brotli

    packed: bytes = brotli.compress(text)
    return packed


class _Told(Interpreter):
    """The interpreter, telling the API server of every pod."""

    controller: Controller
    name: str

    def node(self, name: str, kind: str, phase: str, boundary: str | None, **more: Any) -> dict[str, Any]:
        found = super().node(name, kind, phase, boundary, **more)
        if kind == "Pod":
            cluster = self.controller.cluster
            notes = {"workflows.argoproj.io/node-id": found["id"], "workflows.argoproj.io/node-name": name}
            meta = {
                "name": f"{self.name}-{found['id']}",
                "namespace": self.controller.namespace,
                "annotations": notes,
                "labels": {"workflows.argoproj.io/workflow": self.name},
            }
            with cluster.changed:
                cluster.pods[meta["name"]] = {"metadata": meta, "status": {"phase": "Running"}}
                cluster.logs[meta["name"]] = PodLog(waiting="ContainerCreating")
            self.controller.write(self.name, {}, self.nodes)
        return found

    def finish(
        self, node: dict[str, Any], phase: str, outputs: dict[str, str] | None = None, message: str = ""
    ) -> tuple[str, dict[str, str]]:
        if node["type"] == "Pod":
            lines = self.logs.get(node["name"], "").split("\n")[:-1]
            self.controller.cluster.say(f"{self.name}-{node['id']}", *lines, ended=True)
        found = super().finish(node, phase, outputs, message)
        self.controller.write(self.name, {}, self.nodes)
        return found
