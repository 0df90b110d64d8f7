"""The Kubeflow Pipelines engine against an API server whose payloads are read with its own client's types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.targets.diagnosis import diagnose
from kfnb.engines.cluster.targets.targets import Target
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.kfp.following.node_states import pod_of
from kfnb.engines.kfp.following.poll_run import cancelled_at
from kfnb.engines.kfp.kfp_engine import KfpEngine
from kfnb.pipeline.model import Pipeline
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
from kfnb.schedules.schedule_model import Schedule
from kfnb.step_settings import Settings
from tests.cluster.kfp_api import Server, served
from tests.cluster.kfp_backend import END, START, Backend, pod_node
from tests.cluster.kube_api import Cluster, kubeconfig
from tests.cluster.kube_api import served as kube_served
from tests.notebooks import cell
from tests.running import pipeline_of, states

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings" / "kfp"
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


def test_a_run_is_submitted_as_the_server_wants_it(tmp_path: Path) -> None:
    server = Server(multi_user=True)
    with engine_at(tmp_path, server, namespace="team", pipeline_root="s3://b/r", service_account="runner") as engine:
        pipeline = pipeline_of(*PIPELINE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path, experiment="mine"))
        (run,) = server.runs.values()
        json_format.ParseDict(run["pipeline_spec"]["pipeline_spec"], pipeline_spec_pb2.PipelineSpec())
        platform = run["pipeline_spec"]["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert "2700" in [e.get("activeDeadlineSeconds") for e in platform.values()]
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


def marked(step: str, *texts: str, **told: Any) -> str:
    """A step's log, as its pod writes it."""
    mark = "::kfnb " + json.dumps({"step": step, **told})
    return "".join(f"{line}\n" for line in (*texts, mark))


@contextmanager
def submitted(folder: Path) -> Iterator[tuple[Server, KfpEngine, str, dict[str, Any]]]:
    """A server, an engine at it, and a run of `PIPELINE`: its id here, and what the server has of it."""
    server = Server()
    with engine_at(folder, server) as engine:
        pipeline = pipeline_of(*PIPELINE)
        run_id = engine.submit(pipeline, options(pipeline, folder))
        (run,) = server.runs.values()
        yield server, engine, run_id, run


def backend_of(run: dict[str, Any], phases: dict[str, str], **more: Any) -> Backend:
    spec = run["pipeline_spec"]
    return Backend(spec.get("pipeline_spec", spec), phases, **more)


def tell(server: Server, run: dict[str, Any], backend: Backend, logs: dict[str, str], **more: Any) -> None:
    """The API has the backend's nodes, and the logs of steps by the paths that these names stand for."""
    nodes = backend.workflow_nodes()
    run.update(run_details={"task_details": backend.details()}, **more)
    for task, text in logs.items():
        executor = next(n for n in nodes.values() if n["name"].endswith(f".{task}.executor"))
        server.logs[pod_of(pod_node(executor["id"]), Settings())] = text


def test_a_run_is_followed_by_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.following.poll_run.EVERY", 0.05)
    with submitted(tmp_path) as (server, engine, run_id, run):
        server.trouble = [("GET", 503), ("GET", 429)]
        engine.refresh(run_id)
        tell(
            server,
            run,
            backend_of(run, {"one": "Running", "two": "Pending"}),
            {"one": "begun\nhalf of"},
            state="RUNNING",
        )
        with engine.following(run_id):
            lines = engine.logs(run_id, "one", follow=True)
            assert next(lines).text == "begun"
            tell(
                server, run, backend_of(run, {"two": "Failed"}),
                {
                    "one": marked("one", "begun", "half of it", state="succeeded", exports={"a": 4}),
                    "two": marked("two", "dying", state="failed", error={"type": "ZeroDivisionError", "message": "by zero", "cell": 3, "line": 1}),
                },
                state="FAILED", finished_at="2026-01-01T00:00:09Z",
            )  # fmt: skip
            assert [line.text for line in lines] == ["half of it"]
            for _ in engine.events(run_id):
                pass
        summary = engine.store.summary(run_id)
        assert summary["state"] == "failed" and states(summary) == {"one": "succeeded", "two": "failed"}
        assert (summary["error"]["type"], summary["error"]["cell"]) == ("ZeroDivisionError", 3)
        assert [line.text for line in engine.store.logs(run_id, "one")] == ["begun", "half of it"]
        assert engine.store.steps(run_id)[0]["result"]["exports"] == {"a": 4}


