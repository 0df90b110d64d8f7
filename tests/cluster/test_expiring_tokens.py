"""Tokens that run out while a run goes on: whoever gives them is asked once, and the run is followed to its end."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from kfnb.cli import cli
from kfnb.engines.argo.argo_engine import ArgoEngine
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.targets.connection import Connection
from kfnb.engines.cluster.targets.targets import Target
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.kfp.kfp_client import KfpClient
from kfnb.runs.record.run_store import RunStore
from tests.cluster import kfp_api
from tests.cluster.argo import Pods
from tests.cluster.controller import Controller
from tests.cluster.kube_api import Cluster, kubeconfig, served
from tests.notebooks import cell, notebook, write
from tests.running import pipeline_of

PLUGIN = """\
import json, pathlib
log = pathlib.Path(__file__ + ".log")
n = len(log.read_text()) + 1 if log.exists() else 1
log.write_text("x" * n)
print(json.dumps({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": f"token-{n}"}}))
"""


def logging_in(folder: Path, server: str) -> tuple[Path, Path]:
    """A kubeconfig whose user is told by a program: `token-1`, then `token-2`, …; and the file whose length counts its runs."""
    program = folder / "login.py"
    program.write_text(PLUGIN)
    user = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": [str(program)]}
    }
    config = {
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}], "users": [{"name": "u", "user": user}],
    }  # fmt: skip
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path, folder / "login.py.log"


def test_a_token_that_runs_out_in_mid_run_is_asked_for_once(tmp_path: Path, cluster: Pods) -> None:
    kube = Cluster(tokens=("token-1", ""))
    cells = [cell(f"print('step {n}')\nv{n} = {f'v{n - 1} + 1' if n else '0'}", f"step:s{n}") for n in range(4)]
    with served(kube) as server, Controller(kube, cluster).at_work():
        config, count = logging_in(tmp_path, server)
        settings = {"engine": "argo", "kubeconfig": str(config), "packages": "none"}
        engine = ArgoEngine(RunStore(tmp_path / "home"), Target("test", "argo", settings))
        run_id = engine.submit(pipeline_of(*cells), RunOptions(folder=str(tmp_path)))
        ran_out = False
        for event in engine.events(run_id):
            if not ran_out and event.kind == "step" and event.data.get("state") == "succeeded":
                kube.tokens, ran_out = ("token-2", ""), True
                kube.drop()
        summary = engine.store.summary(run_id)
    assert ran_out and summary["state"] == "succeeded" and engine.store.value(run_id, "s3", "v3") == 3
    assert [[line.text for line in engine.store.logs(run_id, f"s{n}")] for n in range(4)] == [
        [f"step {n}"] for n in range(4)
    ]
    assert len(count.read_text()) == 2, "the program was asked once more"


def test_who_must_log_in_again_is_told_once_and_follows_on(
    tmp_path: Path, cluster: Pods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kfnb.engines.cluster.following.resource_watch.PAUSES", (0.05,) * 6)
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = write(tmp_path, notebook(cell("print('one')\na = 1", "step:one"), cell("print('two', a)", "step:two")))
    kube = Cluster(tokens=("first", ""))
    with served(kube) as server:
        config = kubeconfig(tmp_path, server, "first")
        (tmp_path / "kfnb").mkdir()
        (tmp_path / "kfnb" / "kfnb.toml").write_text(
            f'[targets.t]\nengine = "argo"\nkubeconfig = "{config}"\npackages = "none"\n'
        )

        def revoke() -> None:
            while not kube.created:
                time.sleep(0.01)
            kube.tokens = ("second", "")
            kube.drop()

        threading.Thread(target=revoke, daemon=True).start()
        done = CliRunner().invoke(cli, ["run", str(path), "--target", "t"])
        assert done.exit_code == 1 and done.output.count("log in again") == 1, done.output
        assert re.search(r"the run goes on without this command, and `kfnb logs \S+ -f` follows it again", done.output)
        config.write_text(config.read_text().replace("first", "second"))
        with Controller(kube, cluster).at_work():
            done = CliRunner().invoke(cli, ["logs", "last", "-f"])
        assert (done.exit_code, done.output) == (0, "[one] one\n[two] two 1\n")
        assert CliRunner().invoke(cli, ["status", "last"]).exit_code == 0


def test_the_server_behind_the_clusters_own_is_asked_again_with_the_new_token(tmp_path: Path) -> None:
    known = kfp_api.Server(token="token-2")
    with kfp_api.served(known) as server:
        config, count = logging_in(tmp_path, server)
        client = KfpClient(Connection(kubeconfig=str(config)))
        client.multi_user()
    assert len(count.read_text()) == 2


def test_a_token_file_that_is_replaced_is_read_again(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    with kfp_api.served(kfp_api.Server(token="new")) as server:
        client = KfpClient(Connection(host=server, token_file=str(token)))
        with pytest.raises(ClusterError, match="does not accept your credentials"):
            client.multi_user()
        token.write_text("new")
        assert client.multi_user() is False
