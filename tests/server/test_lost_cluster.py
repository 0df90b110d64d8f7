"""A cluster that stops to answer: the record of its runs says so, and no longer says so once it answers again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kfnb.server import run_requests
from kfnb.server.run_page_handlers import submitted_manifest
from tests.cluster.kube_api import Cluster, kubeconfig, served
from tests.notebooks import cell
from tests.running import pipeline_of, wait_for


def test_a_run_whose_cluster_does_not_answer_says_since_when(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(run_requests, "ASK_AGAIN", 0.1)
    config = tmp_path / "config" / "kfnb" / "kfnb.toml"
    config.parent.mkdir(parents=True)
    kube, runs = Cluster(), run_requests.Runs()
    with served(kube) as server:
        config.write_text(
            f'[targets.away]\nengine = "argo"\nkubeconfig = "{kubeconfig(tmp_path, server)}"\npackages = "none"\n'
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
        kube.update(kube.created[0], {"status": {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:00Z"}})
        wait_for(lambda: runs.snapshot(run_id)["run"]["state"] == "succeeded")
    runs.close()