def test_a_run_ends_when_the_server_has_said_how_its_steps_ended(tmp_path: Path) -> None:
    with submitted(tmp_path) as (server, engine, run_id, run):
        ended = {"state": "SUCCEEDED", "finished_at": datetime.now(timezone.utc).isoformat()}
        tell(server, run, backend_of(run, {"two": "Running"}), {"one": marked("one", state="succeeded")}, **ended)
        engine.refresh(run_id)
        assert engine.store.head(run_id)["state"] == "running"
        tell(server, run, backend_of(run, {}), {"two": marked("two", state="succeeded", exports={"b": 5})}, **ended)
        engine.refresh(run_id)
        summary = engine.store.summary(run_id)
        assert summary["state"] == "succeeded" and states(summary) == {"one": "succeeded", "two": "succeeded"}
        assert engine.store.steps(run_id)[1]["result"]["exports"] == {"b": 5}


def test_a_step_of_which_the_server_says_nothing_is_not_said_to_have_had_a_false_condition(tmp_path: Path) -> None:
    with submitted(tmp_path) as (server, engine, run_id, run):
        run.update(run_details={"task_details": []}, state="SUCCEEDED", finished_at="2026-01-01T00:00:09Z")
        engine.refresh(run_id)
        one = engine.store.find_step(run_id, "one")
        assert one["state"] == "skipped" and "has not told what became of it" in one["reason"]


def test_a_server_that_gives_no_logs_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.following.poll_run.LOG_PATIENCE", 0.5)
    with submitted(tmp_path) as (server, engine, run_id, run):
        tell(server, run, backend_of(run, {}), {}, state="SUCCEEDED", finished_at="2026-01-01T00:00:09Z")
        asked = len(server.headers)
        engine.refresh(run_id)
        assert set(states(engine.store.summary(run_id)).values()) == {"succeeded"}
        assert len(server.headers) - asked < 6


def test_a_run_is_followed_in_kubernetes_where_that_may_be_asked(tmp_path: Path) -> None:
    server, kube = Server(), Cluster()
    with kube_served(kube) as address:
        config = str(kubeconfig(tmp_path, address))
        with engine_at(tmp_path, server, kubeconfig=config, namespace="default") as engine:
            pipeline = pipeline_of(*PIPELINE)
            run_id = engine.submit(pipeline, options(pipeline, tmp_path))
            ((remote, run),) = server.runs.items()
            backend = backend_of(run, {"two": "Failed"})
            nodes = backend.workflow_nodes()
            meta = {"name": backend.workflow, "namespace": "default", "labels": {"pipeline/runid": remote}}
            status = {
                "phase": "Failed",
                "nodes": nodes,
                "startedAt": START,
                "finishedAt": END,
                "message": "child failed",
            }
            kube.put("workflows", "default", {"kind": "Workflow", "metadata": meta, "status": status}, "ADDED")
            for task, text in {"one": marked("one", "hello", state="succeeded"), "two": "Killed\n"}.items():
                node = next(n for n in nodes.values() if n["name"].endswith(f".{task}.executor"))
                notes = {"workflows.argoproj.io/node-id": node["id"], "workflows.argoproj.io/node-name": node["name"]}
                labels = {"workflows.argoproj.io/workflow": backend.workflow}
                pod = {"name": f"any-{task}", "namespace": "default", "annotations": notes, "labels": labels}
                kube.pods[pod["name"]] = {"metadata": pod, "status": {}}
                kube.say(pod["name"], *text.splitlines(), ended=True)
            for _ in engine.events(run_id):
                pass
            summary = engine.store.summary(run_id)
            assert states(summary) == {"one": "succeeded", "two": "failed"} and summary["error"]["step"] == "two"
            assert [line.text for line in engine.store.logs(run_id, "one")] == ["hello"]


