"""The Argo engine against an API server that answers as a real one, with a controller that really runs the steps."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kfnb.client.run_object import Run
from kfnb.engines.argo.argo_engine import ArgoEngine
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import connect
from kfnb.engines.cluster.following.follow_thread import FOLLOW_LOCK
from kfnb.engines.cluster.targets.connection import Connection
from kfnb.engines.cluster.targets.targets import Target
from kfnb.engines.engine_interface import RunOptions
from kfnb.pipeline.model import Pipeline
from kfnb.reports import write
from kfnb.runs.record.file_lock import is_held
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.run_environment import recorded_environment
from tests.cluster.argo import Pods
from tests.cluster.argo_server import argo_served
from tests.cluster.controller import Controller
from tests.cluster.kube_api import Cluster, PodLog, kubeconfig, served
from tests.images.package_index import PackageIndex, environment
from tests.notebooks import cell
from tests.running import pipeline_of, states, wait_for

THREE = (
    cell("print('one')\na = 1", "step:one"),
    cell("print('two')\nb = a + 1", "step:two"),
    cell("print('three', a + b)", "step:three"),
)


@contextmanager
def engine_at(
    folder: Path, cluster: Cluster, token: str = "good", namespace: str = "default", **more: Any
) -> Iterator[ArgoEngine]:
    with served(cluster) as server:
        settings = {
            "engine": "argo",
            "kubeconfig": str(kubeconfig(folder, server, token, namespace)),
            "packages": "none",
            **more,
        }
        yield ArgoEngine(RunStore(folder / "home"), Target("test", "argo", settings))


def options(pipeline: Pipeline, folder: Path) -> RunOptions:
    return RunOptions({p.name: p.default for p in pipeline.parameters}, folder=str(folder))


def finished(engine: ArgoEngine, run_id: str) -> dict[str, Any]:
    for _ in engine.events(run_id):
        pass
    return engine.store.summary(run_id)


def printed(engine: ArgoEngine, run_id: str, path: str) -> list[str]:
    return [line.text for line in engine.store.logs(run_id, path)]


@pytest.mark.parametrize("pack", ["plain", "gzip", "zstd", "brotli"])
def test_a_run_stands_in_the_record_with_its_logs_and_values(tmp_path: Path, cluster: Pods, pack: str) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster, pack).at_work():
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        summary = finished(engine, run_id)
        assert summary["state"] == "succeeded" and set(states(summary).values()) == {"succeeded"}
        assert printed(engine, run_id, "three") == ["three 3"]
        assert engine.store.value(run_id, "two", "b") == 2
        recorded = recorded_environment(engine.store.folder(run_id))
        assert recorded is not None and not recorded.packages and sys.version.startswith(recorded.python)


def test_a_failure_says_its_cell_and_line(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        pipeline = pipeline_of(
            cell("a = 1", "step:one"), cell("x = a\nx / 0", "step:two"), cell("print(x)", "step:three")
        )
        summary = finished(engine, engine.submit(pipeline, options(pipeline, tmp_path)))
        assert summary["state"] == "failed" and states(summary) == {
            "one": "succeeded",
            "two": "failed",
            "three": "omitted",
        }
        assert (summary["error"]["type"], summary["error"]["cell"], summary["error"]["line"]) == (
            "ZeroDivisionError",
            2,
            2,
        )
        report = json.loads(write(summary["run"], tmp_path / "report.ipynb", engine.store.home).read_text("utf-8"))
        (error,) = [o for c in report["cells"] for o in c.get("outputs", []) if o["output_type"] == "error"]
        assert error["ename"] == "ZeroDivisionError" and 'File "<cell 2>", line 2' in "".join(error["traceback"])
        assert "<td>argo, target test</td>" in report["cells"][0]["source"]


def test_who_waits_for_a_run_that_cannot_be_followed_is_told(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        pipeline = pipeline_of(cell("a = 20", "step:one"))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        file = engine.store.folder(run_id) / "options.json"
        file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "of_a_newer_kfnb": 1}), encoding="utf-8")
        with pytest.raises(TypeError, match="of_a_newer_kfnb"):
            finished(engine, run_id)
        with pytest.raises(TypeError, match="of_a_newer_kfnb"):
            asyncio.run(asyncio.wait_for(Run(run_id, tmp_path / "home").wait_async(check=False), 30))


def test_retry_takes_up_what_succeeded(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        broken = pipeline_of(cell("a = 20\nprint('made')", "step:one"), cell("b = a / 0", "step:two"))
        run_id = engine.submit(broken, options(broken, tmp_path))
        assert finished(engine, run_id)["state"] == "failed"
        mended = pipeline_of(cell("a = 20\nprint('made')", "step:one"), cell("b = a / 4", "step:two"))
        engine.retry(run_id, pipeline=mended)
        summary = finished(engine, run_id)
        assert summary["state"] == "succeeded" and engine.store.value(run_id, "two", "b") == 5.0
        second = kube.objects["workflows", "default", kube.created[1]]
        tasks = [t["name"] for t in next(t for t in second["spec"]["templates"] if t["name"] == "main")["dag"]["tasks"]]
        assert tasks == ["two"]


def test_who_follows_a_run_that_ends_follows_its_retry_too(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        broken, mended = (pipeline_of(cell(f"a = 20 / {n}", "step:one")) for n in (0, 4))
        run_id = engine.submit(broken, options(broken, tmp_path))
        with engine.following(run_id):
            wait_for(lambda: engine.store.state(run_id) == "failed")
            wait_for(lambda: not is_held(engine.store.folder(run_id) / FOLLOW_LOCK))
            engine.retry(run_id, pipeline=mended)
            wait_for(lambda: engine.store.state(run_id) == "succeeded")


@pytest.mark.parametrize("refused", ["GET /apis/argoproj.io", "POST /apis/argoproj.io"])
def test_a_run_that_is_not_taken_again_stands_as_it_stood_and_can_be_taken_up_later(
    tmp_path: Path, cluster: Pods, refused: str
) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        broken = pipeline_of(cell("a = 20", "step:one"), cell("b = a / 0\nprint(b)", "step:two"))
        run_id = engine.submit(broken, options(broken, tmp_path))
        finished(engine, run_id)
        before, stood = engine.store.steps(run_id), engine.store.head(run_id)
        mended = pipeline_of(cell("a = 20", "step:one"), cell("b = a / 4", "step:two"))
        for _ in range(2):
            kube.trouble += [(refused, 503)]
            with pytest.raises(ClusterError, match="unable to handle the request"):
                engine.retry(run_id, pipeline=mended)
            engine.refresh(run_id)
            assert engine.store.head(run_id) == stood
            assert engine.store.steps(run_id) == before and len(kube.created) == 1
            assert "ZeroDivisionError" in printed(engine, run_id, "two")[-1]
            assert engine.store.value(run_id, "one", "a") == 20
        engine.retry(run_id, pipeline=mended)
        summary = finished(engine, run_id)
        assert summary["state"] == "succeeded" and engine.store.value(run_id, "two", "b") == 5.0
        assert {s["path"]: s["attempts"] for s in engine.store.steps(run_id)} == {"one": 1, "two": 2}


def test_a_run_that_succeeded_stays_so_when_it_is_not_taken_again_and_two_retries_submit_one_workflow(
    tmp_path: Path, cluster: Pods
) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        pipeline = pipeline_of(cell("a = 20", "step:one"))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        finished(engine, run_id)
        stood = engine.store.summary(run_id)
        kube.trouble += [("POST /apis/argoproj.io", 503)]
        with pytest.raises(ClusterError):
            engine.retry(run_id, "one")
        assert engine.store.summary(run_id) == stood and stood["state"] == "succeeded"

        def retry() -> str:
            other = ArgoEngine(RunStore(engine.store.home), engine.target)
            try:
                return other.retry(run_id, "one")
            except UnknownRun as error:
                return str(error)

        with ThreadPoolExecutor(2) as pool:
            answers = sorted(f.result() for f in [pool.submit(retry) for _ in range(2)])
        assert answers[0] == run_id and "has not ended" in answers[1] and len(kube.created) == 2
        assert finished(engine, run_id)["state"] == "succeeded"


@pytest.mark.parametrize("trouble", [429, 500, 503, 0])
def test_a_server_in_trouble_is_asked_again(tmp_path: Path, cluster: Pods, trouble: int) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, Controller(kube, cluster).at_work():
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        kube.trouble += [("GET /apis/argoproj.io", trouble)] * 2
        assert finished(engine, run_id)["state"] == "succeeded"
        assert not kube.trouble


def test_broken_and_outdated_watches_lose_nothing(tmp_path: Path) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (name,) = kube.created
        seen: list[str] = []

        def watch() -> None:
            # SQLite's connections belong to their threads
            for event in ArgoEngine(RunStore(engine.store.home), engine.target).events(run_id):
                if event.kind == "step":
                    seen.append(f"{event.data['path']} {event.data['state']}")

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        for step in ("one", "two", "three"):
            node = {
                "id": step,
                "name": f"{name}.{step}",
                "displayName": step,
                "type": "Pod",
                "phase": "Running",
                "startedAt": "2026-01-01T00:00:00Z",
            }
            with kube.changed:
                kube.pods[f"pod-{step}"] = {
                    "metadata": {
                        "name": f"pod-{step}",
                        "annotations": {"workflows.argoproj.io/node-id": step},
                        "labels": {"workflows.argoproj.io/workflow": name},
                    }
                }
                kube.logs[f"pod-{step}"] = PodLog()
            kube.update(name, {"status": {"phase": "Running", "nodes": {step: node}}})
            kube.say(f"pod-{step}", f"hello from {step}")
            kube.drop()
            kube.forget()
            kube.say(f"pod-{step}", "and more", ended=True)
            kube.update(
                name, {"status": {"nodes": {step: {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:01Z"}}}}
            )
        kube.update(name, {"status": {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:02Z"}})
        thread.join(30)
        assert not thread.is_alive()
        ends = [s for s in seen if s.endswith("succeeded")]
        assert sorted(ends) == ["one succeeded", "three succeeded", "two succeeded"]
        for step in ("one", "two", "three"):
            assert printed(engine, run_id, step) == [f"hello from {step}", "and more"]


def test_nodes_in_the_controllers_database_are_told_by_the_pods(tmp_path: Path) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(cell("print(1)", "step:one"), cell("%%component each --foreach 'i in [5, 6]'\nprint(i)"))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (name,) = kube.created
        label = {"workflows.argoproj.io/workflow": name}
        for pod, node, phase in (
            ("p1", f"{name}.one", "Succeeded"),
            ("p2", f"{name}.foreach-each(1:a.(b).c).each", "Failed"),
        ):
            notes = {"workflows.argoproj.io/node-id": pod, "workflows.argoproj.io/node-name": node}
            kube.pods[pod] = {
                "metadata": {"name": pod, "annotations": notes, "labels": label},
                "status": {"phase": phase},
            }
            kube.say(pod, "printed", ended=True)
        kube.update(
            name,
            {"status": {"phase": "Failed", "finishedAt": "2026-01-01T00:00:02Z", "offloadNodeStatusVersion": "fnv:1"}},
        )
        finished(engine, run_id)
        found = {s["path"]: s["state"] for s in engine.store.steps(run_id)}
        assert found == {"one": "succeeded", "each[1]": "failed"} and printed(engine, run_id, "one") == ["printed"]


def test_argos_own_server_has_what_was_offloaded_and_what_was_archived(tmp_path: Path) -> None:
    kube = Cluster()
    answers: dict[str, Any] = {}
    with argo_served(answers) as server, engine_at(tmp_path, kube, server=server, server_token="kubeconfig") as engine:
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (name,) = kube.created
        uid = kube.objects["workflows", "default", name]["metadata"]["uid"]

        def nodes(*states: str) -> dict[str, Any]:
            return {
                f"{name}-{n}": {"id": f"{name}-{n}", "name": f"{name}.{step}", "displayName": step, "type": "Pod", "phase": phase}
                for n, (step, phase) in enumerate(zip(("one", "two", "three"), states, strict=False))
            }  # fmt: skip

        workflow = {"metadata": {"name": name, "resourceVersion": "7"}, "status": {"phase": "Running"}}
        workflow["status"]["nodes"] = nodes("Succeeded", "Running")
        answers[f"/api/v1/workflows/default/{name}"] = workflow
        kube.update(name, {"status": {"phase": "Running", "offloadNodeStatusVersion": "fnv:1"}})
        engine.refresh(run_id)
        assert states(engine.store.summary(run_id)) == {"one": "succeeded", "two": "running", "three": "pending"}

        del answers[f"/api/v1/workflows/default/{name}"]
        kube.put("workflows", "default", kube.objects["workflows", "default", name], "DELETED")
        workflow["status"] = {
            "phase": "Failed",
            "finishedAt": "2026-01-01T00:00:02Z",
            "nodes": nodes("Succeeded", "Failed"),
        }
        answers[f"/api/v1/archived-workflows/{uid}"] = workflow
        answers[f"/artifact-files/default/archived-workflows/{uid}/{name}-1/outputs/main-logs"] = "first\nsecond\n"
        engine.refresh(run_id)
        summary = engine.store.summary(run_id)
        assert states(summary) == {"one": "succeeded", "two": "failed", "three": "omitted"}
        assert printed(engine, run_id, "two") == ["first", "second"]


def test_an_archive_that_does_not_let_one_in_is_said(tmp_path: Path) -> None:
    kube = Cluster()
    with (
        argo_served({}, token="other") as server,
        engine_at(tmp_path, kube, server=server, server_token="kubeconfig") as engine,
    ):
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (name,) = kube.created
        kube.put("workflows", "default", kube.objects["workflows", "default", name], "DELETED")
        with pytest.raises(ClusterError, match="does not accept your credentials"):
            engine.refresh(run_id)
        assert engine.store.head(run_id)["state"] == "pending"


def test_an_evicted_pod_is_said_and_has_no_log(tmp_path: Path) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (name,) = kube.created
        node = {
            "id": "n",
            "name": f"{name}.one",
            "displayName": "one",
            "type": "Pod",
            "phase": "Failed",
            "message": "The node was low on resource: memory.",
        }
        kube.update(name, {"status": {"phase": "Failed", "finishedAt": "2026-01-01T00:00:02Z", "nodes": {"n": node}}})
        summary = finished(engine, run_id)
        assert states(summary) == {"one": "failed", "two": "omitted", "three": "omitted"}
        assert summary["error"]["message"] == "its node evicted it: The node was low on resource: memory."


def test_a_log_is_waited_for_until_its_container_starts(tmp_path: Path) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (name,) = kube.created
        node = {
            "id": "n",
            "name": f"{name}.one",
            "displayName": "one",
            "type": "Pod",
            "phase": "Running",
            "startedAt": "2026-01-01T00:00:00Z",
        }
        kube.update(name, {"status": {"phase": "Running", "nodes": {"n": node}}})
        lines = engine.logs(run_id, "one", follow=True)
        pod = {
            "metadata": {
                "name": "p",
                "annotations": {"workflows.argoproj.io/node-id": "n"},
                "labels": {"workflows.argoproj.io/workflow": name},
            }
        }
        asked = len(kube.requests)

        def start() -> None:
            wait_for(lambda: len(kube.requests) > asked)  # for a pod that is not there yet
            kube.pods["p"] = pod
            wait_for(lambda: sum("/log" in path for _, path in kube.requests) > 1, 60)
            kube.say("p", "at last")

        threading.Thread(target=start, daemon=True).start()
        assert next(iter(lines)).text == "at last"
        assert sum("/log" in path for _, path in kube.requests) > 1
        lines.close()  # type: ignore[attr-defined]


def test_what_a_running_step_has_printed_can_be_read_without_following_it(tmp_path: Path) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (name,) = kube.created
        node = {"id": "n", "name": f"{name}.one", "displayName": "one", "type": "Pod", "phase": "Running"}
        annotations = {"workflows.argoproj.io/node-id": "n"}
        labels = {"workflows.argoproj.io/workflow": name}
        kube.pods["p"] = {"metadata": {"name": "p", "annotations": annotations, "labels": labels}}
        kube.update(name, {"status": {"phase": "Running", "nodes": {"n": node}}})
        kube.say("p", "so far")
        assert [line.text for line in engine.logs(run_id, "one")] == ["so far"]
        kube.say("p", "and further")
        kube.logs["p"].lines.append("unable to retrieve container logs for containerd://c844a86138440faa")
        assert [line.text for line in engine.logs(run_id, "one")] == ["so far", "and further"]


def test_cancel_stops_and_then_terminates(tmp_path: Path) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (name,) = kube.created
        assert engine.cancel(run_id) and kube.objects["workflows", "default", name]["spec"]["shutdown"] == "Stop"
        assert engine.cancel(run_id) and kube.objects["workflows", "default", name]["spec"]["shutdown"] == "Terminate"
        kube.update(name, {"status": {"phase": "Failed", "finishedAt": "2026-01-01T00:00:02Z"}})
        assert finished(engine, run_id)["state"] == "cancelled" and not engine.cancel(run_id)


def test_a_deleted_workflow_ends_the_run(tmp_path: Path) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        kube.put("workflows", "default", kube.objects["workflows", "default", kube.created[0]], "DELETED")
        summary = finished(engine, run_id)
        assert summary["state"] == "failed" and "no longer there" in summary["error"]["message"]


@pytest.mark.parametrize(
    ("token", "namespace", "installed", "kind", "words"),
    [
        ("wrong", "default", True, "unauthorized", "does not accept your credentials"),
        ("viewer", "default", True, "forbidden", 'cannot create resource "workflows"'),
        ("good", "nowhere", True, "missing", 'namespaces "nowhere" not found'),
        ("good", "default", False, "missing", "does not have Argo Workflows"),
    ],
)
def test_what_stands_in_the_way_is_said(
    tmp_path: Path, token: str, namespace: str, installed: bool, kind: str, words: str
) -> None:
    with engine_at(tmp_path, Cluster(installed=installed), token, namespace) as engine:
        pipeline = pipeline_of(*THREE)
        with pytest.raises(ClusterError, match=words) as caught:
            engine.submit(pipeline, options(pipeline, tmp_path))
        assert caught.value.kind == kind


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    connection = Connection(kubeconfig=str(kubeconfig(tmp_path, "http://127.0.0.1:9")))
    with pytest.raises(ClusterError, match="cannot be reached") as caught:
        connect(connection).version()
    assert caught.value.kind == "unreachable"


def test_the_server_may_choose_a_name_that_is_taken(tmp_path: Path) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(*THREE)
        kube.trouble += [("POST /apis/argoproj.io/v1alpha1/namespaces/default/workflows", 409)] * 2
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        assert not kube.trouble
        assert [w["metadata"]["labels"]["kfnb.dev/run"] for w in kube.objects.values()] == [run_id]


FOLLOW = """
import sys
from pathlib import Path
from kfnb.engines.open_engine import engine_of
from kfnb.engines.follow_record import follow_all_logs
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
store = RunStore(Path(sys.argv[1]))
for path, line in follow_all_logs(engine_of(store, sys.argv[2]), sys.argv[2]):
    print(path, line.text, flush=True)
