"""What commands of images write into their outputs, on Kubeflow Pipelines: the server tells it only to the steps that take it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from kfnb.engines.kfp.following.node_states import DRIVER_TEMPLATE, pod_of
from kfnb.step_settings import Settings
from tests.cluster.kfp_api import Server
from tests.cluster.kfp_backend import END, START, pod_node
from tests.cluster.kube_api import Cluster, kubeconfig
from tests.cluster.kube_api import served as kube_served
from tests.cluster.test_kfp_engine import RECORDINGS, backend_of, engine_at, options
from tests.notebooks import cell
from tests.running import pipeline_of

RECORDED = json.loads((RECORDINGS / "driver-of-taker.json").read_text())
TEXTS = {
    "download": "With which he yoketh your rebellious necks",
    "download-2": "It was a bright cold day in April, and the clocks were striking thirteen",
}
COMMANDS = """from kfnb import component_from_command
download = component_from_command(name="download", image="some/image", command=["sh", "-c"],
    args=['cat "$0" > "$1"', "{url}", "/tmp/results.txt"], inputs=["url"], outputs={"data": "/tmp/results.txt"})
echo = component_from_command(name="echo", image="other/image", command=["sh", "-c"],
    args=['echo "$0 $1"', "{text1}", "{text2}"], inputs=["text1", "text2"])
"""
PIPELINE = "%%pipeline texts\na = download('one')\nb = download('two')\necho(a, b)"


def driver_of(nodes: dict[str, Any], task: str) -> dict[str, Any]:
    return next(n for n in nodes.values() if n["displayName"] == f"{task}-driver")


def test_the_log_of_the_driver_that_takes_a_text_has_it(tmp_path: Path) -> None:
    server = Server()
    with engine_at(tmp_path, server) as engine:
        pipeline = pipeline_of(cell(COMMANDS), cell(PIPELINE))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (run,) = server.runs.values()
        backend = backend_of(run, {})
        nodes = backend.workflow_nodes()
        for node in nodes.values():
            if node["name"].endswith(".executor"):
                server.logs[pod_of(pod_node(node["id"]), Settings())] = "printed\n"
        driver = replace(pod_node(driver_of(nodes, "echo")["id"]), template=DRIVER_TEMPLATE)
        server.logs[pod_of(driver, Settings())] = RECORDED["log"]
        run.update(run_details={"task_details": backend.details()}, state="SUCCEEDED", finished_at=END)
        engine.refresh(run_id)
        assert {n: engine.store.value(run_id, n, "data") for n in TEXTS} == TEXTS
        assert engine.store.head(run_id)["state"] == "succeeded"


def test_a_driver_whose_log_is_gone_leaves_the_values_unknown(tmp_path: Path) -> None:
    server = Server()
    with engine_at(tmp_path, server) as engine:
        pipeline = pipeline_of(cell(COMMANDS), cell(PIPELINE))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (run,) = server.runs.values()
        backend = backend_of(run, {})
        for node in backend.workflow_nodes().values():
            if node["name"].endswith(".executor"):
                server.logs[pod_of(pod_node(node["id"]), Settings())] = "printed\n"
        run.update(run_details={"task_details": backend.details()}, state="SUCCEEDED", finished_at=END)
        engine.refresh(run_id)
        assert engine.store.head(run_id)["state"] == "succeeded"
        assert not engine.store.find_step(run_id, "download")["result"]


def test_the_workflow_has_it_where_kubernetes_may_be_asked(tmp_path: Path) -> None:
    server, kube = Server(), Cluster()
    with kube_served(kube) as address:
        config = str(kubeconfig(tmp_path, address))
        with engine_at(tmp_path, server, kubeconfig=config, namespace="default") as engine:
            pipeline = pipeline_of(cell(COMMANDS), cell(PIPELINE))
            run_id = engine.submit(pipeline, options(pipeline, tmp_path))
            ((remote, run),) = server.runs.items()
            backend = backend_of(run, {"echo": "Running"})
            nodes = backend.workflow_nodes()
            meta = {"name": backend.workflow, "namespace": "default", "labels": {"pipeline/runid": remote}}
            status = {"phase": "Running", "nodes": nodes, "startedAt": START}
            workflow = {"kind": "Workflow", "metadata": meta, "status": status}
            kube.put("workflows", "default", workflow, "ADDED")
            engine.refresh(run_id)
            assert engine.store.find_step(run_id, "download")["state"] == "succeeded"
            driver_of(nodes, "echo")["outputs"] = RECORDED["outputs"]
            kube.update(backend.workflow, {"status": status})
            engine.refresh(run_id)
            assert {n: engine.store.value(run_id, n, "data") for n in TEXTS} == TEXTS