def test_a_step_that_waited_for_its_image_when_the_run_was_stopped_is_cancelled(tmp_path: Path) -> None:
    server, kube = Server(), Cluster()
    with kube_served(kube) as address:
        config = str(kubeconfig(tmp_path, address))
        with engine_at(tmp_path, server, kubeconfig=config, namespace="default") as engine:
            pipeline = pipeline_of(*PIPELINE)
            run_id = engine.submit(pipeline, options(pipeline, tmp_path))
            ((remote, run),) = server.runs.items()
            backend = backend_of(run, {"one": "Failed", "two": "Omitted"})
            nodes = backend.workflow_nodes()
            waited = next(n for n in nodes.values() if n["name"].endswith(".one.executor"))
            waited.update(phase="Error", message="pod deleted")
            meta = {"name": backend.workflow, "namespace": "default", "labels": {"pipeline/runid": remote}}
            status = {"phase": "Failed", "nodes": nodes, "startedAt": START, "finishedAt": END}
            workflow = {"kind": "Workflow", "metadata": meta, "spec": {"activeDeadlineSeconds": 0}, "status": status}
            kube.put("workflows", "default", workflow, "ADDED")
            engine.refresh(run_id)
            summary = engine.store.summary(run_id)
            assert summary["state"] == "cancelled" and states(summary) == {"one": "cancelled", "two": "omitted"}


def test_a_failed_exit_handler_fails_the_run_though_the_server_does_not_count_it(tmp_path: Path) -> None:
    server = Server()
    with engine_at(tmp_path, server) as engine:
        pipeline = pipeline_of(cell("a = 1", "step:one"), cell("1 / 0", "step:leave", "exit"))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (run,) = server.runs.values()
        logs = {"one": marked("one", state="succeeded"), "leave": marked("leave", state="failed")}
        tell(server, run, backend_of(run, {"leave": "Failed"}), logs, state="SUCCEEDED", finished_at=END)
        engine.refresh(run_id)
        summary = engine.store.summary(run_id)
        assert (summary["state"], summary["error"]["step"]) == ("failed", "leave")
        refusal = json.loads((RECORDINGS / "retry-succeeded.json").read_text())
        server.answers = [refusal]  # the server calls this run succeeded and does not retry it
        engine.retry(run_id)
        assert len(server.runs) == 2
        list(server.runs.values())[1].update(state="FAILED", finished_at=END)
        engine.refresh(run_id)
        running = (
            "Failed to retry a run: Workflow cannot be retried with node x in Running phase: workflow cannot be retried"
        )
        server.answers = [{"status": 500, "answer": {"code": 13, "message": running}}]
        engine.retry(run_id)
        assert len(server.runs) == 3 and engine.store.head(run_id)["state"] == "pending"


def test_what_the_driver_and_the_launcher_said_last_is_why_a_step_failed(tmp_path: Path) -> None:
    server = Server()
    with engine_at(tmp_path, server) as engine:
        pipeline = pipeline_of(*PIPELINE)
        for phases, task in (({"one": "Failed"}, "one"), ({"one": "DriverFailed"}, "one-driver")):
            run_id = engine.submit(pipeline, options(pipeline, tmp_path))
            run = list(server.runs.values())[-1]
            backend = backend_of(run, {**phases, "two": "Omitted"})
            nodes = backend.workflow_nodes()
            pod = next(
                n
                for n in nodes.values()
                if n["name"].endswith((f".{task}", f".{task}.executor")) and n["type"] == "Pod"
            )
            template = "system-container-driver" if task == "one-driver" else ""
            said = "failed to upload output artifacts" if task == "one" else "failed to resolve inputs"
            text = f"I1129 08:00:00.123456       1 main.go:139] Setting log level\nF1129 08:00:02.100000       1 main.go:130] {said}\n"
            server.logs[pod_of(replace(pod_node(pod["id"]), template=template), Settings())] = text
            run.update(run_details={"task_details": backend.details()}, state="FAILED", finished_at=END)
            engine.refresh(run_id)
            summary = engine.store.summary(run_id)
            assert states(summary) == {"one": "failed", "two": "omitted"}
            assert said in summary["error"]["message"] and "Setting log level" not in summary["error"]["message"]
            assert not list(engine.store.logs(run_id, "one"))


