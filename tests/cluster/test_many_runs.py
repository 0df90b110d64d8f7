"""How much a process asks of an API server that follows many runs, and what it misses when the server, the controller or itself begin again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from kfnb.engines.argo.argo_engine import ArgoEngine
from kfnb.runs.record.run_store import RunStore
from kfnb.states import FINAL
from tests.cluster.kube_api import Cluster, PodLog
from tests.cluster.test_argo_engine import FOLLOW, engine_at, options
from tests.notebooks import cell
from tests.running import pipeline_of, wait_for

RUNS, ITEMS = 50, 20
REPORT = '::kfnb {"step": "each", "state": "succeeded"}'
Json = dict[str, Any]


def pod_node(name: str, path: str, number: int, phase: str) -> tuple[Json, Json]:
    """A node of a loop's iteration, and its pod."""
    id_ = f"{name}-{path}-{number}"
    task = f"foreach-each({number}:{number})"
    node = {
        "id": id_, "name": f"{name}.{task}.each", "displayName": "each", "type": "Pod", "phase": phase, "boundaryID": f"{name}-{task}",
        "startedAt": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    meta = {
        "name": id_, "annotations": {"workflows.argoproj.io/node-id": id_},
        "labels": {"workflows.argoproj.io/workflow": name, "workflows.argoproj.io/completed": "false"},
    }  # fmt: skip
    return node, {"metadata": meta, "spec": {"nodeName": "node1"}, "status": {"phase": phase}}


def state_of(name: str, phase: str, items: int = ITEMS) -> tuple[Json, list[Json]]:
    """All nodes of a run whose iterations are in one phase, and their pods."""
    nodes: Json = {}
    pods = []
    for number in range(items):
        node, pod = pod_node(name, "each", number, phase)
        task = f"foreach-each({number}:{number})"
        nodes[f"{name}-{task}"] = {
            "id": f"{name}-{task}", "name": f"{name}.{task}", "displayName": task, "type": "DAG", "phase": phase,
        }  # fmt: skip
        nodes[node["id"]] = node
        pods.append(pod)
    return nodes, pods


def test_fifty_runs_with_a_thousand_pods_need_one_watch_for_each_kind(tmp_path: Path) -> None:
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine, ExitStack() as stack:
        pipeline = pipeline_of(cell(f"%%component each --foreach 'i in {list(range(ITEMS))}'\nprint(i)"))
        runs = [engine.submit(pipeline, options(pipeline, tmp_path)) for _ in range(RUNS)]
        kube.requests.clear()
        for run in runs:
            stack.enter_context(ArgoEngine(RunStore(engine.store.home), engine.target).following(run))
        for phase in ("Pending", "Running", "Succeeded"):
            for name in kube.created:
                nodes, pods = state_of(name, phase)
                with kube.changed:
                    for pod in pods:
                        kube.pods[pod["metadata"]["name"]] = pod
                        if phase == "Running":
                            kube.logs.setdefault(pod["metadata"]["name"], PodLog())
                        elif phase == "Succeeded":
                            kube.say(pod["metadata"]["name"], "printed", REPORT, ended=True)
                status = {"phase": "Running", "startedAt": "2026-01-01T00:00:00Z", "nodes": nodes}
                if phase == "Succeeded":
                    status |= {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:09Z"}
                kube.update(name, {"status": status})
        waiting = threading.Event()
        for _ in range(1200):
            if all(engine.store.head(run)["state"] in FINAL for run in runs):
                break
            waiting.wait(0.1)
        assert {engine.store.head(run)["state"] for run in runs} == {"succeeded"}
        steps = [s for run in runs for s in engine.store.steps(run)]
        assert len(steps) == RUNS * ITEMS and {s["state"] for s in steps} == {"succeeded"}
    asked = Counter(kind_of(method, path) for method, path in kube.requests)
    assert asked["watch workflows"] == asked["watch pods"] == asked["watch events"] == 1, asked
    assert asked["list workflows"] == asked["list pods"] == asked["list events"] == 1, asked
    assert asked["get workflows"] <= 2 * RUNS, "once at the beginning of each run, and once at its end"
    assert asked["log"] <= RUNS * ITEMS + RUNS, "one log for each pod"
    assert asked["list pods of a run"] <= RUNS, asked
    known = ("watch", "list workflows", "list pods", "list events", "get workflows", "log")
    assert not [k for k in asked if not k.startswith(known)], asked


FEW_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
"""


def test_more_pods_run_at_once_than_the_process_may_have_files_open(tmp_path: Path) -> None:
    """Some logs are followed, the others wait; those of pods that have ended are read, so that none is missing."""
    kube, items = Cluster(), 150
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(cell(f"%%component each --foreach 'i in {list(range(items))}'\nprint(i)"))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (name,) = kube.created
        command = [sys.executable, "-c", FEW_FILES + FOLLOW, str(engine.store.home), run_id]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
            assert follower.stdout is not None
            nodes, pods = state_of(name, "Running", items)
            for pod in pods:
                kube.put_pod(pod)
                kube.say(pod["metadata"]["name"], "first")
            status = {"phase": "Running", "startedAt": "2026-01-01T00:00:00Z", "nodes": nodes}
            kube.update(name, {"status": status})
            heard = [follower.stdout.readline()]
            wait_for(lambda: Counter(s["state"] for s in engine.store.steps(run_id)) == {"running": items})
            for pod in pods:
                kube.say(pod["metadata"]["name"], "second", REPORT, ended=True)
            nodes, _ = state_of(name, "Succeeded", items)
            end = {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:09Z", "nodes": nodes}
            kube.update(name, {"status": status | end})
            heard += follower.stdout.readlines()
        assert Counter(heard) == Counter(f"each[{n}] {word}\n" for n in range(items) for word in ("first", "second"))
        assert engine.store.head(run_id)["state"] == "succeeded"


def kind_of(method: str, path: str) -> str:
    url = urlparse(path)
    query = {k: v[0] for k, v in parse_qs(url.query).items()}
    *_, last = url.path.split("/")
    if last == "log":
        return "log"
    if last in ("workflows", "pods", "events"):
        if query.get("watch") == "true":
            return f"watch {last}"
        is_one = query.get("labelSelector", "").startswith("workflows.argoproj.io/workflow=")
        return f"list {last}{' of a run' if is_one else ''}"
    return f"{method.lower()} {url.path.split('/')[-2]}"


def test_a_log_is_whole_although_server_controller_and_follower_begin_again(tmp_path: Path) -> None:
    """As in the middle of a run: every connection breaks, old versions are gone, requests fail, and the process that follows is killed."""
    kube = Cluster()
    with engine_at(tmp_path, kube) as engine:
        pipeline = pipeline_of(cell("a = 1", "step:one"), cell("print(a)", "step:two"))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (name,) = kube.created
        said: dict[str, int] = {"one": 0, "two": 0}

        def node(step: str, phase: str) -> None:
            node = {
                "id": step, "name": f"{name}.{step}", "displayName": step, "type": "Pod", "phase": phase,
                "startedAt": "2026-01-01T00:00:00Z",
            }  # fmt: skip
            kube.update(name, {"status": {"phase": "Running", "nodes": {step: node}}})

        def pod(step: str) -> None:
            meta = {
                "name": f"pod-{step}", "annotations": {"workflows.argoproj.io/node-id": step},
                "labels": {"workflows.argoproj.io/workflow": name},
            }  # fmt: skip
            kube.put_pod({"metadata": meta, "status": {"phase": "Running"}})

        def say(step: str, count: int, ended: bool = False) -> None:
            kube.say(f"pod-{step}", *(f"{step} {said[step] + n}" for n in range(count)), ended=ended)
            said[step] += count

        def restart_server() -> None:
            kube.trouble += [("GET /", status) for status in (0, 503, 0, 500, 429)]
            kube.drop()
            kube.forget()
            for snapshots in kube.seen.values():
                snapshots.by_version.clear()

        command = [sys.executable, "-c", FOLLOW, str(engine.store.home), run_id]
        first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
        assert first.stdout is not None
        pod("one")
        node("one", "Running")
        say("one", 40)
        heard = [first.stdout.readline().strip() for _ in range(20)]
        restart_server()
        say("one", 40)
        heard += [first.stdout.readline().strip() for _ in range(40)]
        first.kill()
        first.wait()
        assert heard == [f"one one {n}" for n in range(60)]
        restart_server()
        say("one", 20, ended=True)
        second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
        # The controller was away when the pod ended: it hears of it late, and begins the next step.
        node("one", "Succeeded")
        pod("two")
        node("two", "Running")
        say("two", 30)
        restart_server()
        say("two", 30, ended=True)
        node("two", "Succeeded")
        kube.update(name, {"status": {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:02Z"}})
        text, _ = second.communicate(timeout=60)
        lines = text.split("\n")[:-1]
        assert [t for t in lines if t.startswith("one")] == [f"one one {n}" for n in range(100)]
        assert [t for t in lines if t.startswith("two")] == [f"two two {n}" for n in range(60)]
        assert engine.store.head(run_id)["state"] == "succeeded"
