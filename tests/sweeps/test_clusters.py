"""A sweep on Argo Workflows and on Kubeflow Pipelines, against servers that answer as real ones."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

import pytest

from kfnb.runs.record.run_store import RunStore
from kfnb.sweeps.run_sweep import Sweep
from kfnb.sweeps.start_sweep import sweep
from tests.cluster.argo import pods
from tests.cluster.controller import Controller
from tests.cluster.kfp_api import Server
from tests.cluster.kfp_api import served as kfp_served
from tests.cluster.kube_api import Cluster, kubeconfig
from tests.cluster.kube_api import served as kube_served
from tests.cluster.test_kfp_engine import backend_of, marked, tell
from tests.notebooks import cell, notebook, write
from tests.trusting import trust

CELLS = (
    cell("a: int = 1\nb: int = 1", "parameters"),
    cell("c = a * 10 + b\nassert c != 22, 'not this one'", "step:one"),
    cell("score = c", "metrics"),
)
GRID = {"a": [1, 2], "b": [1, 2]}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    write(tmp_path, notebook(*CELLS), "train.ipynb")
    return tmp_path


def target(folder: Path, engine: str, **settings: str) -> None:
    lines = [f'{k} = "{v}"' for k, v in {"engine": engine, "packages": "none", **settings}.items()]
    (folder / "kfnb.toml").write_text("\n".join(["[targets.prod]", *lines]))
    trust(folder)


def told(found: Sweep) -> list[tuple[Any, ...]]:
    return [(r["a"], r["b"], r["score"], r["state"]) for r in found.table()]


def test_a_sweep_on_argo_runs_every_combination_and_a_failing_one_stops_no_other(here: Path) -> None:
    kube = Cluster()
    with kube_served(kube) as server, pods() as containers, Controller(kube, containers).at_work():
        target(here, "argo", kubeconfig=str(kubeconfig(here, server)))
        found = sweep(here / "train.ipynb", GRID, target="prod", maximize="score", experiment="mine").wait()
    assert told(found) == [
        (2, 1, 21, "succeeded"),
        (1, 2, 12, "succeeded"),
        (1, 1, 11, "succeeded"),
        (2, 2, None, "failed"),
    ]
    assert len(kube.created) == 4 and {r.experiment for r in found.runs} == {"mine"}
    assert found.state == "failed" and found.best().parameters == {"a": 2, "b": 1}
    assert "not this one" in str(found.results().rows[3].problem)


def test_a_sweep_on_kubeflow_pipelines_puts_its_runs_into_one_experiment(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kfnb.engines.kfp.following.poll_run.EVERY", 0.05)
    (here / "token").write_text("good")
    server, numbers = Server(), itertools.count()

    def carry(run: dict[str, Any]) -> None:
        """What the server does with a run, as soon as it has it."""
        given = run["runtime_config"]["parameters"]
        score = given["a"] * 10 + given["b"]
        backend = backend_of(run, {}, workflow=f"train-{next(numbers)}")
        logs = {
            "one": marked("one", state="succeeded"),
            "metrics": marked("metrics", state="succeeded", metrics={"score": score}),
        }
        tell(server, run, backend, logs, state="SUCCEEDED", finished_at="2026-01-01T00:00:09Z")

    with kfp_served(server) as host:
        target(here, "kfp", host=host, token_file=str(here / "token"))
        begun = sweep(here / "train.ipynb", GRID, target="prod", minimize="score", jobs=2, experiment="mine")
        carried: set[str] = set()
        while not begun.ended:
            waiting = {k: r for k, r in list(server.runs.items()) if k not in carried}
            if len(waiting) == 2:
                carried |= set(waiting)
                for run in waiting.values():
                    carry(run)
            threading.Event().wait(0.01)
        found = begun.wait()
    assert told(found) == [(a, b, a * 10 + b, "succeeded") for a in (1, 2) for b in (1, 2)]
    assert found.best().parameters == {"a": 1, "b": 1}
    store = RunStore()
    ends = [store.events(r.id)[-1].time for r in found.runs]
    assert store.head(found.runs[2].id)["created"] >= min(ends[:2]), "two at a time"
    (experiment,) = server.experiments.values()
    assert experiment["display_name"] == "mine"
    assert {r["experiment_id"] for r in server.runs.values()} == {experiment["experiment_id"]}


def test_a_cluster_that_takes_no_run_is_asked_once_and_nothing_else_is_begun(here: Path) -> None:
    (here / "token").write_text("bad")
    server = Server()
    with kfp_served(server) as host:
        target(here, "kfp", host=host, token_file=str(here / "token"))
        found = sweep(here / "train.ipynb", GRID, target="prod", jobs=2).wait()
    rows = found.results().rows
    assert [r.state for r in rows] == ["failed", "omitted", "omitted", "omitted"] and found.state == "failed"
    assert "could not be begun" in (rows[0].problem or "") and server.runs == {}


def test_a_sweep_that_is_cancelled_stops_the_workflows_that_run(here: Path) -> None:
    kube = Cluster()
    with kube_served(kube) as server:
        target(here, "argo", kubeconfig=str(kubeconfig(here, server)))
        begun = sweep(here / "train.ipynb", GRID, target="prod", jobs=3)
        with kube.changed:
            assert kube.changed.wait_for(lambda: len(kube.created) == 3, 20)
        begun.cancel()
        stopped: set[str] = set()
        while len(stopped) < 3:
            for name in kube.created:
                if name not in stopped and kube.objects["workflows", "default", name]["spec"].get("shutdown") == "Stop":
                    stopped.add(name)
                    kube.update(name, {"status": {"phase": "Failed", "finishedAt": "2026-01-01T00:00:09Z"}})
            threading.Event().wait(0.01)
        begun.wait()
    assert begun.state == "cancelled" and len(kube.created) == 3
    assert [r.state for r in begun.results().rows] == ["cancelled"] * 3 + ["omitted"]
