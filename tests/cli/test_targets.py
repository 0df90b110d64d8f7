"""The command line against a cluster: what a user types, from `run --target` to `result`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import kfnb as package
from tests.cluster.argo import Pods, pods
from tests.cluster.controller import Controller
from tests.cluster.kube_api import Cluster, kubeconfig, served
from tests.notebooks import cell, notebook, write
from tests.trusting import trust


@pytest.fixture(scope="module")
def cluster() -> Iterator[Pods]:
    with pods() as found:
        yield found


def kfnb(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "KFNB_HOME": str(folder / "home"), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "kfnb", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=90
    )


def from_python(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody follows the run: whoever asks for its state brings it up to date."""
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    run = package.run(path, {"a": 5}, target="prod")
    end = time.monotonic() + 60
    while not run.ended and time.monotonic() < end:
        time.sleep(0.05)
    assert (run.engine, run.state, run["two"]["c"], run.log("one")) == ("argo", "succeeded", {"b": 6}, "b is 6")


def test_a_user_runs_a_notebook_on_a_cluster(tmp_path: Path, cluster: Pods, monkeypatch: pytest.MonkeyPatch) -> None:
    kube = Cluster()
    path = write(
        tmp_path,
        notebook(
            cell("a: int = 1", "parameters"),
            cell("b = a + 1\nprint('b is', b)", "step:one", "file:kept.txt"),
            cell("c = {'b': b}\nprint(c)", "step:two"),
        ),
    )
    with served(kube) as server, Controller(kube, cluster).at_work():
        config = kubeconfig(tmp_path, server)
        (tmp_path / "kept.txt").write_text("1")
        (tmp_path / "kfnb.toml").write_text(
            f'[targets.prod]\nengine = "argo"\nkubeconfig = "{config}"\npackages = "none"\n'
            'ui = "https://argo.example.org/"\n'
        )
        assert kfnb(tmp_path, "trust").returncode == 0
        assert "prod         argo   ready" in kfnb(tmp_path, "targets").stdout
        done = kfnb(tmp_path, "run", str(path), "--target", "prod", "-p", "a=41")
        assert done.returncode == 0 and "[one] b is 42" in done.stdout and "succeeded" in done.stdout, (
            done.stdout + done.stderr
        )
        assert f"on the cluster: https://argo.example.org/workflows/default/{kube.created[0]}" in done.stdout
        assert "files that travel with the steps: kept.txt (0.0 kB)" in done.stderr
        assert kfnb(tmp_path, "result", "last", "two.c").stdout.strip() == "{'b': 42}"
        assert kfnb(tmp_path, "logs", "last", "two").stdout.strip() == "{'b': 42}"
        (listed,) = json.loads(kfnb(tmp_path, "runs", "--json").stdout)
        assert (listed["engine"], listed["state"]) == ("argo", "succeeded")
        done = kfnb(tmp_path, "run", str(path), "--target", "prod", "--detach", "--json")
        run = json.loads(done.stdout)["run"]
        followed = kfnb(tmp_path, "logs", run, "-f")
        assert sorted(followed.stdout.split("\n")[:-1]) == ["[one] b is 2", "[two] {'b': 2}"]
        status = json.loads(kfnb(tmp_path, "status", run, "--json").stdout)
        assert {n: s["state"] for n, s in status["steps"].items()} == {"one": "succeeded", "two": "succeeded"}
        from_python(path, tmp_path, monkeypatch)
        scheduled = kfnb(tmp_path, "run", str(path), "--target", "prod", "--cron", "0 6 * * *")
        assert scheduled.returncode == 0 and any(p == "cronworkflows" for p, _, _ in kube.objects)


