"""How much a process asks of a Kubeflow Pipelines server that follows many runs by REST."""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from kfnb.engines.kfp.following.pace import MOST
from kfnb.engines.kfp.kfp_engine import KfpEngine
from kfnb.runs.record.run_store import RunStore
from tests.cluster.kfp_api import Server
from tests.cluster.kfp_backend import END
from tests.cluster.test_kfp_engine import PIPELINE, backend_of, engine_at, marked, options, tell
from tests.running import pipeline_of, states, wait_for

RUNS = 50
EVERY = 0.4


def kind_of(method: str, path: str) -> str:
    """A request without the ids in it."""
    return f"{method} {re.sub(r'/runs/[^/?]+', '/runs/ID', path.partition('?')[0].replace('/apis/', ''))}"


def test_fifty_runs_are_asked_for_in_one_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.following.poll_run.EVERY", EVERY)
    server = Server()
    with engine_at(tmp_path, server) as engine, ExitStack() as stack:
        pipeline = pipeline_of(*PIPELINE)
        runs = [engine.submit(pipeline, options(pipeline, tmp_path)) for _ in range(RUNS)]
        remote = [engine.record.location(run)["run"] for run in runs]

        def all_are(state: str) -> bool:
            return {engine.store.head(run)["state"] for run in runs} == {state}

        for id_ in remote:
            backend = backend_of(server.runs[id_], {"one": "Running", "two": "Pending"})
            tell(server, server.runs[id_], backend, {}, state="RUNNING")
        for run in runs:
            stack.enter_context(KfpEngine(RunStore(engine.store.home), engine.target).following(run))
        wait_for(lambda: all_are("running"))
        server.requests.clear()
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > 12 * EVERY)
        asked = Counter(kind_of(method, path) for method, path in server.requests)
        rounds = (time.monotonic() - began) / EVERY
        assert 2 <= asked["GET v2beta1/runs"] <= rounds + 2, (asked, rounds)
        assert not asked["GET v2beta1/runs/ID"], asked
        logs = sum(n for kind, n in asked.items() if kind.endswith("/log"))
        assert logs <= RUNS * (rounds / MOST + 1), "a log that is not there is asked for more seldom"
        for id_ in remote:
            run = server.runs[id_]
            reports = {n: marked(n, state="succeeded") for n in ("one", "two")}
            tell(server, run, backend_of(run, {}), reports, state="SUCCEEDED", finished_at=END)
        wait_for(lambda: all_are("succeeded"))
        assert states(engine.store.summary(runs[-1])) == {"one": "succeeded", "two": "succeeded"}


def test_a_run_that_the_server_no_longer_has_does_not_end_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.following.poll_run.EVERY", 0.05)
    server = Server()
    with engine_at(tmp_path, server) as engine, ExitStack() as stack:
        pipeline = pipeline_of(*PIPELINE)
        lost, kept = [engine.submit(pipeline, options(pipeline, tmp_path)) for _ in range(2)]
        for run in (lost, kept):
            stack.enter_context(KfpEngine(RunStore(engine.store.home), engine.target).following(run))
        wait_for(lambda: any(kind_of(*r) == "GET v2beta1/runs" for r in list(server.requests)))
        del server.runs[engine.record.location(lost)["run"]]
        wait_for(lambda: engine.store.head(lost)["state"] == "failed")
        assert "no longer there" in engine.store.head(lost)["error"]["message"]
        run = server.runs[engine.record.location(kept)["run"]]
        reports = {n: marked(n, state="succeeded") for n in ("one", "two")}
        tell(server, run, backend_of(run, {}), reports, state="SUCCEEDED", finished_at=END)
        wait_for(lambda: engine.store.head(kept)["state"] == "succeeded")


def test_who_may_not_list_runs_follows_each_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.following.poll_run.EVERY", 0.05)
    server = Server()
    server.trouble = [("GET /apis/v2beta1/runs?", 403)]
    with engine_at(tmp_path, server) as engine, ExitStack() as stack:
        pipeline = pipeline_of(*PIPELINE)
        runs = [engine.submit(pipeline, options(pipeline, tmp_path)) for _ in range(3)]
        for run in runs:
            stack.enter_context(KfpEngine(RunStore(engine.store.home), engine.target).following(run))
        wait_for(lambda: not server.trouble)
        for remote in server.runs.values():
            reports = {n: marked(n, state="succeeded") for n in ("one", "two")}
            tell(server, remote, backend_of(remote, {}), reports, state="SUCCEEDED", finished_at=END)
        wait_for(lambda: {engine.store.head(run)["state"] for run in runs} == {"succeeded"})
        assert sum(kind_of(*r) == "GET v2beta1/runs" for r in server.requests) == 1