def test_a_handler_in_which_the_workflow_dies_has_failed(tmp_path: Path) -> None:
    server = Server()
    pipeline = pipeline_of(
        cell("1 / 0", "step:one"), cell("b = 2", "step:two", "after:one"), cell("print(1)", "step:bye", "exit")
    )
    with engine_at(tmp_path, server) as engine:
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (run,) = server.runs.values()
        backend = backend_of(run, {"one": "Failed", "two": "Omitted", "bye": "Running"})
        tell(
            server,
            run,
            backend,
            {
                "one": marked(
                    "one",
                    state="failed",
                    error={"kind": "raised", "type": "ZeroDivisionError", "message": "division by zero"},
                )
            },
            state="FAILED",
            finished_at=END,
        )
        engine.refresh(run_id)
        summary = engine.store.summary(run_id)
        reasons = {s["path"]: s["reason"] for s in engine.store.steps(run_id)}
    assert states(summary) == {"one": "failed", "two": "omitted", "bye": "failed"}
    assert summary["error"]["step"] == "one" and reasons["bye"] == "Run: the cluster ended the run while the step ran"


def test_a_server_for_a_single_user_has_no_live_log_and_the_first_running_step_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.following.poll_run.EVERY", 0.05)
    server = Server()
    with engine_at(tmp_path, server) as engine:
        pipeline = pipeline_of(cell("a = 1", "step:one"), cell("b = 2", "step:two"))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (run,) = server.runs.values()
        tell(server, run, backend_of(run, {"one": "Running", "two": "Running"}), {}, state="RUNNING")
        with engine.following(run_id):
            for event in engine.events(run_id):
                if "single user" in str(event.data.get("reason")):
                    break
        logs = {n: marked(n, state="succeeded") for n in ("one", "two")}
        tell(server, run, backend_of(run, {}), logs, state="SUCCEEDED", finished_at=END)
        engine.refresh(run_id)
        reasons = [e.data.get("reason") for e in engine.store.events(run_id) if e.data.get("reason")]
        assert sum("single user" in r for r in reasons) == 1


def test_the_texts_of_a_script_are_known_and_a_result_that_was_found_says_where_its_values_are(tmp_path: Path) -> None:
    server = Server()
    with engine_at(tmp_path, server) as engine:
        script = "%%component script --shell --image library/bash:4.4.23 --output word=/tmp/w\necho word > /tmp/w"
        pipeline = pipeline_of(cell(script), cell("a = 1", "step:found", "cache:on"))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (run,) = server.runs.values()
        log = 'printed\n\n::kfnb {"texts": {"word": "776f72640a"}}\n'
        tell(server, run, backend_of(run, {"found": "Cached"}), {"script": log}, state="SUCCEEDED", finished_at=END)
        engine.refresh(run_id)
        assert engine.store.value(run_id, "script", "word") == "word"
        assert [line.text for line in engine.store.logs(run_id, "script")] == ["printed"]
        with pytest.raises(UnknownRun, match="cached: Kubeflow Pipelines found its result in an earlier run"):
            engine.store.value(run_id, "found", "a")