"""


def test_following_is_taken_up_by_another_process(tmp_path: Path) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (name,) = kube.created
        with kube.changed:
            kube.pods["p"] = {
                "metadata": {
                    "name": "p",
                    "annotations": {"workflows.argoproj.io/node-id": "n"},
                    "labels": {"workflows.argoproj.io/workflow": name},
                }
            }
            kube.logs["p"] = PodLog()
        node = {
            "id": "n",
            "name": f"{name}.one",
            "displayName": "one",
            "type": "Pod",
            "phase": "Running",
            "startedAt": "2026-01-01T00:00:00Z",
        }
        kube.update(name, {"status": {"phase": "Running", "nodes": {"n": node}}})
        command = [sys.executable, "-c", FOLLOW, str(engine.store.home), run_id]
        first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
        kube.say("p", *(f"line {n}" for n in range(100)))
        assert first.stdout is not None
        assert [first.stdout.readline().strip() for _ in range(60)] == [f"one line {n}" for n in range(60)]
        first.kill()
        first.wait()
        kube.say("p", *(f"line {n}" for n in range(100, 200)))
        second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
        kube.say("p", *(f"line {n}" for n in range(200, 250)), ended=True)
        kube.update(
            name,
            {
                "status": {
                    "phase": "Succeeded",
                    "finishedAt": "2026-01-01T00:00:02Z",
                    "nodes": {"n": {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:01Z"}},
                }
            },
        )
        text, _ = second.communicate(timeout=40)
        assert text.split("\n")[:-1] == [f"one line {n}" for n in range(250)]


def test_fifty_runs_are_followed_at_once(tmp_path: Path) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(*THREE)
        runs = [engine.submit(pipeline, options(pipeline, tmp_path)) for _ in range(50)]
        ended: list[str] = []

        def follow(run_id: str) -> None:
            mine = ArgoEngine(RunStore(engine.store.home), engine.target)
            if finished(mine, run_id)["state"] == "succeeded":
                ended.append(run_id)

        threads = [threading.Thread(target=follow, args=(r,), daemon=True) for r in runs]
        for thread in threads:
            thread.start()
        for name in kube.created:
            nodes = {
                f"{name}-{s}": {
                    "id": f"{name}-{s}",
                    "name": f"{name}.{s}",
                    "displayName": s,
                    "type": "Skipped",
                    "phase": "Skipped",
                }
                for s in ("one", "two", "three")
            }
            kube.update(name, {"status": {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:02Z", "nodes": nodes}})
        for thread in threads:
            thread.join(60)
        assert sorted(ended) == sorted(runs)


def test_steps_get_the_packages_and_the_python_of_the_notebooks_kernel(tmp_path: Path) -> None:
    engine = ArgoEngine(RunStore(tmp_path / "home"), Target("there", "argo", {}))
    pipeline = pipeline_of(cell("import frames\na = frames", "step:a"))
    python = environment(tmp_path / "kernel", PackageIndex(tmp_path / "index").add("frames", "1.5"))
    options = RunOptions(python=python, folder=str(tmp_path))
    assert engine.check(pipeline, options) == []
    compiled = engine.compile_run(pipeline, options)
    assert compiled.requirements.packages == {"a": ("frames==1.5",)}
    assert compiled.requirements.versions() == {"frames": "1.5"}
    assert f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim" in json.dumps(compiled.documents)


def test_a_kernel_that_does_not_say_what_it_has_is_warned_of(tmp_path: Path) -> None:
    engine = ArgoEngine(RunStore(tmp_path / "home"), Target("there", "argo", {}))
    pipeline = pipeline_of(cell("a = 1", "step:a"))
    (problem,) = engine.check(pipeline, RunOptions(python="/opt/other/bin/python", folder=str(tmp_path)))
    assert problem.code == "KF708" and "/opt/other/bin/python" in problem.message
    assert engine.check(pipeline, RunOptions(folder=str(tmp_path))) == []


def test_a_submission_says_once_that_a_step_is_pending(tmp_path: Path) -> None:
    with engine_at(tmp_path, Cluster()) as engine:
        pipeline = pipeline_of(*THREE)
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        told = [
            e.data["path"] for e in engine.store.events(run_id) if e.data.get("state") == "pending" and "path" in e.data
        ]
        assert told == ["one", "two", "three"]
