"""Steps run with the packages that the notebook's cells have: with the interpreter of its kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import cell, notebook
from tests.server.asking import ended, refused

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