def test_a_user_without_rights_is_told_which(tmp_path: Path) -> None:
    with served(Cluster()) as server:
        config = kubeconfig(tmp_path, server, "viewer")
        (tmp_path / "kfnb.toml").write_text(f'[targets.prod]\nengine = "argo"\nkubeconfig = "{config}"\n')
        trust(tmp_path, tmp_path / "home")
        done = kfnb(tmp_path, "targets")
        assert done.returncode == 1 and "you may not create, patch workflows, to submit" in done.stdout
        path = write(tmp_path, notebook(cell("print(1)", "step:one")))
        done = kfnb(tmp_path, "run", str(path), "--target", "prod")
        assert done.returncode == 1 and "cannot create resource" in done.stderr and "Traceback" not in done.stderr


def probed(folder: Path, config: Path, *words: str, values: str = "parameters") -> subprocess.CompletedProcess[str]:
    lines = [
        "[targets.prod]",
        'engine = "argo"',
        f'kubeconfig = "{config}"',
        'packages = "none"',
        f'values = "{values}"',
    ]
    (folder / "kfnb.toml").write_text("\n".join(lines))
    trust(folder, folder / "home")
    return kfnb(folder, "targets", "--target", "prod", "--deep", *words)


def test_a_probe_says_what_each_part_of_the_way_did_and_leaves_nothing(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster()
    with served(kube) as server, Controller(kube, cluster).at_work():
        done = probed(tmp_path, kubeconfig(tmp_path, server))
        told = [line.strip().rpartition(" (")[0] for line in done.stdout.splitlines() if "✓" in line]
        assert done.returncode == 0 and len(kube.created) == 1 and not kube.objects, done.stdout + done.stderr
        assert told[0].startswith("✓ the cluster accepts the run (kfnb-probe") and told[1:] == [
            "✓ a step runs and hands on a value", "✓ the log of a step can be read", "✓ what the probe made is removed again",
        ]  # fmt: skip
        assert json.loads(kfnb(tmp_path, "runs", "--json").stdout or "[]") == [], "a probe is no run of the user's"
        (listed,) = json.loads(kfnb(tmp_path, "targets", "--target", "prod", "--deep", "--json").stdout)
        assert listed["state"] == "ready" and {line["state"] for line in listed["probe"]} <= {"done", "waiting"}


def test_a_probe_takes_a_value_where_it_passes_outside_of_the_workflow(tmp_path: Path, cluster: Pods) -> None:
    named = {
        ("persistentvolumeclaims", "default", "c"): {
            "spec": {"accessModes": ["ReadWriteMany"]},
            "status": {"phase": "Bound"},
        }
    }
    kube = Cluster(named=named)
    with served(kube) as server, Controller(kube, cluster).at_work():
        done = probed(tmp_path, kubeconfig(tmp_path, server), values="volume:c")
    assert done.returncode == 0 and "✓ the next step takes the value" in done.stdout, done.stdout + done.stderr


def test_a_probe_that_fails_says_where(tmp_path: Path) -> None:
    kube = Cluster()

    def fail() -> None:
        while not kube.created:
            time.sleep(0.02)
        node = {
            "id": "n",
            "name": "n",
            "displayName": "hand-on",
            "type": "Pod",
            "phase": "Error",
            "message": "Error (exit code 64): no rights",
        }
        status = {"phase": "Error", "finishedAt": "2026-01-01T00:00:09Z", "message": "it broke", "nodes": {"n": node}}
        kube.update(kube.created[0], {"status": status})

    with served(kube) as server:
        threading.Thread(target=fail, daemon=True).start()
        done = probed(tmp_path, kubeconfig(tmp_path, server), "--json")
    (listed,) = json.loads(done.stdout)
    assert done.returncode == 1 and listed["state"] == "failed" and not kube.objects
    assert "no rights" in next(line["text"] for line in listed["probe"] if line["state"] == "failed")


def test_an_unknown_target_is_no_traceback(tmp_path: Path) -> None:
    path = write(tmp_path, notebook(cell("print(1)", "step:one")))
    done = kfnb(tmp_path, "run", str(path), "--target", "prod")
    assert done.returncode == 2 and "there is no target `prod`" in done.stderr
