"""What the form that starts a run says before a run on a cluster, and what the cluster then gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfnb.server.run_requests import Refused, Runs
from kfnb.server.submission_plan import planned
from tests.cluster.kube_api import Cluster, kubeconfig, served
from tests.notebooks import cell
from tests.running import pipeline_of

CONTAINER = {"type": "Container", "max": {"cpu": "2"}, "default": {"cpu": "500m", "memory": "1Gi"}}
NAMED = {
    ("limitranges", "default", "usual"): {"metadata": {"name": "usual"}, "spec": {"limits": [CONTAINER]}},
    ("resourcequotas", "default", "team"): {
        "metadata": {"name": "team"},
        "spec": {"hard": {"limits.memory": "16Gi", "requests.nvidia.com/gpu": 1}},
    },
}


def test_the_plan_tells_limits_and_the_run_has_its_name_and_priority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    config = tmp_path / "config" / "kfnb" / "kfnb.toml"
    config.parent.mkdir(parents=True)
    greedy = pipeline_of(cell("a = 1", "step:one", "cpu:3", "memory:2Gi"))
    modest = pipeline_of(cell("a = 1", "step:one", "cpu:1"))
    runs, kube = Runs(), Cluster(named=NAMED)
    with served(kube) as server:
        settings = (
            f'kubeconfig = "{kubeconfig(tmp_path, server)}"\npackages = "none"\nmax_memory = "32Gi"\npriority = 1\n'
        )
        config.write_text(
            f'[targets.away]\nengine = "argo"\n{settings}[targets.flows]\nengine = "kfp"\nhost = "http://127.0.0.1:9"\n'
        )
        plan = planned(greedy, "away", {}, {"folder": str(tmp_path), "priority": 7})
        limits = [tuple(limit.values()) for limit in plan["limits"]]
        assert limits == [
            ("cpu", "500m", "2", "the LimitRange `usual`"),
            ("memory", "1Gi", "16Gi", "the ResourceQuota `team`"),
            ("gpu", "", "1", "the ResourceQuota `team`"),
        ]
        (problem,) = [p for p in plan["problems"] if p["severity"] == "error"]
        assert problem["message"] == "step `one` asks for cpu 3, and the LimitRange `usual` allows 2"
        assert problem["cell"] == 1 and plan["manifest"] == ""
        manifest = planned(modest, "away", {}, {"folder": str(tmp_path), "priority": 7})["manifest"]
        assert "\n  priority: 7\n" in manifest
        kube.hidden = ("limitranges", "resourcequotas")
        plan = planned(greedy, "away", {}, {"folder": str(tmp_path)})
        assert [limit["most"] for limit in plan["limits"]] == ["", "32Gi", ""] and "\n  priority: 1\n" in plan[
            "manifest"
        ]
        run_id, _ = runs.start(modest, {}, "away", {}, folder=str(tmp_path), name="the long one", priority=7)
        (workflow,) = kube.objects.values()
        assert workflow["spec"]["priority"] == 7
        assert workflow["metadata"]["annotations"]["workflows.argoproj.io/title"] == "the long one"
        assert runs.snapshot(run_id)["run"]["name"] == "the long one"
        for target in ("flows", "local"):
            with pytest.raises(Refused, match="runs have no priority"):
                runs.start(modest, {}, target, {}, folder=str(tmp_path), priority=7)
        kube.drop()
    runs.close()
