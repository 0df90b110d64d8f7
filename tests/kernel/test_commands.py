"""`%pipeline COMMAND` in a kernel whose notebook nobody knows, executed by a program: it waits for its runs."""

from __future__ import annotations

import contextlib
import queue
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient
from nbformat import v4

from tests.notebooks import cell, notebook, write

A, B = "%%component a\nx = 2", "%%component b\ny = x + 1\nprint('y', y)"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)


def shown(folder: Path, *cells: str) -> list[str]:
    """What each cell shows, in a kernel in this folder; a cell that fails shows its error."""
    made = v4.new_notebook(cells=[v4.new_code_cell(s) for s in ("%load_ext kfnb", *cells)])
    NotebookClient(made, timeout=120, allow_errors=True, resources={"metadata": {"path": str(folder)}}).execute()
    return [
        "".join(o.get("text", "") or "\n".join(o.get("traceback", ())) or o.get("data", {}).get("text/plain", "") for o in c.outputs)
        for c in made.cells[1:]
    ]  # fmt: skip


def test_the_cells_that_were_run_make_the_pipeline(tmp_path: Path) -> None:
    lines = (
        A, B, "%pipeline", "%pipeline show --why b", "%pipeline check", "run = %pipeline run", "(run['b']['y'], run.state)",
        "%pipeline logs b", "%pipeline result b.y", "%pipeline status --json", "%pipeline runs",
        "%pipeline compile --engine kfp -o out.yaml", "%pipeline run -h", "run",
    )  # fmt: skip
    _, _, help_, why, check, run, values, logs, result, status, runs, compiled, options, again = shown(tmp_path, *lines)
    assert help_.startswith("notebook: the cells that were run in this kernel: no notebook file was found")
    assert "compile" in help_ and "load" in help_
    assert "waits for\n  a: " in why and check.endswith("ok, 2 steps\n")
    assert "pipeline of the cells that were run in this kernel" in run and "succeeded" in run
    assert (values, logs, result) == ("(3, 'succeeded')", "y 3\n", "3\n")
    assert '"state": "succeeded"' in status and "✓ succeeded" in runs
    assert "out.yaml: notebook for kfp" in compiled and "schemaVersion" in (tmp_path / "out.yaml").read_text()
    assert "--max-parallel" in options and "--wait" in options and "succeeded" in again


def test_a_run_that_fails_fails_the_cell_and_its_inputs_are_loaded(tmp_path: Path) -> None:
    lines = (
        A, "%%component b\nz = x - 2\nprint('so far')\n1 / z", "%pipeline run", "del x", "%pipeline load b", "x", "%pipeline load a --outputs",
        "%%component b\nz = x - 1\n1 / z", "%pipeline retry", "%pipeline logs", "%pipeline cancel",
    )  # fmt: skip
    _, _, run, _, load, x, left, _, retry, logs, cancel = shown(tmp_path, *lines)
    assert "failed in step b" in run and "ZeroDivisionError" in run and "Traceback" not in run
    assert re.search(r"%pipeline load b --run \S+ puts what it saw into the kernel", run)
    assert load.startswith("loaded x: what step b of run") and x == "2"
    assert left.startswith("loaded x: what step a of run") and "left" in left
    assert "succeeded" in retry and "so far" not in logs and "has ended already" in cancel


def test_a_sweep_shows_its_table_and_its_best_run(tmp_path: Path) -> None:
    cells = ("%%parameters\nrate = 1", "%%component a\nscore = rate * 2", "%%metrics\nfinal = score")
    lines = ("s = %pipeline sweep -p rate=1,3,2 --maximize final", "s.best()['a']['score']", "%pipeline sweep -p rate=x", "%pipeline report -o r.html")  # fmt: skip
    *_, swept, best, wrong, report = shown(tmp_path, *cells, *lines)
    assert "3 runs of notebook: rate 1, 3, 2" in swept and "best: final = 6 with rate=3" in swept
    assert best == "6" and "`x` is not a whole number" in wrong
    assert report == "r.html\n" and "succeeded" in (tmp_path / "r.html").read_text()


def test_what_is_wrong_is_told_without_a_traceback(tmp_path: Path) -> None:
    wrong = {
        "%pipeline logs": "has not been run as a pipeline yet",
        "%pipeline rnu": "did you mean `run`",
        "%pipeline run --stpe a": "'--step'",
        "%pipeline run -p z=1": "has no parameter `z`",
        "%pipeline run --target prod": "there is no target `prod`",
        "%pipeline run nowhere.ipynb": "nowhere.ipynb",
        "%pipeline run 'a": "quotation",
        "import kfnb; kfnb.run(parameters={'z': 1})": "has no parameter `z`",
    }
    for words, told in zip(wrong.values(), shown(tmp_path, A, *wrong)[1:], strict=True):
        assert words in told and "Traceback" not in told and ".py" not in told


