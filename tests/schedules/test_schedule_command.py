"""``kfnb schedule`` as a user types it: on this machine with its keeper, on Argo and on Kubeflow Pipelines."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kfnb.cli import cli
from kfnb.client.run_object import Run
from kfnb.schedule_keeper.keeper_process import is_kept, start_keeper
from kfnb.schedules.schedule_record import ScheduleRecord
from tests.cluster import kfp_api, kube_api
from tests.notebooks import cell, notebook, write
from tests.trusting import trust

CRON = ("--cron", "0 6 * * 1-5")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    write(tmp_path, notebook(cell("a = 1", "parameters"), cell("b = a + 1", "step:one")), "nightly.ipynb")
    return tmp_path


def typed(*words: str) -> Result:
    return CliRunner().invoke(cli, ["schedule", *words])


def told(*words: str) -> Any:
    done = typed(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def until(what: Any) -> Any:
    end = time.monotonic() + 60
    while not (found := what()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_this_machine_keeps_a_schedule_as_long_as_there_is_one(folder: Path) -> None:
    done = typed("add", "nightly.ipynb", *CRON, "--tz", "Europe/Berlin", "-p", "a=41", "--catch-up", "all")
    assert done.exit_code == 0, done.output
    assert "At 06:00 on Monday through Friday (Europe/Berlin)" in done.stdout
    coming = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("  next")]
    assert len(coming) == 5 and all(clock == "06:00" and zone in ("CET", "CEST") for _, clock, zone in coming)
    until(lambda: is_kept(folder / "home"))
    assert typed("add", "nightly.ipynb", *CRON).exit_code == 2
    # the machine was off: the keeper that finds it makes up for the times
    record = ScheduleRecord(folder / "home")
    name = told("list")["schedules"][0]["name"]
    record.record_look(name, time.time() - 4 * 24 * 3600, [])
    history = until(lambda: [f for f in told("show", name)["history"] if f["state"] == "succeeded"])
    assert Run(history[0]["run"])["one"]["b"] == 42
    assert f"did you mean `{name}`?" in typed("pause", f"{name}s").output
    assert told("pause", name) == {"schedule": name, "target": "local", "paused": True}
    until(lambda: not is_kept(folder / "home"))
    assert "paused" in typed("list").stdout and "next" not in typed("list").stdout
    run = told("run-now", name)["run"]
    assert Run(run).wait().state == "succeeded" and told("show", name)["history"][0]["run"] == run
    told("resume", name)
    until(lambda: is_kept(folder / "home"))
    assert typed("delete", name).stdout == f"{name}: deleted; its runs stay\n"
    until(lambda: not is_kept(folder / "home"))
    start_keeper(folder / "home")  # there is nothing to keep
    assert not is_kept(folder / "home") and (folder / "home" / "schedules.log").read_text() == ""
    assert "there is no schedule yet" in typed("list").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "nightly.ipynb", "--cron", "0 6 * *"), "it should have five fields"),
        (("add", "nightly.ipynb", *CRON, "--tz", "Mars"), "there is no time zone `Mars`"),
        (("add", "nightly.ipynb", *CRON, "-p", "z=1"), "z"),
        (("add", "nightly.ipynb", *CRON, "--target", "prod"), "there is no target `prod`"),
        (("show", "weekly"), "there is no schedule `weekly`: `kfnb schedule list` shows all"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_kept(folder: Path, words: tuple[str, ...], message: str) -> None:
    done = typed(*words)
    assert done.exit_code == 2 and message in done.output, done.output
    assert told("list")["schedules"] == [] and "error" in json.loads(typed(*words, "--json").stdout)


def test_argo_keeps_a_schedule_and_tells_who_made_which(folder: Path) -> None:
    cluster = kube_api.Cluster()
    with kube_api.served(cluster) as server:
        config = kube_api.kubeconfig(folder, server)
        settings = f'engine = "argo"\nkubeconfig = "{config}"\npackages = "none"\n'
        (folder / "kfnb.toml").write_text(f"[targets.prod]\n{settings}")
        trust(folder, folder / "home")
        add = ("add", "nightly.ipynb", *CRON, "--target", "prod", "--name", "Nightly run", "--catch-up")
        refused = typed(*add, "all")
        assert refused.exit_code == 2 and "Argo makes up for the last missed time only" in refused.output
        made = told(*add, "last", "--tz", "Asia/Seoul", "--concurrency", "replace", "-p", "a=2")
        assert (made["id"], made["target"], made["zone"]) == ("nightly-run", "prod", "Asia/Seoul")
        assert (made["parameters"], made["notebook"], made["owner"] != "") == ({"a": "2"}, "nightly.ipynb", True)
        spec = cluster.objects["cronworkflows", "default", "nightly-run"]["spec"]
        assert (spec["concurrencyPolicy"], spec["startingDeadlineSeconds"] > 0) == ("Replace", True)
        told("pause", "nightly-run")
        assert cluster.objects["cronworkflows", "default", "nightly-run"]["spec"]["suspend"] is True
        workflow = told("run-now", "prod:nightly-run")["run"]
        cluster.update(workflow, {"status": {"phase": "Succeeded"}})
        (listed,) = told("list")["schedules"]
        assert (listed["paused"], listed["history"][0]["state"], listed["history"][0]["run"]) == (
            True,
            "succeeded",
            workflow,
        )
        assert [f["run"] for f in told("show", "nightly-run")["history"]] == [workflow]
        annotations = cluster.objects["cronworkflows", "default", "nightly-run"]["metadata"]["annotations"]
        annotations["kfnb.dev/owner"] = "bob"
        refused = typed(*add, "none")
        assert refused.exit_code == 2 and "there is a schedule `nightly-run` of bob" in refused.output
        told("resume", "nightly-run")
        told("delete", "nightly-run")
        assert told("list") == {"schedules": [], "silent": {}}
    unreachable = told("list")["silent"]
    assert list(unreachable) == ["prod"] and server in unreachable["prod"]


def test_kubeflow_pipelines_keeps_a_schedule(folder: Path) -> None:
    known = kfp_api.Server(
        recurring=[{"recurring_run_id": "theirs", "display_name": "hers", "namespace": "team", "trigger": {}}]
    )
    (folder / "token").write_text("good")
    os.chmod(folder / "token", 0o600)
    with kfp_api.served(known) as host:
        settings = f'engine = "kfp"\nhost = "{host}"\ntoken_file = "{folder / "token"}"\npackages = "none"\n'
        (folder / "kfnb.toml").write_text(f"[targets.flow]\n{settings}")
        trust(folder, folder / "home")
        add = ("add", "nightly.ipynb", *CRON, "--target", "flow", "--name", "nightly")
        for words, message in (
            (("--tz", "Asia/Seoul"), "one time zone for all recurring runs"),
            (("--catch-up", "last"), "makes up for all missed times or for none"),
            (("--concurrency", "replace"), "replaces no run that goes on"),
        ):
            assert message in typed(*add, *words).output
        made = told(*add, "--catch-up", "all", "--concurrency", "allow")
        body = known.recurring[1]
        assert (made["id"], body["trigger"]["cron_schedule"]["cron"]) == ("r2", "0 0 6 * * 1-5")
        assert (body["max_concurrency"], body["no_catchup"]) == ("10", False)
        assert (made["cron"], made["catch_up"], made["concurrency"]) == ("0 6 * * 1-5", "all", "allow")
        run = told("run-now", "nightly")["run"]
        known.runs[run].update(state="FAILED", error={"message": "a pod was evicted"})
        told("pause", "flow:nightly")
        hers, mine = told("list")["schedules"]
        assert (hers["owner"], hers["words"], hers["next"]) == ("team", "", [])
        assert (mine["paused"], mine["notebook"], mine["history"][0]["state"]) == (True, "nightly.ipynb", "failed")
        assert "a pod was evicted" in typed("show", "nightly").stdout
        told("resume", "nightly")
        assert known.recurring[1]["status"] == "ENABLED"
        told("delete", "nightly")
        assert [s["id"] for s in told("list")["schedules"]] == ["theirs"]
