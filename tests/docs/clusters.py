"""The clusters that the pages name: the servers of ``tests/cluster``, behind the names and addresses that a page shows."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.kfp.following.node_states import pod_of
from kfnb.step_settings import Settings
from tests.cluster import kfp_api, kube_api
from tests.cluster.argo import pods
from tests.cluster.controller import Controller
from tests.cluster.kfp_backend import END, Backend, pod_node
from tests.cluster.outcome import Oracle

NAMESPACE = "team-a"  #: of every target in the pages
ARGO = f'[targets.cluster]\nengine = "argo"\nnamespace = "{NAMESPACE}"\n'  #: where a page leaves its target out


@dataclass
class Clusters:
    """Servers that start when a page's configuration names them; `configuration` gives the text with their addresses."""

    folder: Path
    patch: pytest.MonkeyPatch
    _servers: ExitStack = field(default_factory=ExitStack)

    def configuration(self, text: str) -> str:
        """Start the servers for the targets in a configuration file, and put their addresses into it."""
        if 'engine = "argo"' in text:
            self._start_argo()
        if 'engine = "kfp"' in text:
            text = text.replace("https://kubeflow.example.org/pipeline", self._start_kfp())
            text = text.replace("/path/to/token", str(self.folder / "token"))
        return text

    def _start_argo(self) -> None:
        kube = kube_api.Cluster(namespaces=("default", NAMESPACE))
        address = self._servers.enter_context(kube_api.served(kube))
        containers = self._servers.enter_context(pods())
        controller = Controller(kube, containers, namespace=NAMESPACE, secrets={"password": "sesame"})
        self._servers.enter_context(controller.at_work())
        own = kube_api.kubeconfig(self.folder, address, namespace=NAMESPACE)
        self.patch.setenv("KUBECONFIG", str(own))

    def _start_kfp(self) -> str:
        self.patch.setattr("kfnb.engines.kfp.following.poll_run.EVERY", 0.05)
        (self.folder / "token").write_text("good")
        server = kfp_api.Server(multi_user=True)
        self._servers.enter_context(_kfp_backend(server, self.folder))
        return self._servers.enter_context(kfp_api.served(server))

    def close(self) -> None:
        self._servers.close()


@contextmanager
def _kfp_backend(server: kfp_api.Server, folder: Path) -> Iterator[None]:
    """Execute every run that the server has with `kfp.local`, and let the server know its nodes and logs."""
    stopped = threading.Event()

    def work() -> None:
        oracle, done = Oracle(), set()
        while not stopped.wait(0.02):
            for run_id, run in [(i, r) for i, r in server.runs.items() if i not in done]:
                done.add(run_id)
                try:
                    _execute(server, run, oracle, folder / run_id)
                except BaseException:  # a page that waits for the run must see that it has ended
                    run.update(state="FAILED", finished_at=END)
                    raise
        oracle.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(10)


def _execute(server: kfp_api.Server, run: dict[str, Any], oracle: Oracle, folder: Path) -> None:
    spec = run["pipeline_spec"]
    ir = spec.get("pipeline_spec", spec)
    answer = oracle.ask(ir, run["runtime_config"]["parameters"], folder)
    backend = Backend(ir, {task: "Failed" for task, status, _ in answer["logs"] if status})
    for node in backend.workflow_nodes().values():
        for task, _, text in answer["logs"]:
            if re.search(rf"\.{re.escape(task)}\.executor(\(\d+\))?$", node["name"]):
                server.logs.update({pod_of(pod_node(node["id"]), s): text for s in (Settings(), Settings(retry=1))})
    run.update(run_details={"task_details": backend.details()}, state=answer["state"].upper(), finished_at=END)