@pytest.mark.parametrize("phases", [{"two": "Preparing"}, {"two": "Running"}, None])
def test_a_server_that_no_longer_records_what_a_run_does_is_not_waited_for_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phases: dict[str, str] | None
) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.following.poll_run.EVERY", 0.05)
    monkeypatch.setattr("kfnb.engines.kfp.following.stalled_record.QUIET", 0.2)
    with submitted(tmp_path) as (server, engine, run_id, run):
        run.update(state="RUNNING", state_history=[{"state": "RUNNING", "update_time": "2026-01-01T00:00:00Z"}])
        if phases is not None:
            logs = {"one": marked("one", state="succeeded"), "two": "working\n"}
            tell(server, run, backend_of(run, phases), {n: t for n, t in logs.items() if n not in phases})
        first = "one" if phases is None else "two"
        with engine.following(run_id):
            for event in engine.events(run_id):
                if phases == {"two": "Running"} and "single user" in str(event.data.get("reason")):
                    # The step may run for hours without a change; but its log is there when it has ended.
                    tell(server, run, backend_of(run, phases), {"two": marked("two", state="succeeded")})
                if "has recorded no change" in str(event.data.get("reason")):
                    break
        assert event.data["path"] == first and "kubectl get workflows" in event.data["reason"]
        tell(
            server,
            run,
            backend_of(run, {}),
            {n: marked(n, state="succeeded") for n in ("one", "two")},
            state="SUCCEEDED",
            finished_at=END,
        )
        engine.refresh(run_id)
        assert states(engine.store.summary(run_id)) == {"one": "succeeded", "two": "succeeded"}


def test_a_cancelled_run_is_cancelled_although_the_server_forgets_that_it_was_stopped(tmp_path: Path) -> None:
    """A server that is asked to stop a run sets its state, and no history; the run's end replaces the state."""
    history = [{"state": s, "update_time": f"2026-01-01T00:00:0{n}Z"} for n, s in enumerate(("PENDING", "FAILED"))]
    with submitted(tmp_path) as (server, engine, run_id, run):
        assert engine.cancel(run_id)
        run.update(state="FAILED", state_history=history, finished_at=END)
        engine.refresh(run_id)
        assert engine.store.head(run_id)["state"] == "cancelled"
        engine.retry(run_id)
        run.update(state="FAILED", finished_at=END)
        engine.refresh(run_id)
        assert engine.store.head(run_id)["state"] == "failed", "the retried run was not cancelled"


def test_a_run_that_somebody_else_cancels_is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.following.poll_run.EVERY", 0.05)
    with submitted(tmp_path) as (server, engine, run_id, run):
        run.update(state="CANCELING")
        with engine.following(run_id):
            for event in engine.events(run_id):
                if event.data.get("state") == "running":
                    run.update(state="FAILED", finished_at=END)
        assert engine.store.head(run_id)["state"] == "cancelled"


def test_a_run_that_fails_after_it_was_cancelled_and_retried_has_failed() -> None:
    told = [("RUNNING", 1), ("CANCELING", 2), ("FAILED", 3), ("PENDING", 4), ("RUNNING", 5), ("FAILED", 6)]
    history = [{"state": s, "update_time": f"2026-01-01T00:00:0{n}Z"} for s, n in told]
    assert cancelled_at({"state_history": history[:3]}) is not None
    assert cancelled_at({"state_history": history}) is None


def test_a_server_behind_kubernetes_own(tmp_path: Path) -> None:
    server = Server()
    with served(server) as address:
        config = str(kubeconfig(tmp_path, address))
        target = Target("test", "kfp", {"engine": "kfp", "kubeconfig": config, "context": "here", "packages": "none"})
        assert KfpEngine(RunStore(tmp_path / "home"), target).client.multi_user() is False
        assert diagnose(target).state == "ready"


