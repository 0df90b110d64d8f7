"""The command line, as a user types it: real processes, real runs, exit statuses, and clear words for what is wrong."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import cell, notebook, write
from tests.running import wait_for


class Shell:
    """A user's terminal: a folder, and a home for runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "KFNB_HOME": str(folder / "home"), "COLUMNS": "100"}

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "kfnb", *words],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "kfnb", *words], cwd=self.folder, env=self.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def notebook(self, *cells: dict[str, Any], name: str = "nb.ipynb") -> str:
        write(self.folder, notebook(*cells), name)
        return name


@pytest.fixture
def kfnb(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


GOOD = (
    cell("a: float = 1.0", "parameters"),
    cell("x = a + 1\nprint('x is', x)", "step:one"),
    cell("y = x * 2", "step:two"),
    cell("acc = 0.5", "metrics"),
)
BAD = (
    cell("x = 1", "step:one"),
    cell("print('about to fail')\nx / 0", "step:two"),
    cell("print(x)", "step:three", "after:two"),
)


# -------------------------------------------------------------------- run
def test_a_run_shows_its_steps_logs_values_and_ends_with_status_0(kfnb: Shell) -> None:
    done = kfnb("run", kfnb.notebook(*GOOD), "-p", "a=3")
    assert done.returncode == 0, done.stderr
    for words in ("✓ one succeeded", "[one] x is 4.0", "✓ two succeeded", "y = 8.0", "acc = 0.5", "succeeded in"):
        assert words in done.stdout


def test_an_unmarked_notebook_runs_as_it_is_asked_to_and_a_retry_keeps_that(kfnb: Shell) -> None:
    name = kfnb.notebook(
        cell("x = 2"), cell("def f(n):\n    return n * x"), cell("y = f(4)\nprint(y)"), cell("1 / (y - 8)")
    )
    shown = kfnb("show", name, "--as", "one", "--json")
    assert [s["cells"] for s in json.loads(shown.stdout)["steps"]] == [[1, 2, 3, 4]]
    done = kfnb("run", name, "--as", "cells")
    assert done.returncode == 1
    assert "[f] 8" in done.stdout and "cell-4" in done.stdout
    kfnb.notebook(cell("x = 2"), cell("def f(n):\n    return n * x"), cell("y = f(4)\nprint(y)"), cell("1 / y"))
    again = kfnb("retry", "last")
    assert again.returncode == 0, again.stdout
    assert "✓ cell-4 succeeded" in again.stdout
    wrong = kfnb("run", name, "--as", "rows")
    assert wrong.returncode == 2 and "'one', 'headings', 'cells'" in wrong.stderr


def test_a_failing_run_points_at_the_cell_and_line_and_ends_with_status_1(kfnb: Shell) -> None:
    done = kfnb("run", kfnb.notebook(*BAD))
    assert done.returncode == 1
    for words in (
        "step two, cell 2, line 2: ZeroDivisionError: division by zero",
        "about to fail",
        "x / 0",
        "∅ three omitted  (two failed)",
        "kfnb retry",
    ):
        assert words in done.stdout


def test_json_is_one_object_and_nothing_else(kfnb: Shell) -> None:
    done = kfnb("run", kfnb.notebook(*GOOD), "--json", "--experiment", "try")
    found = json.loads(done.stdout)
    assert {"run", "pipeline", "engine", "state", "parameters", "steps", "error"} <= set(found)
    assert (found["engine"], found["state"], found["error"], found["experiment"]) == ("local", "succeeded", None, "try")
    assert {"state", "started", "finished", "attempts", "reason", "outputs"} <= set(found["steps"]["one"])
    assert (found["steps"]["one"]["outputs"], found["metrics"]) == ({"x": 2.0}, {"acc": 0.5})
    assert done.stderr == ""


def test_half_a_character_is_shown_as_its_escape_wherever_it_stands(kfnb: Shell) -> None:
    bad = "import sys\nprint('out \\ud83d')\nsys.stderr.write('err \\ud83d')\nx = p + '\\ud83d'\nraise ValueError(x)"
    name = kfnb.notebook(cell("p = '\\ud83d'", "parameters"), cell("q = {p: [p]}", "step:one"), cell(bad, "step:two"))
    failed = kfnb("run", name)
    assert failed.returncode == 1
    for words in ("[two] out \\ud83d", "err \\ud83d", "ValueError: \\ud83d\\ud83d"):
        assert words in failed.stdout, failed.stdout
    assert "q = {'\\ud83d': ['\\ud83d']}" in kfnb("run", name, "--step", "one").stdout
    assert json.loads(kfnb("status", "last", "--json").stdout)["parameters"] == {"p": "\ud83d"}
    for words in (["show", name, "--svg"], ["report", "last"]):
        assert kfnb(*words).returncode == 0
    refused = kfnb("compile", name, "--engine", "argo")
    assert refused.returncode == 1 and "KF320" in refused.stderr + refused.stdout
    written = kfnb("run", kfnb.notebook(cell("a = 1\nb = '\ud83d'", "step:a"), name="raw.ipynb"))
    assert "cell 1:2: error KF104" in written.stderr and "half a character, `\\ud83d`" in written.stderr


def test_a_detached_run_outlives_the_command_and_can_be_followed(kfnb: Shell) -> None:
    waits = "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\nprint('done')"
    run = kfnb("run", kfnb.notebook(cell(waits, "step:a")), "--detach").stdout.strip()
    assert json.loads(kfnb("status", run, "--json").stdout)["state"] == "running"
    (kfnb.folder / "go").touch()
    assert kfnb("logs", run, "a", "-f").stdout == "done\n"
    wait_for(lambda: json.loads(kfnb("status", run, "--json").stdout)["state"] == "succeeded")


def test_ctrl_c_cancels_the_run_and_leaves_130(kfnb: Shell) -> None:
    name = kfnb.notebook(
        cell("import time\nprint('up')\ntime.sleep(600)", "step:a"),
        cell("print(kfnb_status['state'])", "step:end", "exit"),
    )
    process = kfnb.start("run", name)
    wait_for(lambda: "running" in kfnb("runs").stdout, 60)
    wait_for(lambda: "up" in kfnb("logs", "last").stdout, 60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, out + err
    assert "■ a cancelled" in out and "[end] cancelled" in out and "Traceback" not in err


def test_a_terminal_gets_a_live_table(kfnb: Shell) -> None:
    name = kfnb.notebook(
        cell("import time\nprint('working on it')\ntime.sleep(0.8)", "step:first"),
        cell("1", "step:second", "after:first"),
    )
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kfnb", "run", name],
        cwd=kfnb.folder,
        env={**kfnb.env, "TERM": "xterm-256color"},
        stdin=child,
        stdout=child,
        stderr=child,
    )
    os.close(child)
    shown = b""
    while True:
        try:
            data = os.read(parent, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    assert process.wait(20) == 0
    text = shown.decode()
    assert "▶ running" in text and "working on it" in text and "✓ succeeded" in text and "\x1b[" in text


def test_parts_of_a_pipeline(kfnb: Shell) -> None:
    name = kfnb.notebook(*GOOD)
    kfnb("run", name)
    assert "⟲ one cached" in kfnb("run", name, "--from", "two").stdout
    assert json.loads(kfnb("run", name, "--step", "two", "--json").stdout)["steps"]["two"]["state"] == "succeeded"
    assert "⟲ two cached" in kfnb("run", name, "--cache").stdout


def test_retry_takes_the_notebook_as_it_is_now_and_where_it_is_now(kfnb: Shell) -> None:
    name = kfnb.notebook(*BAD)
    kfnb("run", name)
    kfnb.notebook(BAD[0], cell("print(x / 1)", "step:two"), BAD[2])
    (kfnb.folder / name).rename(kfnb.folder / "renamed.ipynb")
    done = kfnb("retry", "renamed.ipynb")
    assert done.returncode == 0
    assert "✓ two succeeded" in done.stdout and "[two] 1.0" in done.stdout and "[one]" not in done.stdout
    (kfnb.folder / "disk").mkdir()
    shutil.copy(kfnb.folder / "renamed.ipynb", kfnb.folder / "disk")
    assert kfnb("status", "disk/renamed.ipynb").returncode == 2, "a copy"
    (kfnb.folder / "renamed.ipynb").unlink()  # so that a copy is what a move to another disk leaves
    assert "✓ succeeded" in kfnb("status", "disk/renamed.ipynb").stdout


# -------------------------------------------------------------------- the record
def test_the_record_answers(kfnb: Shell) -> None:
    assert "there is no run yet" in kfnb("runs").stdout
    kfnb("run", kfnb.notebook(*GOOD))
    (head,) = json.loads(kfnb("runs", "--json").stdout)
    assert head["run"] in kfnb("runs").stdout
    assert "✓ succeeded" in kfnb("status", "last").stdout
    assert kfnb("logs", head["run"][:-1]).stdout == "[one] x is 2.0\n"
    assert kfnb("logs", "last", "one", "--times").stdout.endswith("Z x is 2.0\n")
    assert kfnb("result", "last", "two.y").stdout == "4.0\n"
    assert json.loads(kfnb("result", "last", "two.y", "--json").stdout)["value"] == 4.0
    kfnb("result", "last", "two.y", "-o", "y.json")
    assert json.loads((kfnb.folder / "y.json").read_text()) == 4.0
    assert kfnb("result", "last", "two.y", "--format", "pkl").stdout == "y.pkl\n" and (kfnb.folder / "y.pkl").exists()
    assert "it can be as .json, .pkl" in kfnb("result", "last", "two.y", "-o", "y.parquet").stderr
    assert "has ended already: succeeded" in kfnb("cancel", "last").stdout


WRONG = (
    (("status", "nope"), "there is no run `nope`"),
    (("logs", "last", "on"), "did you mean `one`?"),
    (("result", "last", "two.z"), "it left y"),
    (("result", "last", "y"), "should be STEP.NAME"),
    (("retry", "last", "--from", "nope"), "has no step `nope`"),
    (("show", "nb.ipynb", "--why", "nope"), "the steps are one, two"),
    (("run", "nb.ipynb", "--step", "nope"), "there is no step `nope`"),
    (("run", "nb.ipynb", "--target", "prod"), "no target `prod`"),
    (("run", "nb.ipynb", "-p", "a"), "should be `-p NAME=VALUE`"),
    (("run", "nb.ipynb", "-p", "b=1"), "KF501: the pipeline has no parameter `b`"),
    (("run", "nb.ipynb", "-p", "a=x"), "KF502: parameter `a`: `x` is not a number"),
    (("run", "missing.ipynb"), "does not exist"),
    (("nonsense",), "No such command"),
)


def test_a_wrong_command_line_is_told_and_ends_with_status_2(kfnb: Shell) -> None:
    kfnb("run", kfnb.notebook(*GOOD))
    for words, message in WRONG:
        done = kfnb(*words)
        assert done.returncode == 2, (words, done.stdout + done.stderr)
        assert message in done.stderr, words


# -------------------------------------------------------------------- bad notebooks
BROKEN = {
    "not JSON": ('{"cells": [', "KF101", "not JSON at line 1"),
    "empty": ("", "KF101", "is empty"),
    "no notebook": ("[1]", "KF101", "no cells"),
    "nothing to run": (json.dumps(notebook()), "KF107", "no step"),
    "a syntax error": (
        json.dumps(notebook(cell("x = 1", "step:a"), cell("y = = 2", "step:b"))),
        "KF104",
        "nb.ipynb:cell 2:1: error KF104",
    ),
    "a circle": (
        json.dumps(notebook(cell("x = 1", "step:a", "after:b"), cell("y = x", "step:b"))),
        "KF402",
        "wait for each other",
    ),
    "an unknown step": (json.dumps(notebook(cell("1", "step:a", "after:nowhere"))), "KF401", "is no step"),
    "a bad name": (json.dumps(notebook(cell("1", "step:ä ö"))), "KF204", "cannot be the name of a step"),
    "a contradiction": (
        json.dumps(notebook(cell("1", "step:a", "retry:1"), cell("2", "step:a", "retry:2"))),
        "KF203",
        "`retry` says",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_notebook_is_refused_in_clear_words_with_status_1(kfnb: Shell, name: str) -> None:
    text, code, message = BROKEN[name]
    path = kfnb.folder / "nb.ipynb"
    path.write_text(text)
    for words in (("check", "nb.ipynb"), ("run", "nb.ipynb"), ("show", "nb.ipynb")):
        done = kfnb(*words)
        assert done.returncode == 1
        assert code in done.stderr and message in done.stderr, done.stderr
    problems = json.loads(kfnb("check", "nb.ipynb", "--json").stdout)["problems"]
    assert code in [p["code"] for p in problems]
    assert json.loads(kfnb("run", "nb.ipynb", "--json").stdout)["problems"]
    assert path.read_text() == text


def test_a_notebook_of_5000_cells(kfnb: Shell) -> None:
    name = kfnb.notebook(*(cell(f"x{n} = {n}", f"step:s{n}") for n in range(5000)))
    start = time.monotonic()
    assert "ok, 5000 steps" in kfnb("check", name).stdout
    assert time.monotonic() - start < 30


def test_unicode_everywhere(kfnb: Shell) -> None:
    name = kfnb.notebook(
        cell("größe: str = '∑🎈'", "parameters"),
        cell("wert = größe + 'ß'\nprint(wert)", "step:a"),
        name="ünï cödé 🎈.ipynb",
    )
    done = kfnb("run", name, "-p", "größe=日本")
    assert (done.returncode, "[a] 日本ß" in done.stdout) == (0, True)
    assert kfnb("result", "last", "a.wert").stdout == "日本ß\n"


def test_a_full_disk_under_the_record_is_told_and_the_run_can_be_retried(kfnb: Shell) -> None:
    disk = kfnb.folder / "small"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        kfnb.env["KFNB_HOME"] = str(disk)
        name = kfnb.notebook(
            cell("x = 1", "step:a"), cell("for i in range(100_000):\n    print('y' * 99)", "step:b", "after:a")
        )
        done = kfnb("run", name)
        assert done.returncode == 1
        assert "interrupted" in done.stdout and "the disk is full" in done.stdout, done.stdout[-2000:]
        for log in disk.glob("runs/*/steps/b/*/log"):
            log.unlink()
        kfnb.notebook(cell("x = 1", "step:a"), cell("print('short')", "step:b", "after:a"))
        again = kfnb("retry", "last")
        assert (again.returncode, "[b] short" in again.stdout) == (0, True), again.stdout + again.stderr
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)  # the processes of the run may still be ending


# -------------------------------------------------------------------- show, check, help
def test_show_and_check(kfnb: Shell) -> None:
    name = kfnb.notebook(*GOOD)
    assert "one" in kfnb("show", name).stdout
    assert "`x` is made in cell 2" in kfnb("show", name, "--why", "two").stdout
    assert kfnb("show", name, "--svg").stdout.startswith("<svg")
    shown = json.loads(kfnb("show", name, "--json").stdout)
    assert set(shown) == {"pipeline", "description", "parameters", "steps", "edges", "problems"}
    assert "ok, 3 steps" in kfnb("check", name).stdout


def test_help_version_and_completion(kfnb: Shell) -> None:
    assert "Notebooks become pipelines" in kfnb("--help").stdout
    for command in (
        "run",
        "show",
        "check",
        "runs",
        "status",
        "logs",
        "cancel",
        "retry",
        "archive",
        "result",
        "completion",
    ):
        assert "Usage: kfnb" in kfnb(command, "--help").stdout
    assert kfnb("--version").stdout.startswith("kfnb, version")
    for shell in ("bash", "zsh", "fish"):
        assert "_KFNB_COMPLETE" in kfnb("completion", shell).stdout


def test_a_script_with_cells_runs_fails_and_is_taken_up_again_with_its_own_lines(tmp_path: Path) -> None:
    kfnb = Shell(tmp_path)
    script = tmp_path / "train.py"
    text = '# %% tags=["parameters"]\nn = 3\n\n# %% tags=["step:load"]\nx = [1] * n\n\n# %%\n# %%component use\ny = sum(x)\nprint(y / 0)\n'
    script.write_text(text)
    failed = kfnb("run", "train.py", "-p", "n=5", "--json")
    error = json.loads(failed.stdout)["error"]
    assert (error["step"], error["cell"], error["line"], error["type"]) == ("use", 3, 10, "ZeroDivisionError")
    script.write_text(text.replace("y / 0", "y / 5, lost"))
    assert "train.py:10: cell 3: error KF301: `lost`" in kfnb("check", "train.py").stderr
    script.write_text(text.replace("y / 0", "y / 5"))
    assert kfnb("retry", "last").returncode == 0
    assert kfnb("report", "last", "-o", "report.ipynb").returncode == 0
    report = json.loads((tmp_path / "report.ipynb").read_text("utf-8"))
    assert any("print(y / 5)" in "".join(c["source"]) for c in report["cells"])
    (tmp_path / "notes.txt").write_text("hello")
    refused = kfnb("run", "notes.txt")
    assert refused.returncode == 1 and "is a text file, not a notebook" in refused.stderr and "# %%" in refused.stderr
