"""Files beside a notebook that are named as modules are run for the cells that import them, and for nobody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from kfnb.engines.local import LocalEngine
from kfnb.engines.local.processes.launch_run_process import WarmProcess
from kfnb.runtime.module_lookup import LOADED
from tests.notebooks import cell, notebook, write
from tests.running import Here, wait_for

BIN = Path(sys.executable).parent
#: What our processes have or may have loaded, and what Python itself looks for when it starts.
OTHERS = (
    "kfnb sitecustomize usercustomize click rich requests urllib3 certifi idna yaml tomli numpy pandas tornado zmq traitlets jinja2"
    " jupyter_server jupyter_client jupyter_core nbformat nbconvert IPython ipykernel pytest _sha256 _json _pickle _hashlib"
).split()
CELLS = (
    cell("start = 3", "parameters"),
    cell("import helper\nx = helper.double(start)\nrows = [x] * 10", "step:a"),
    cell("total = sum(rows)\nprint('total', total)", "step:b"),
    cell("echo $total", "step:c", "shell"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A notebook's folder in which every module's name is a trap."""
    found = tmp_path / "nb"
    found.mkdir()
    for name in {*sys.stdlib_module_names, *OTHERS}:
        (found / f"{name}.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'a').write({name + ' '!r})\n")
    (found / "helper.py").write_text("def double(value):\n    return value * 2\n")
    write(found, notebook(*CELLS))
    return found


def sprung(folder: Path) -> str:
    marker = folder.parent / "sprung"
    return marker.read_text() if marker.exists() else ""


def kfnb(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "KFNB_HOME": str(folder.parent / "home")}
    return subprocess.run([BIN / "kfnb", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("options", [[], ["--spawn"], ["--python", sys.executable]])
def test_a_run_imports_nothing_from_the_notebooks_folder_but_what_its_cells_do(
    folder: Path, options: list[str]
) -> None:
    done = kfnb(folder, "run", "notebook.ipynb", *options)
    assert done.returncode == 0 and "[b] total 60" in done.stdout, done.stdout + done.stderr
    assert sprung(folder) == ""


def test_a_sweep_and_the_looks_at_it_import_nothing_from_the_notebooks_folder(folder: Path) -> None:
    done = kfnb(folder, "sweep", "notebook.ipynb", "-p", "start=1,2")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (["check", "notebook.ipynb"], ["show", "notebook.ipynb"], ["runs"], ["result", "last", "b.total"]):
        assert kfnb(folder, *words).returncode == 0, words
    assert sprung(folder) == ""


def test_an_empty_entry_of_the_path_is_not_the_folder_that_a_command_is_given_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "lib").mkdir()
    (folder.parent / "lib" / "users_own.py").write_text("VALUE = 7\n")
    monkeypatch.setenv("PYTHONPATH", f"{os.pathsep}../lib")
    monkeypatch.chdir(folder)
    here, ahead = Here(folder.parent), WarmProcess()
    here.engine = LocalEngine(here.store, ahead.launch)
    ahead.prepare()
    run = here.run(cell("import users_own\nprint(users_own.VALUE)", "step:a"), folder=str(folder))
    ahead.close()
    assert here.log(run, "a") == "7"
    assert sprung(folder) == ""


def test_a_cell_that_imports_a_module_gets_the_one_that_a_kernel_would_give(folder: Path) -> None:
    here = Here(folder.parent)
    run = here.run(
        cell("import wave, selectors\nprint(hasattr(selectors, 'SelectSelector'))", "step:a"), folder=str(folder)
    )
    assert here.log(run, "a") == "True", "a kernel has loaded selectors before the first cell"
    assert sprung(folder) == "wave " and "selectors" in LOADED


def test_a_server_imports_nothing_from_its_root_when_it_compiles_and_runs(folder: Path) -> None:
    env = {
        **os.environ,
        "KFNB_HOME": str(folder.parent / "home"),
        "JUPYTER_TOKEN": "t",
        "JUPYTER_RUNTIME_DIR": str(folder.parent),
    }
    words = [
        "--no-browser",
        "--port=0",
        "--allow-root",
        "--ServerApp.jpserver_extensions={'kfnb.server': True}",
        f"--ServerApp.root_dir={folder}",
    ]
    server = subprocess.Popen(
        [BIN / "jupyter-server", *words], cwd=folder, env=env, stderr=(folder.parent / "server.log").open("wb")
    )
    try:
        wait_for(lambda: any(f.stat().st_size for f in folder.parent.glob("jpserver-*.json")), 60)
        url = json.loads(next(folder.parent.glob("jpserver-*.json")).read_text())["url"]

        def ask(path: str, body: object = None) -> dict[str, object]:
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(f"{url}kfnb/api/v1/{path}", data, {"Authorization": "token t"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                found: dict[str, object] = json.loads(answer.read())
                return found

        asked = {"notebook": notebook(*CELLS), "path": "notebook.ipynb"}
        wait_for(lambda: _answers(ask), 30)
        assert ask("compile", asked)["pipeline"]
        time.sleep(0.2)
        run = ask("runs", asked)["run"]
        assert isinstance(run, dict)

        def state() -> object:
            found = ask(f"runs/{run['run']}")["run"]
            return found["state"] if isinstance(found, dict) else None

        wait_for(lambda: state() not in ("pending", "running"))
        assert state() == "succeeded"
        assert sprung(folder) == ""
    finally:
        server.terminate()
        server.wait(20)


def _answers(ask: object) -> bool:
    try:
        return callable(ask) and bool(ask("targets"))
    except OSError:
        return False