def test_a_run_is_taken_up_with_other_code_from_what_its_steps_left(tmp_path: Path) -> None:
    with submitted(tmp_path) as (server, engine, run_id, run):
        left = {"pack": "minio://mlpipeline/v2/artifacts/p/r/one/1/pack"}
        logs = {"one": marked("one", state="succeeded", left=left), "two": marked("two", state="failed")}
        tell(server, run, backend_of(run, {"two": "Failed"}), logs, state="FAILED", finished_at="2026-01-01T00:00:09Z")
        engine.refresh(run_id)
        mended = pipeline_of(PIPELINE[0], PIPELINE[1], cell("b = a + 2", "step:two", "secret:s:k:TOKEN", "timeout:30m"))
        engine.retry(run_id, pipeline=mended)
        assert states(engine.store.summary(run_id)) == {"one": "succeeded", "two": "pending"}
        again = list(server.runs.values())[1]["pipeline_spec"]["pipeline_spec"]
        json_format.ParseDict(again, pipeline_spec_pb2.PipelineSpec())
        task = again["root"]["dag"]["tasks"]["one"]
        label = again["components"][task["componentRef"]["name"]]["executorLabel"]
        assert again["deploymentSpec"]["executors"][label]["importer"]["artifactUri"] == {"constant": left["pack"]}
        assert again["root"]["dag"]["tasks"]["two"]["dependentTasks"] == ["one"]
        second = list(server.runs.values())[1]
        tell(
            server,
            second,
            backend_of(second, {}),
            {"two": marked("two", state="succeeded")},
            state="SUCCEEDED",
            finished_at=END,
        )
        engine.refresh(run_id)
        assert engine.store.head(run_id)["state"] == "succeeded"
        assert {s["path"]: s["attempts"] for s in engine.store.steps(run_id)} == {"one": 1, "two": 2}
        engine.retry(run_id, "one")
        third = list(server.runs.values())[2]["pipeline_spec"]["pipeline_spec"]
        assert not any("importer" in e for e in third["deploymentSpec"]["executors"].values())


@pytest.mark.parametrize(
    ("cells", "kept"),
    [
        ((PIPELINE[0], PIPELINE[1], cell("# mended\nb = a + 2", "step:two")), {"one"}),
        ((PIPELINE[0], cell("print('a note')", "skip"), PIPELINE[1], cell("b = a + 2", "step:two")), {"one"}),
        ((PIPELINE[0], cell("a = n + 2", "step:one"), PIPELINE[2]), set()),
        ((PIPELINE[0], cell("a = n + 1", "step:one", "image:python:3.12"), PIPELINE[2]), set()),
    ],
)
def test_a_step_is_run_again_for_what_it_does_not_for_where_it_stands(
    tmp_path: Path, cells: tuple[dict[str, Any], ...], kept: set[str]
) -> None:
    with submitted(tmp_path) as (server, engine, run_id, run):
        left = {"pack": "minio://mlpipeline/v2/artifacts/p/r/one/1/pack"}
        logs = {"one": marked("one", state="succeeded", left=left), "two": marked("two", state="failed")}
        tell(server, run, backend_of(run, {"two": "Failed"}), logs, state="FAILED", finished_at=END)
        engine.refresh(run_id)
        engine.retry(run_id, pipeline=pipeline_of(*cells))
        found = states(engine.store.summary(run_id))
        assert {n for n, state in found.items() if state == "succeeded"} == kept


