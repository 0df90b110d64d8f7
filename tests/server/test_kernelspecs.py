"""Steps run with the packages that the notebook's cells have: with the interpreter of its kernel."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpec

from kfnb.engines.engine_interface import recorded_options
from kfnb.images.needs.installed_packages import installed_packages
from kfnb.images.needs.kernel_interpreters import interpreter_of
from kfnb.images.needs.step_requirements import find_requirements
from kfnb.images.needs.told_packages import BadAnswer, keep_answer
from kfnb.runs.kept_pipeline import kept_pipeline
from kfnb.runs.record.run_store import RunStore
from tests.cluster.kube_api import Cluster, kubeconfig, served
from tests.images.needs.test_step_packages import package
from tests.notebooks import cell, notebook
from tests.server.asking import ended, refused
from tests.trusting import trust

Install = Callable[..., None]
SAYS = cell("import os, sys\nprint(sys.executable, os.environ.get('FLAVOUR'))", "step:says")


@pytest.fixture
def other(tmp_path: Path) -> str:
    """An interpreter of an environment that has nothing."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "other")], check=True)
    return str(tmp_path / "other" / "bin" / "python")


@pytest.fixture
def install(jp_environ: None, jp_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a kernel: ``install("mine", [python, "-m", "ipykernel_launcher"])``."""
    monkeypatch.delenv("PYTHONPATH")  # pytest-jupyter gives every process the packages of the tests

    def installed(name: str, argv: list[str], **env: str) -> None:
        folder = jp_data_dir / "kernels" / name
        folder.mkdir(parents=True)
        spec = {"argv": argv, "display_name": name, "language": "python", "env": env}
        (folder / "kernel.json").write_text(json.dumps(spec))

    return installed


def with_kernel(name: str, *cells: Any) -> dict[str, Any]:
    found = notebook(*cells)
    found["metadata"]["kernelspec"] = {"name": name, "display_name": name}
    return found


async def log_of(ask: Any, run: str, step: str) -> str:
    return "\n".join(line for _, line in (await ask("GET", "runs", run, "steps", step, "log"))["lines"])


async def test_steps_run_with_the_kernels_interpreter_and_variables(ask: Any, install: Install, other: str) -> None:
    install("mine", [other, "-m", "ipykernel_launcher", "-f", "{connection_file}"], FLAVOUR="of ${HOME}")
    run = await ask("POST", "runs", body={"notebook": with_kernel("mine", SAYS), "path": "a.ipynb"})
    assert (await ended(ask, run["run"]["run"]))["run"]["state"] == "succeeded"
    said = await log_of(ask, run["run"]["run"], "says")
    assert said == f"{other} of {Path.home()}"


@pytest.mark.parametrize(
    "argv", [["python3", "-m", "ipykernel_launcher"], [sys.executable, "-m", "ipykernel_launcher"]]
)
async def test_the_servers_own_kernel_is_the_servers_interpreter(ask: Any, install: Install, argv: list[str]) -> None:
    install("own", argv)
    run = await ask("POST", "runs", body={"notebook": with_kernel("own", SAYS), "path": "a.ipynb"})
    await ended(ask, run["run"]["run"])
    assert (await log_of(ask, run["run"]["run"], "says")).startswith(sys.executable)


async def test_a_kernel_that_is_begun_some_other_way_is_told(ask: Any, install: Install) -> None:
    install("odd", ["/opt/start", "python", "-m", "ipykernel_launcher"])
    found = await ask("POST", "compile", body={"notebook": with_kernel("odd", SAYS), "path": "a.ipynb"})
    assert [(p["code"], p["severity"]) for p in found["problems"]] == [("KF708", "warning")]
    assert "/opt/start python" in found["problems"][0]["message"]
    run = await ask("POST", "runs", body={"notebook": with_kernel("odd", SAYS), "path": "a.ipynb"})
    assert (await ended(ask, run["run"]["run"]))["run"]["state"] == "succeeded"


async def test_a_kernel_in_a_conda_environment_is_found_behind_its_runner(
    ask: Any, install: Install, other: str
) -> None:  # fmt: skip
    env = str(Path(other).parents[1])
    install(
        "conda", ["python", "-m", "nb_conda_kernels.runner", "/opt/conda", env, "python", "-m", "ipykernel_launcher"]
    )
    run = await ask("POST", "runs", body={"notebook": with_kernel("conda", SAYS), "path": "a.ipynb"})
    await ended(ask, run["run"]["run"])
    assert (await log_of(ask, run["run"]["run"], "says")).startswith(other)


async def test_a_run_is_taken_up_with_the_kernel_that_the_notebook_has_now(
    ask: Any, install: Install, other: str
) -> None:
    install("mine", [other, "-m", "ipykernel_launcher"])
    needs = cell("import kfnb.engines, sys, click\nprint(sys.executable)", "step:needs")
    run = (await ask("POST", "runs", body={"notebook": with_kernel("mine", needs), "path": "a.ipynb"}))["run"]["run"]
    failed = await ended(ask, run)
    assert failed["run"]["state"] == "failed" and "click" in failed["run"]["error"]["message"]
    await ask("POST", "runs", run, "retry", body={"notebook": with_kernel("none", needs), "path": "a.ipynb"})
    assert (await ended(ask, run))["run"]["state"] == "succeeded"


async def test_an_interpreter_that_cannot_run_steps_is_refused(ask: Any, install: Install) -> None:
    install("gone", ["/nowhere/python", "-m", "ipykernel_launcher"])
    status, told = await refused(ask("POST", "runs", body={"notebook": with_kernel("gone", SAYS), "path": "a.ipynb"}))
    assert status == 422 and told["problems"][0]["code"] == "KF707" and "/nowhere/python" in told["message"]


async def test_variables_that_an_interpreter_reads_when_it_starts_count_too(
    ask: Any, install: Install, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "only_there.py").write_text("WORD = 'there'")
    install("more", [sys.executable, "-m", "ipykernel_launcher"], PYTHONPATH=str(tmp_path / "more"))
    says = cell("import only_there\nprint(only_there.WORD)", "step:says")
    run = await ask("POST", "runs", body={"notebook": with_kernel("more", says), "path": "a.ipynb"})
    await ended(ask, run["run"]["run"])
    assert await log_of(ask, run["run"]["run"], "says") == "there"


async def test_a_kernel_that_is_gone_is_refused_at_a_retry_too(ask: Any, install: Install) -> None:
    run = await ask("POST", "runs", body={"notebook": notebook(SAYS), "path": "a.ipynb"})
    await ended(ask, run["run"]["run"])
    install("gone", ["/nowhere/python", "-m", "ipykernel_launcher"])
    again = {"notebook": with_kernel("gone", SAYS), "path": "a.ipynb"}
    status, told = await refused(ask("POST", "runs", run["run"]["run"], "retry", body=again))
    assert status == 422 and told["problems"][0]["code"] == "KF707"
    assert (await ask("GET", "runs", run["run"]["run"]))["run"]["state"] == "succeeded"


async def test_a_broken_specification_is_told_and_breaks_nothing(ask: Any, install: Install, jp_data_dir: Path) -> None:
    install("broken", [])
    (jp_data_dir / "kernels" / "broken" / "kernel.json").write_text("{")
    found = await ask("POST", "compile", body={"notebook": with_kernel("broken", SAYS), "path": "a.ipynb"})
    assert [p["code"] for p in found["problems"]] == ["KF708"] and found["steps"]


async def test_a_notebook_without_steps_is_not_warned_of_its_kernel(ask: Any, install: Install) -> None:
    install("odd", ["/opt/start", "kernel"])
    found = await ask("POST", "compile", body={"notebook": with_kernel("odd"), "path": "a.ipynb"})
    assert [p["code"] for p in found["problems"] if p["code"] == "KF708"] == []


async def test_a_running_kernel_elsewhere_is_asked_for_its_packages_when_a_run_on_a_cluster_begins(
    ask: Any, install: Install, jp_fetch: Any, jp_root_dir: Path, tmp_path: Path
) -> None:
    site, start = tmp_path / "site", tmp_path / "start"
    package(site, "frames", "1.5", requires="numbers")
    package(site, "numbers", "2.0")
    start.write_text(f'#!/bin/sh\nPYTHONPATH={site} exec {sys.executable} -m ipykernel_launcher "$@"\n')
    start.chmod(0o755)
    install("far", [str(start), "-f", "{connection_file}"])
    body = {"notebook": with_kernel("far", cell("import frames", "step:a")), "path": "a.ipynb", "target": "prod"}
    with served(Cluster()) as server:
        config = kubeconfig(tmp_path, server)
        (jp_root_dir / "kfnb.toml").write_text(f'[targets.prod]\nengine = "argo"\nkubeconfig = "{config}"\n')
        trust(jp_root_dir)
        unasked = await ask("POST", "runs", body=body)
        assert [p["code"] for p in unasked["problems"]] == ["KF708", "KF730"]
        assert unasked["problems"][0]["message"].endswith("no kernel is running that can be asked for its packages")
        session = {"path": "a.ipynb", "name": "a.ipynb", "type": "notebook", "kernel": {"name": "far"}}
        await jp_fetch("api", "sessions", method="POST", body=json.dumps(session))
        asked = await ask("POST", "runs", body=body)
        assert asked["problems"] == []
    store, run = RunStore(), asked["run"]["run"]
    python = recorded_options(store.folder(run)).python
    needs = find_requirements(kept_pipeline(store, run), jp_root_dir, python=python)
    store.close()
    assert needs.packages == {"a": ("frames==1.5",)} and needs.python == "{}.{}".format(*sys.version_info)
    assert sorted(needs.details["a"].constraints) == ["frames==1.5", "numbers==2.0"]


def told(answer: Any) -> str:
    return base64.b64encode(zlib.compress(json.dumps(answer).encode())).decode()


def test_what_a_kernel_answers_is_data_and_names_no_files_of_this_machine(home: Path) -> None:
    origin = json.dumps({"url": f"file://{home}", "dir_info": {"editable": True}})
    packages = [["../../out", "1", [], [], "", ""], ["mine", "1", ["x\nName: y"], ["mine/__init__.py"], origin, ""]]
    folder = keep_answer(told({"python": "3.12", "packages": packages}))
    found = installed_packages(str(folder))
    assert list(found.distributions) == ["mine"] and found.distributions["mine"].project is None
    assert found.python == "3.12" and sorted(p.name for p in home.rglob("*-1.dist-info")) == ["mine-1.dist-info"]
    for text in ("", "???", told({"python": "3", "packages": []}), told([]), told({"python": "3.12"})):
        with pytest.raises(BadAnswer):
            keep_answer(text)


@pytest.mark.parametrize(
    ("argv", "python"),
    [
        (["python3", "-E", "-Xfrozen_modules=off", "-m", "ipykernel_launcher"], None),
        (["python9.9", "-m", "ipykernel_launcher"], "python9.9"),
        (["/bin/sh", "-m", "ipykernel_launcher"], "/bin/sh"),
    ],
)
def test_only_the_servers_own_names_and_files_are_the_server(argv: list[str], python: str | None) -> None:
    spec = KernelSpec(argv=argv, display_name="x", language="python")
    found = interpreter_of(SimpleNamespace(get_kernel_spec=lambda name: spec), with_kernel("x"))
    assert (found.python, found.problem) == (python, None)
