"""`kfnb init-target`: from a kubeconfig to a target that runs."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kfnb.engines.cluster.targets import rights
from tests.cluster import kfp_api
from tests.cluster.kube_api import Cluster, kubeconfig, served


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "KFNB_HOME": str(tmp_path / "home"),
        "NO_COLOR": "1",
    }


def kfnb(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kfnb", *words]
    return subprocess.run(
        command, cwd=env["HOME"], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


def written(env: dict[str, str]) -> str:
    return (Path(env["XDG_CONFIG_HOME"]) / "kfnb" / "kfnb.toml").read_text()


def test_what_is_there_becomes_the_target(tmp_path: Path, env: dict[str, str]) -> None:
    cluster = Cluster(accounts={"kfnb-steps": ("create workflowtaskresults", "patch workflowtaskresults")})
    cluster.named = {("configmaps", "default", "artifact-repositories"): {"data": {"x": "s3: {bucket: b}"}}}
    (tmp_path / "kfnb").mkdir()
    (tmp_path / "kfnb" / "kfnb.toml").write_text('[targets.other]\nengine = "local"  # mine')
    with served(cluster) as server:
        config = kubeconfig(tmp_path, server)
        done = kfnb(env, "init-target", "mine", "--kubeconfig", config.name)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (
            "Argo Workflows: yes\nKubeflow Pipelines: no\nartifact repository: s3\nstorage classes: fast\n"
            in done.stdout
        )
        assert written(env) == (
            '[targets.other]\nengine = "local"  # mine\n\n[targets.mine]\nengine = "argo"\n'
            f'kubeconfig = "{config}"\ncontext = "here"\nnamespace = "default"\nservice_account = "kfnb-steps"\nvalues = "s3"\n'
        )
        assert "mine         argo   ready" in kfnb(env, "targets", "--target", "mine").stdout
        again = kfnb(env, "init-target", "mine", "--kubeconfig", config.name)
        assert again.returncode == 2 and "there is a target `mine` already" in again.stderr
    assert {method for method, _ in cluster.requests} == {"GET", "POST"} and not cluster.objects
    assert all("review" in path for method, path in cluster.requests if method == "POST"), "nothing is changed there"


def test_who_lacks_rights_gets_the_roles_for_an_administrator(tmp_path: Path, env: dict[str, str]) -> None:
    with served(Cluster()) as server:
        config = str(kubeconfig(tmp_path, server, "viewer"))
        done = kfnb(env, "init-target", "--kubeconfig", config, "--json")
        roles = kfnb(env, "init-target", "--kubeconfig", config, "--rbac")
    answer = json.loads(done.stdout)
    assert done.returncode == 1 and (answer["state"], answer["target"]) == ("forbidden", "cluster")
    assert answer["settings"]["service_account"] == "kfnb-steps", "the one that the roles make"
    assert answer["rbac"] == roles.stdout == rights.manifests("default", user="viewer")
    assert roles.returncode == 0 and len(list(yaml.safe_load_all(roles.stdout))) == 5


def test_the_roles_can_be_printed_for_a_cluster_that_does_not_answer(tmp_path: Path, env: dict[str, str]) -> None:
    config = str(kubeconfig(tmp_path, "http://127.0.0.1:9"))
    done = kfnb(env, "init-target", "--kubeconfig", config, "--rbac", "--namespace", "team")
    assert done.returncode == 0 and done.stdout == rights.manifests("team")


def test_kubeflow_pipelines_behind_the_cluster_or_with_an_address(tmp_path: Path, env: dict[str, str]) -> None:
    with kfp_api.served(kfp_api.Server(multi_user=False)) as server:
        done = kfnb(env, "init-target", "--host", server)
    assert done.returncode == 1 and f'[targets.kubeflow]\nengine = "kfp"\nhost = "{server}"\n' == written(env)
    assert "does not accept your credentials" in done.stdout, "the user is told that the target needs a token"


def test_a_cluster_with_nothing_for_runs_is_no_target(tmp_path: Path, env: dict[str, str]) -> None:
    with served(Cluster(installed=False)) as server:
        done = kfnb(env, "init-target", "--kubeconfig", str(kubeconfig(tmp_path, server)))
    assert done.returncode == 2 and "has neither Argo Workflows nor Kubeflow Pipelines" in done.stderr
    assert not (tmp_path / "kfnb").exists()


def test_in_a_terminal_it_asks(tmp_path: Path, env: dict[str, str]) -> None:
    with served(Cluster(namespaces=("default", "team"))) as server:
        config = kubeconfig(tmp_path, server)
        content = json.loads(config.read_text())
        content["contexts"].append({"name": "there", "context": {"cluster": "c", "user": "u"}})
        config.write_text(json.dumps(content))
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "kfnb", "init-target", "--kubeconfig", str(config)]
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
        os.write(ours, b"there\nteam\nmine\n\n")
        output, errors = process.communicate(timeout=60)
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 0, output + errors
    assert (
        f'[targets.mine]\nengine = "argo"\nkubeconfig = "{config}"\ncontext = "there"\nnamespace = "team"\n'
        == written(env)
    )
