"""Steps run with the packages that the notebook's cells have: with the interpreter of its kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpec

from kfnb.images.needs.kernel_interpreters import interpreter_of
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
