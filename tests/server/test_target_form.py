"""The form that makes a target of a cluster: what it shows is what ``kfnb init-target`` says, and it writes nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.cluster.targets import rights
from tests.cluster.argo import pods
from tests.cluster.controller import Controller
from tests.cluster.kube_api import Cluster, kubeconfig, served
from tests.server.asking import API, refused

Ask = Callable[..., Any]
HERE = {"context": "here", "namespace": "default"}


@pytest.fixture
def kube(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster that the user's kubeconfig names."""
    kube = Cluster(accounts={"kfnb-steps": ("create workflowtaskresults", "patch workflowtaskresults")})
    kube.named = {("configmaps", "default", "artifact-repositories"): {"data": {"x": "s3: {bucket: b}"}}}
    with served(kube) as server:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, server)))
        yield kube


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The user's own file of targets."""
    return tmp_path / "config" / "kfnb" / "kfnb.toml"


async def added(ask: Ask, **change: Any) -> Any:
    """What the server says to somebody who has seen a proposal and wants it under the name `mine`."""
    shown = await ask("POST", "targets", "proposal", body=HERE)
    body = {**HERE, "engine": shown["engines"][0], "name": "mine", "settings": shown["settings"], **change}
    return await ask("POST", "targets", body=body)


async def test_the_contexts_are_listed_without_what_they_lead_to(ask: Ask, kube: Cluster, jp_fetch: Any) -> None:
    answer = await jp_fetch(*API, "clusters")
    assert json.loads(answer.body) == {"contexts": {"here": "default"}, "current": "here", "namespace": "default"}
    assert b"good" not in answer.body and not kube.requests, "neither the token is sent nor the cluster asked"


async def test_without_a_kubeconfig_the_user_learns_what_is_missing(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    code, answer = await refused(ask("GET", "clusters"))
    assert code == 502 and "no configuration of a cluster was found" in answer["message"]


async def test_what_is_there_becomes_the_target(ask: Ask, kube: Cluster, file: Path) -> None:
    shown = await ask("POST", "targets", "proposal", body=HERE)
    settings = {"engine": "argo", "context": "here", "namespace": "default", "service_account": "kfnb-steps", "values": "s3"}  # fmt: skip
    assert (shown["engines"], shown["name"], shown["state"], shown["rbac"]) == (["argo"], "cluster", "ready", "")
    assert shown["settings"] == settings and shown["file"] == str(file)
    assert "Argo Workflows: yes" in shown["found"] and "artifact repository: s3" in shown["found"]
    assert not file.exists() and not kube.objects
    assert all("review" in path for method, path in kube.requests if method != "GET"), "nothing is changed there"
    assert await added(ask) == {"name": "mine", "file": str(file)}
    assert file.read_text() == shown["text"].replace("targets.cluster", "targets.mine")
    assert {"name": "mine", "engine": "argo", "trusted": True} in (await ask("GET", "targets"))["targets"]


async def test_images_and_values_go_where_the_user_says(ask: Ask, kube: Cluster, file: Path) -> None:
    stores = {"repository": "registry.example.org/team/app", "values": "s3://bucket/runs"}
    shown = await ask("POST", "targets", "proposal", body={**HERE, **stores})
    assert {key: shown["settings"][key] for key in stores} == stores
    code, answer = await refused(added(ask, settings=shown["settings"]))
    assert code == 412, "the settings are those of another choice"
    assert await added(ask, settings=shown["settings"], **stores) == {"name": "mine", "file": str(file)}
    assert file.read_text() == shown["text"].replace("targets.cluster", "targets.mine")
    code, answer = await refused(ask("POST", "targets", "proposal", body={**HERE, "repository": "app:latest"}))
    assert code == 400 and "repository is the name of a repository" in answer["message"]


async def test_who_lacks_rights_gets_the_roles_for_an_administrator(
    ask: Ask, kube: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(kube) as server:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, server, "viewer")))
        shown = await ask("POST", "targets", "proposal", body=HERE)
    assert shown["state"] == "forbidden" and shown["rbac"] == rights.manifests("default", user="viewer")
    assert any("you may not create, patch workflows" in line for line in shown["told"])


