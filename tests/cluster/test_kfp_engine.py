"""The Kubeflow Pipelines engine against an API server whose payloads are read with its own client's types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from kfnb.engines.base import RunOptions
from kfnb.engines.cluster.diagnosis import diagnose
from kfnb.engines.cluster.kube import ClusterError
from kfnb.engines.cluster.targets import Target
from kfnb.engines.kfp.engine import KfpEngine
from kfnb.pipeline.model import Pipeline
from kfnb.runs.store import RunStore
from tests.cluster.kfp_api import Server, served
from tests.notebooks import cell
from tests.running import pipeline_of, states

PIPELINE = (
    cell("n: int = 3\ntext: str = 'a'\nitems: list = [1, 2]", "parameters"),
    cell("a = n + 1", "step:one"),
    cell("b = a + 1", "step:two", "secret:s:k:TOKEN", "timeout:30m"),
)


@contextmanager
def engine_at(folder: Path, server: Server, **settings: Any) -> Iterator[KfpEngine]:
    token = folder / "token"
    token.write_text("good")
    with served(server) as host:
        told = {"engine": "kfp", "host": host, "token_file": str(token), "packages": "none", **settings}
        yield KfpEngine(RunStore(folder / "home"), Target("test", "kfp", told))


def options(pipeline: Pipeline, folder: Path, **more: Any) -> RunOptions:
    return RunOptions({p.name: p.default for p in pipeline.parameters}, folder=str(folder), **more)


def detail(name: str, state: str, **more: Any) -> dict[str, Any]:
    return {"task_id": name, "display_name": name, "state": state, "start_time": "2026-01-01T00:00:01Z", **more}


def test_a_run_is_submitted_as_the_server_wants_it(tmp_path: Path) -> None:
    server = Server(multi_user=True)
    with engine_at(tmp_path, server, namespace="team", pipeline_root="s3://b/r", service_account="runner") as engine:
        pipeline = pipeline_of(*PIPELINE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path, experiment="mine"))
        (run,) = server.runs.values()
        json_format.ParseDict(run["pipeline_spec"]["pipeline_spec"], pipeline_spec_pb2.PipelineSpec())
        platform = run["pipeline_spec"]["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert list(platform.values())[0]["activeDeadlineSeconds"] == "1800"
        assert run["runtime_config"] == {
            "parameters": {"n": 3, "text": "a", "items": [1, 2]},
            "pipeline_root": "s3://b/r",
        }
        assert server.experiments[run["experiment_id"]] == {
            "display_name": "mine",
            "namespace": "team",
            "experiment_id": run["experiment_id"],
        }
        assert run["service_account"] == "runner" and engine.store.head(run_id)["state"] == "pending"


def test_a_run_is_followed_by_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.poll.EVERY", 0.05)
    server = Server()
    with engine_at(tmp_path, server) as engine:
        pipeline = pipeline_of(*PIPELINE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (run,) = server.runs.values()
        server.trouble = [503, 429]
        engine.refresh(run_id)
        run.update(
            state="RUNNING", run_details={"task_details": [detail("one-driver", "SUCCEEDED"), detail("one", "RUNNING")]}
        )
        engine.refresh(run_id)
        assert states(engine.store.summary(run_id)) == {"one": "running", "two": "pending"}
        run.update(
            state="FAILED", finished_at="2026-01-01T00:00:09Z",
            run_details={"task_details": [detail("one", "SUCCEEDED"), detail("two", "FAILED", error={"code": 1, "message": "exit code 1"})]},
        )  # fmt: skip
        for _ in engine.events(run_id):
            pass
        summary = engine.store.summary(run_id)
        assert summary["state"] == "failed" and states(summary) == {"one": "succeeded", "two": "failed"}
        assert summary["error"]["message"] == "exit code 1"


def test_terminate_retry_and_schedule(tmp_path: Path) -> None:
    server = Server()
    with engine_at(tmp_path, server) as engine:
        pipeline = pipeline_of(*PIPELINE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (remote,) = server.runs
        assert engine.cancel(run_id) and server.actions == [(remote, "terminate")]
        server.runs[remote].update(state="CANCELED", finished_at="2026-01-01T00:00:09Z")
        engine.refresh(run_id)
        assert engine.store.head(run_id)["state"] == "cancelled" and not engine.cancel(run_id)
        engine.retry(run_id)
        assert server.actions[-1] == (remote, "retry")
        assert engine.schedule(pipeline, options(pipeline, tmp_path), "0 6 * * *") == "r1"
        assert server.recurring[0]["trigger"] == {"cron_schedule": {"cron": "0 0 6 * * *"}}


def test_a_workflow_goes_the_legacy_way(tmp_path: Path) -> None:
    server = Server()
    with engine_at(tmp_path, server) as engine:
        pipeline = pipeline_of(*PIPELINE)
        for _ in range(2):
            engine.submit_workflow(pipeline, options(pipeline, tmp_path))
        assert [(p, b"argoproj.io/v1alpha1" in raw) for _, p, raw in server.uploads] == [("p1", True)] * 2
        references = [r["pipeline_version_reference"] for r in server.runs.values()]
        assert references == [{"pipeline_id": "p1", "pipeline_version_id": f"v{n}"} for n in (1, 2)]


def test_tokens_rotate(tmp_path: Path) -> None:
    server = Server()
    with engine_at(tmp_path, server) as engine:
        engine.client.multi_user()
        server.token = "newer"
        (tmp_path / "token").write_text("newer\n")
        assert engine.client.multi_user() is False
        server.token = "other"
        with pytest.raises(ClusterError, match="does not know who asks") as caught:
            engine.client.multi_user()
        assert caught.value.kind == "unauthorized"


def test_the_diagnosis_of_a_server_for_many_users(tmp_path: Path) -> None:
    with engine_at(tmp_path, Server(multi_user=True)) as engine:
        found = diagnose(engine.target)
        assert found.state == "refused" and "namespace" in found.told[0]
    assert diagnose(Target("t", "kfp", {"host": "http://127.0.0.1:9"})).state == "unreachable"
