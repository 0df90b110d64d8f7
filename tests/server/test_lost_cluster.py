"""A cluster that stops to answer: the record of its runs says so, and no longer says so once it answers again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kfnb.server import run_requests
from kfnb.server.run_page_handlers import details, submitted_manifest
from tests.cluster.kube_api import Cluster, kubeconfig, served
from tests.notebooks import cell
from tests.running import pipeline_of, wait_for


def test_a_run_whose_cluster_does_not_answer_says_since_when(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(run_requests, "ASK_AGAIN", 0.1)
    monkeypatch.setattr("kfnb.engines.argo.following.follow_workflow.LOG_PATIENCE", 0.0)  # no pod has a log
    config = tmp_path / "config" / "kfnb" / "kfnb.toml"
    config.parent.mkdir(parents=True)
    kube, runs = Cluster(), run_requests.Runs()
    with served(kube) as server:
        config.write_text(
            f'[targets.away]\nengine = "argo"\nkubeconfig = "{kubeconfig(tmp_path, server)}"\npackages = "none"\nui = "https://argo.example.org"\n'
        )
        pipeline = pipeline_of(cell("a = 1", "step:one"))
        run_id, _ = runs.start(pipeline, {}, "away", {}, folder=str(tmp_path))
        assert "kind: Workflow" in str(submitted_manifest(runs, run_id))
        kube.tokens = ()
        kube.drop()
        wait_for(lambda: runs.snapshot(run_id)["run"]["error"] is not None)
        head = runs.snapshot(run_id)["run"]
        assert head["state"] == "pending" and head["error"]["kind"] == "cluster"
        assert head["error"]["since"] == pytest.approx(time.time(), abs=30)
        kube.tokens = ("good",)
        wait_for(lambda: runs.snapshot(run_id)["run"]["error"] is None)
        (name,) = kube.created
        node = {
            "id": f"{name}-7", "name": f"{name}.one", "displayName": "one", "type": "Pod", "phase": "Succeeded",
            "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        kube.update(
            name, {"status": {"phase": "Succeeded", "finishedAt": node["finishedAt"], "nodes": {node["id"]: node}}}
        )
        wait_for(lambda: runs.snapshot(run_id)["run"]["state"] == "succeeded")
        (attempt,) = details(runs, run_id)["attempts"]["one"]
        page = f"https://argo.example.org/workflows/default/{name}"
        assert attempt["pod"] == {
            "name": "", "namespace": "", "node": "", "events": [], "page": f"{page}?tab=workflow&nodeId={name}-7",
        }  # fmt: skip
    runs.close()