@pytest.mark.parametrize("refused", ["GET /apis/v2beta1/healthz", "POST /apis/v2beta1/runs"])
def test_a_run_that_is_not_taken_again_stands_as_it_stood_and_can_be_taken_up_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    monkeypatch.setattr("kfnb.engines.cluster.clients.rest_client.PAUSES", ())
    with submitted(tmp_path) as (server, engine, run_id, run):
        left = {"pack": "minio://mlpipeline/v2/artifacts/p/r/one/1/pack"}
        logs = {"one": marked("one", state="succeeded", left=left), "two": marked("two", "dying", state="failed")}
        tell(server, run, backend_of(run, {"two": "Failed"}), logs, state="FAILED", finished_at=END)
        engine.refresh(run_id)
        before, stood = engine.store.steps(run_id), engine.store.head(run_id)
        mended = pipeline_of(PIPELINE[0], PIPELINE[1], cell("b = a + 2", "step:two"))
        for _ in range(2):
            server.trouble = [(refused, 503)]
            with pytest.raises(ClusterError, match="upstream connect error"):
                engine.retry(run_id, pipeline=mended)
            engine.refresh(run_id)
            assert engine.store.head(run_id) == stood
            assert engine.store.steps(run_id) == before and len(server.runs) == 1
            assert [line.text for line in engine.store.logs(run_id, "two")] == ["dying"]
        engine.retry(run_id, pipeline=mended)
        head = engine.store.head(run_id)
        assert (head["state"], head["error"], head["finished"]) == ("pending", None, None)
        assert states(engine.store.summary(run_id)) == {"one": "succeeded", "two": "pending"}
        again = list(server.runs.values())[1]["pipeline_spec"]["pipeline_spec"]
        assert [e["importer"]["artifactUri"] for e in again["deploymentSpec"]["executors"].values() if "importer" in e] == [
            {"constant": left["pack"]}
        ]  # fmt: skip


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
        assert states(engine.store.summary(run_id)) == {"one": "pending", "two": "pending"}
        server.runs[remote].update(state="FAILED")
        engine.refresh(run_id)
        elsewhere = replace(pipeline, notebook=str(tmp_path / "the-same.ipynb"))
        engine.retry(run_id, pipeline=elsewhere)
        assert server.actions[-1] == (remote, "retry") and len(server.runs) == 1
        engine.archive(run_id)
        assert server.actions[-1] == (remote, "archive")
        nightly = Schedule("nightly", "nightly", "houses.ipynb", "0 6 * * *", owner="ann")
        assert engine.schedule(pipeline, options(pipeline, tmp_path), nightly) == "r1"
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
        with pytest.raises(ClusterError, match="does not accept your credentials") as caught:
            engine.client.multi_user()
        assert caught.value.kind == "unauthorized"


def test_the_diagnosis_of_a_server_for_many_users(tmp_path: Path) -> None:
    with engine_at(tmp_path, Server(multi_user=True)) as engine:
        found = diagnose(engine.target)
        assert found.state == "refused" and "namespace" in found.lines[0]
    assert diagnose(Target("t", "kfp", {"host": "http://127.0.0.1:9"})).state == "unreachable"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("users-other-namespace", "`eve@example.org` may not list experiments in the namespace team-a of "),
        ("users-viewer-submits", "`vera@example.org` may not create experiments in the namespace team-a of "),
        ("users-no-identity", "does not learn who you are"),
    ],
)
def test_a_server_for_many_users_refuses_in_words(tmp_path: Path, answer: str, words: str) -> None:
    server = Server()
    with engine_at(tmp_path, server, namespace="team-a") as engine:
        pipeline = pipeline_of(*PIPELINE)
        server.answers = [json.loads((RECORDINGS / f"{name}.json").read_text()) for name in ("users-healthz", answer)]
        with pytest.raises(ClusterError, match=words) as caught:
            engine.submit(pipeline, options(pipeline, tmp_path))
        assert "ResourceAttributes" not in str(caught.value) and "header" not in str(caught.value)
        assert caught.value.kind in ("forbidden", "unauthorized")


def test_a_server_for_many_users_needs_a_namespace(tmp_path: Path) -> None:
    with engine_at(tmp_path, Server(multi_user=True)) as engine:
        pipeline = pipeline_of(*PIPELINE)
        with pytest.raises(ClusterError, match="set `namespace` in the target to yours"):
            engine.submit(pipeline, options(pipeline, tmp_path, experiment="mine"))


def test_the_cache_of_a_run_is_that_of_its_command(tmp_path: Path) -> None:
    server = Server()
    with engine_at(tmp_path, server) as engine:
        pipeline = pipeline_of(
            *PIPELINE, cell("print(1)", "step:three", "cache:off"), cell("print(2)", "step:leave", "exit")
        )
        for cache in (False, True):
            engine.submit(pipeline, options(pipeline, tmp_path, cache=cache))
        plain, cached = (r["pipeline_spec"].get("pipeline_spec", r["pipeline_spec"]) for r in server.runs.values())
        assert "cachingOptions" not in json.dumps(plain)
        dags = [c["dag"]["tasks"] for c in (cached["root"], *cached["components"].values()) if "dag" in c]
        assert {n for tasks in dags for n, t in tasks.items() if "cachingOptions" in t} == {"one", "two"}
