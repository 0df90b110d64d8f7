"""What a real server of Kubeflow Pipelines 2.17 answered is read as it was meant: its errors, and the task details of its runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.kfp.following.task_tree import nodes_from_details
from kfnb.engines.kfp.kfp_client import KfpClient
from kfnb.notebook import read_notebook
from kfnb.pipeline.build.build_pipeline import build
from kfnb.pipeline.model import Pipeline
from kfnb.runs.attempt_pod import noted_pod
from tests.cluster.kfp_api import Server
from tests.cluster.test_kfp_engine import engine_at, options
from tests.cluster.test_kfp_nodes import GREETINGS, STATUS_OF_EACH
from tests.notebooks import cell
from tests.running import pipeline_of, states

DATA = Path(__file__).parents[1] / "data" / "recordings" / "kfp"
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
RUNS = sorted(p.stem for p in DATA.glob("run-*.json") if "task_details" in p.read_text())


def recorded(name: str) -> dict[str, Any]:
    exchange: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return exchange


def error_of(folder: Path, name: str, ask: Callable[[KfpClient], Any]) -> ClusterError:
    """The error that a recorded answer becomes."""
    with engine_at(folder, Server(answers=[recorded(name)])) as engine, pytest.raises(ClusterError) as caught:
        ask(engine.client)
    return caught.value


@pytest.mark.parametrize(
    ("name", "ask", "kind", "words"),
    [
        ("run-missing", lambda c: c.run("00000000-0000-0000-0000-000000000000"), "missing", "not found"),
        ("run-bad-spec", lambda c: c.create_run({}), "refused", "could not do it: .*pipeline spec is invalid"),
        ("run-bad-json", lambda c: c.create_run({}), "refused", "proto"),
        ("run-bad-experiment", lambda c: c.create_run({}), "missing", "not found"),
        ("recurring-bad-cron", lambda c: c.create_recurring_run({}), "refused", "cron"),
        ("retry-succeeded", lambda c: c.act("a8269c1b-3d9f-4db9-9cac-d4d4a77ba59b", "retry"), "conflict", "must be Failed"),
        ("terminate-finished", lambda c: c.act("a8269c1b-3d9f-4db9-9cac-d4d4a77ba59b", "terminate"), "refused", "Row not found"),
        ("log-200-with-error", lambda c: c.log("a8269c1b-3d9f-4db9-9cac-d4d4a77ba59b", "nothing-here"), "missing", "no log of this step: .*NoSuchKey"),
    ],
)  # fmt: skip
def test_a_recorded_error_says_what_happened(
    tmp_path: Path, name: str, ask: Callable[[KfpClient], Any], kind: str, words: str
) -> None:
    error = error_of(tmp_path, name, ask)
    assert error.kind == kind and "is busy" not in str(error)
    with pytest.raises(ClusterError, match=words):
        raise error


def test_a_log_that_the_server_could_not_read_to_its_end_is_an_error_too(tmp_path: Path) -> None:
    exchange = recorded("log-200-with-error")
    broken = {**exchange, "answer": "half of a line" + json.dumps(exchange["answer"], separators=(",", ":"))}
    printed = {**exchange, "answer": json.dumps({"error_message": "mine"}, separators=(",", ":")) + "\n"}
    with engine_at(tmp_path, Server(answers=[broken, printed])) as engine:
        with pytest.raises(ClusterError, match="no log of this step"):
            engine.client.log("a8269c1b-3d9f-4db9-9cac-d4d4a77ba59b", "nothing-here")
        assert engine.client.log("a8269c1b-3d9f-4db9-9cac-d4d4a77ba59b", "nothing-here") == '{"error_message":"mine"}\n'


@pytest.mark.parametrize("name", RUNS)
def test_every_recorded_task_finds_its_place(name: str) -> None:
    details = recorded(name)["answer"]["run_details"]["task_details"]
    names = {d["display_name"] for d in details}
    steps = {n for n in names if f"{n}-driver" in names and n not in ("root", "iteration-item", "exit")}
    steps -= {n for n in steps if n.startswith(("if-", "foreach-", "try"))}
    nodes = nodes_from_details(details, steps)
    assert len(nodes) == len(details)
    assert sorted(n["displayName"] for n in nodes.values()) == sorted(d["display_name"] for d in details)


def told(tmp_path: Path, name: str, pipeline: Pipeline, pod_of: str = "") -> dict[str, Any]:
    """The summary of a run of a pipeline whose server tells what was recorded, and the pod of a step. No log of a step was kept."""
    server = Server()
    with engine_at(tmp_path, server) as engine:
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (run,) = server.runs.values()
        run.update({k: v for k, v in recorded(name)["answer"].items() if k != "run_id"})
        engine.refresh(run_id)
        pod = noted_pod(engine.store.attempt_folder(run_id, pod_of, 1)) if pod_of else None
        return {**engine.store.summary(run_id), "pod": pod}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.following.poll_run.LOG_PATIENCE", 0.0)


def test_a_recorded_failure_and_its_handler(tmp_path: Path) -> None:
    cells = [
        cell("a = 1", "step:good"), cell("b = a / 0", "step:bad"), cell("print(a)", "step:side"), cell("print(b)", "step:next"),
        cell("print('bye')", "step:bye", "exit"),
    ]  # fmt: skip
    summary = told(tmp_path, "run-step-failed", pipeline_of(*cells), pod_of="bad")
    assert summary["state"] == "failed" and summary["error"]["step"] == "bad"
    assert states(summary) == {
        "good": "succeeded", "bad": "failed", "side": "succeeded", "next": "omitted", "bye": "succeeded",
    }  # fmt: skip
    assert "its log and its values are not known" in summary["error"]["message"]
    pod = summary["pod"]
    assert re.fullmatch(r"fail-vdx5v-system-container-impl-\d+", pod["name"]) and not pod["node"]
    assert [e["reason"] for e in pod["events"]] == ["RUNNING", "FAILED"]
    assert pod["id"] == pod["name"].replace("-system-container-impl", "")
    assert pod["events"][0]["time"] < pod["events"][1]["time"]


def test_a_recorded_run_that_was_cancelled_has_not_failed(tmp_path: Path) -> None:
    cells = [
        cell("made = list(range(20))", "step:make"),
        cell("x = n", "step:each", "foreach:n in made"),
        cell("print(x)", "step:total"),
    ]
    summary = told(tmp_path, "run-cancelled-ends-failed", pipeline_of(*cells))
    assert summary["state"] == "cancelled" and summary["error"] is None
    assert set(states(summary).values()) <= {"succeeded", "cancelled", "omitted"}


def test_a_recorded_run_that_is_being_cancelled(tmp_path: Path) -> None:
    pipeline = build(read_notebook(NOTEBOOKS / "pipeline-cells" / "06-flip-coin-exit-handler.ipynb")).pipeline
    assert pipeline is not None
    summary = told(tmp_path, "run-cancelled-polled", pipeline)
    found = states(summary)
    assert summary["state"] == "running" and found["flip-coin"] == "cancelled"
    assert found["print-message-5"] == "running"


def test_a_recorded_driver_that_failed_is_a_failed_step(tmp_path: Path) -> None:
    source = "%%pipeline exitloop\nall = names()\nfor n in all:\n    try:\n        greet(n)\n    finally:\n        say('left')\nsay('end')"
    summary = told(tmp_path, "run-exit-handler-in-loop-failed", pipeline_of(GREETINGS, cell(source)))
    assert summary["state"] == "failed" and summary["error"]["step"] == "say-2"
    assert {n for n, state in states(summary).items() if state == "failed"} == {"say", "say-2"}
    assert "could not prepare it" in summary["error"]["message"]


def test_a_recorded_handler_in_a_loop_that_reads_the_status_ran_in_each_iteration(tmp_path: Path) -> None:
    server = Server()
    with engine_at(tmp_path, server) as engine:
        pipeline = pipeline_of(GREETINGS, cell(STATUS_OF_EACH))
        run_id = engine.submit(pipeline, options(pipeline, tmp_path))
        (run,) = server.runs.values()
        run.update({k: v for k, v in recorded("run-status-in-loop-succeeded")["answer"].items() if k != "run_id"})
        engine.refresh(run_id)
        found = {s["path"]: s["state"] for s in engine.store.steps(run_id)}
        assert {p for p in found if p.startswith("say-2")} == {"say-2[0]", "say-2[1]"}
        assert set(found.values()) == {"succeeded"} and engine.store.head(run_id)["state"] == "succeeded"