async def test_another_target_is_replaced_only_when_the_user_says_so(ask: Ask, kube: Cluster, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("# mine\n[targets.mine]\nengine = 'kfp'\n")
    code, answer = await refused(added(ask))
    assert code == 409 and "there is a target `mine` already" in answer["message"]
    assert file.read_text() == "# mine\n[targets.mine]\nengine = 'kfp'\n"
    await added(ask, replace=True)
    assert file.read_text().startswith('# mine\n[targets.mine]\nengine = "argo"\ncontext = "here"\n')


async def test_what_an_administrator_manages_is_not_written(
    ask: Ask, kube: Cluster, file: Path, jp_config_dir: Path
) -> None:
    site = jp_config_dir / "kfnb.toml"
    site.write_text("[targets.mine]\nengine = 'kfp'\n")
    code, answer = await refused(added(ask))
    assert code == 422 and f"in {site}: name another" in answer["message"]
    code, answer = await refused(added(ask, replace=True))
    assert "cannot be replaced" in answer["message"]
    assert site.read_text() == "[targets.mine]\nengine = 'kfp'\n" and not file.exists()


async def test_only_what_was_shown_is_written(ask: Ask, kube: Cluster, file: Path) -> None:
    settings = {"engine": "kfp", "host": "https://evil.example.org", "token_env": "SECRET"}
    code, answer = await refused(added(ask, settings=settings))
    assert code == 412 and "look at it again" in answer["message"] and not file.exists()


async def test_a_cluster_without_an_engine_is_no_target(ask: Ask, kube: Cluster) -> None:
    kube.installed = False
    shown = await ask("POST", "targets", "proposal", body=HERE)
    assert (shown["engines"], shown["settings"], shown["state"]) == ([], {}, "missing")
    assert "has neither Argo Workflows nor Kubeflow Pipelines" in shown["told"][0]
    code, _ = await refused(ask("POST", "targets", "probe", body=HERE))
    assert code == 404


@pytest.mark.parametrize(
    "change, message",
    [
        ({"namespace": "../secrets"}, "cannot be a namespace"),
        ({"namespace": ""}, "cannot be a namespace"),
        ({"engine": "local"}, "`engine` is one of"),
        ({"name": "a b"}, "the name of a target has only"),
        ({"kubeconfig": "/etc/passwd"}, "unknown field `kubeconfig`"),
        ({"context": 1}, "`context` is of the wrong type"),
    ],
)
async def test_a_choice_that_makes_no_sense_is_refused(
    ask: Ask, kube: Cluster, change: dict[str, Any], message: str
) -> None:
    for path in (("targets",), ("targets", "proposal"), ("targets", "probe")):
        code, answer = await refused(ask("POST", *path, body={**HERE, **change}))
        assert code == 400 and message in answer["message"]
    assert not kube.requests


async def test_a_context_that_is_not_there_is_named(ask: Ask, kube: Cluster) -> None:
    code, answer = await refused(ask("POST", "targets", "proposal", body={**HERE, "context": "gone"}))
    assert code == 502 and "the context `gone`" in answer["message"] and not kube.requests


async def test_a_trial_run_tells_its_steps_and_leaves_nothing(jp_fetch: Any, kube: Cluster) -> None:
    with pods() as cluster, Controller(kube, cluster).at_work():
        answer = await jp_fetch(*API, "targets", "probe", method="POST", body=json.dumps(HERE), request_timeout=120)
    lines = [json.loads(line) for line in answer.body.decode().splitlines()]
    done = [line["text"] for line in lines if line["state"] == "done"]
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert done[0].startswith("the cluster accepts the run") and done[-1] == "what the probe made is removed again"
    assert "the next step takes the value" in done and not kube.objects, lines


async def test_there_is_one_trial_run_at_a_time_and_it_ends_with_its_reader(
    ask: Ask, jp_serverapp: Any, kube: Cluster
) -> None:
    """Nothing carries this run: it would wait for ten minutes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_serverapp.port)
    body = json.dumps(HERE)
    writer.write(
        f"POST {jp_serverapp.base_url}kfnb/api/v1/targets/probe HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: token {jp_serverapp.identity_provider.token}\r\n\r\n{body}".encode()
    )
    line = await asyncio.wait_for(reader.readuntil(b"accepts the run"), 60)
    assert line.startswith(b"HTTP/1.1 200") and kube.objects
    code, answer = await refused(ask("POST", "targets", "probe", body=HERE))
    assert code == 409 and "is going on already" in answer["message"]
    writer.close()

    async def removed() -> None:
        while kube.objects or jp_serverapp.web_app.settings["kfnb_probes"].busy:
            await asyncio.sleep(0.02)

    await asyncio.wait_for(removed(), 60)