def test_the_other_front_ends_tell_their_notebook(tmp_path: Path) -> None:
    path = write(tmp_path, notebook(cell("v = 'of the file'", "step:one")), "code.ipynb")
    colab = """import sys, types
class _message:
    blocking_request = staticmethod(lambda kind, timeout_sec: {"ipynb": {"cells": [{"cell_type": "code", "source": ["v = 'colab'"], "metadata": {"tags": ["step:two"]}}], "metadata": {}, "nbformat": 4, "nbformat_minor": 0}})
sys.modules["google"] = types.ModuleType("google")
sys.modules["google.colab"] = types.ModuleType("google.colab")
sys.modules["google.colab"]._message = _message"""
    run = "run = %pipeline run\n[s['v'] for s in run]"
    _, code, _, both = shown(tmp_path, f"__vsc_ipynb_file__ = {str(path)!r}", run, colab, run)
    assert "pipeline of code.ipynb" in code and code.endswith("['of the file']")
    assert "as Colab has it" in both and both.endswith("['colab']")


def test_interrupting_the_kernel_cancels_the_run_and_its_handler_runs(tmp_path: Path) -> None:
    endless = "import time\nopen('begun', 'w').close()\ntime.sleep(600)"
    path = write(
        tmp_path, notebook(cell(endless, "step:endless"), cell("open('cleaned', 'w').close()", "step:clean", "exit"))
    )
    manager = KernelManager()
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(60)
        waiting = client.execute(f"%load_ext kfnb\n%pipeline run {path} --wait")
        while not (tmp_path / "begun").exists():
            with contextlib.suppress(queue.Empty):
                client.get_iopub_msg(timeout=0.05)
        manager.interrupt_kernel()
        while (reply := client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != waiting:
            pass
        assert "cancelled" in reply["content"]["evalue"] and (tmp_path / "cleaned").exists()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_another_kernels_runs_are_not_its_own_and_steps_begin_where_the_kernel_did(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    moved = "import os\nos.chdir('below')"
    where = "%%component here\nfolder = os.getcwd()"
    _, _, run, status = shown(tmp_path, moved, where, "%pipeline run", "%pipeline status")
    assert "succeeded" in run and "succeeded" in status
    lines = ("%%component here\nfolder = 1", "%pipeline status", "%pipeline load here --outputs", "%pipeline cancel")
    for told in shown(tmp_path, *lines)[1:]:
        assert "this notebook has not been run as a pipeline yet" in told


def test_in_a_terminal_the_graph_and_the_end_are_printed(tmp_path: Path) -> None:
    write(tmp_path, notebook(cell("n = 1", "parameters"), cell("m = n", "step:one", "metrics")), "work.ipynb")
    lines = (
        "%load_ext kfnb", "%pipeline show work.ipynb", "%pipeline run work.ipynb --wait", "%pipeline sweep work.ipynb -p n=4,5 --wait",
    )  # fmt: skip
    command = [sys.executable, "-m", "IPython", "--simple-prompt", "--colors=NoColor", "--no-banner"]
    typed = subprocess.run(command, cwd=tmp_path, input="\n".join(lines), capture_output=True, text=True, timeout=120)
    shown, run, sweep = (typed.stdout.split(f"In [{n}]: ")[1].split("In [")[0] for n in (2, 3, 4))
    assert "parameters  n: int = 1" in shown and "one" in shown
    assert run.rindex("✓ work · succeeded") > run.index("run ") and "✓ one" in run
    assert sweep.count("✓ succeeded") == 2


def test_a_run_of_another_file_is_taken_up_again_with_that_file_as_it_is_now(tmp_path: Path) -> None:
    path = write(tmp_path, notebook(cell("1 / 0", "step:one")), "other.ipynb")
    mended = f"p = __import__('pathlib').Path({str(path)!r})\np.write_text(p.read_text().replace('1 / 0', 'x = 5'))"
    run, _, again = shown(tmp_path, "%pipeline run other.ipynb", mended, "%pipeline retry last")
    assert "failed in step one" in run and f"pipeline of {path}\n" in again and "succeeded" in again
