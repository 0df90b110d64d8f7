"""Sweeps on this machine, as a user begins them: real runs, their table, plot and files, and what becomes of them when they are ended."""

from __future__ import annotations

import asyncio
import csv
import json
import signal
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kfnb import sweep
from kfnb.problems import NotebookError
from tests.cli.test_cli import Shell
from tests.notebooks import cell, notebook, write

TRAIN = (
    cell("lr: float = 0.1\ndepth: int = 3\nwait: float = 0.0", "parameters"),
    cell("import os\nimport time\ntime.sleep(0.2)\ndata = os.getpid()", "step:data"),
    cell(
        "assert (lr, depth) != (1.0, 2), 'it diverged'\nprint('begun', flush=True)\ntime.sleep(wait)\nx = (lr, depth)",
        "step:train",
    ),
    cell("accuracy = 1 / (1 + abs(x[0] - 0.01)) - x[1] / 1000\nmaker = data", "metrics"),
    cell("print('ended', kfnb_status['state'])", "step:end", "exit"),
)


@pytest.fixture
def kfnb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    found = Shell(tmp_path)
    monkeypatch.setenv("KFNB_HOME", found.env["KFNB_HOME"])
    found.notebook(*TRAIN, name="train.ipynb")
    return found


def test_a_sweep_names_the_best_run_and_a_failing_one_stops_no_other(kfnb: Shell) -> None:
    words = ("sweep", "train.ipynb", "-p", "lr=1,0.01", "-p", "depth=range(2,4)", "--cache", "--experiment", "mine")
    files = [w for f in ("t.csv", "t.json", "t.svg", "t.html") for w in ("-o", f)]
    done = kfnb(*words, "--maximize", "accuracy", *files)
    assert done.returncode == 1, done.stderr
    assert "4 runs of train: lr 1, 0.01 × depth 2, 3" in done.stdout
    assert "best: accuracy = 0.998 with lr=0.01 depth=2, run " in done.stdout
    assert "lr=1 depth=2: step train, cell 3, line 1: AssertionError: it diverged (kfnb logs " in done.stdout
    rows = list(csv.DictReader((kfnb.folder / "t.csv").read_text().splitlines()))
    assert [(r["lr"], r["depth"], r["state"]) for r in rows] == [
        ("0.01", "2", "succeeded"), ("0.01", "3", "succeeded"), ("1.0", "3", "succeeded"), ("1.0", "2", "failed"),
    ]  # fmt: skip
    assert len({r["maker"] for r in rows[:3]}) == 1, "the step that is the same in all runs is run once"
    told = json.loads((kfnb.folder / "t.json").read_text())
    assert told["best"]["run"] == rows[0]["run"] and told["best"]["parameters"] == {"lr": 0.01, "depth": 2}
    picture = ET.fromstring((kfnb.folder / "t.svg").read_text())
    assert "accuracy = 0.998 with lr=0.01 depth=2" in " ".join(t.text or "" for t in picture.iter() if "title" in t.tag)
    page = (kfnb.folder / "t.html").read_text()
    assert rows[0]["run"] in page and "it diverged" in page and "<svg" in page
    assert kfnb("runs").stdout.count("[mine]") == 4

    again = kfnb(*words, "--resume", "--minimize", "accuracy", "--json")
    found = json.loads(again.stdout)
    assert again.returncode == 1 and {r["run"] for r in found["runs"]} > {r["run"] for r in rows[:3]}
    assert kfnb("runs").stdout.count("[mine]") == 5, "only the one that had failed is run again"
    assert found["best"]["parameters"] == {"lr": 1.0, "depth": 3}


def test_without_a_goal_both_ends_of_a_metric_are_told_and_none_is_called_best(kfnb: Shell) -> None:
    done = kfnb("sweep", "train.ipynb", "-p", "lr=0.01", "-p", "depth=2,3")
    assert done.returncode == 0, done.stderr
    assert "highest: accuracy = 0.998 with depth=2" in done.stdout and "lowest: accuracy = 0.997" in done.stdout
    assert "--maximize accuracy, or --minimize, names the best run" in done.stdout
    assert "best" not in done.stdout.replace("names the best run", "")


def test_ctrl_c_cancels_the_runs_with_their_exit_handlers_and_begins_no_more(kfnb: Shell) -> None:
    words = ("sweep", "train.ipynb", "-p", "wait=30,31,0,32", "-j", "3")
    process = kfnb.start(*words)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("✓ 1/4"):
            break  # the third run has ended, the fourth begins
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert out.count("■ cancelled") >= 2 and "--resume" in out and "cancelling" in err
    ids = [h["run"] for h in json.loads(kfnb("runs", "--json").stdout) if h["state"] == "cancelled"]
    assert ids and all("ended cancelled" in kfnb("logs", run, "end").stdout for run in ids)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-p", "lr=a,1", "-p", "dept=1", "--maximize", "acuracy"), ["`a` is not a number", "`depth`?", "`acuracy`"]),
        (("-p", "lr=range(0,1,0.01)", "-p", "depth=1,2,3"), ["100 × 3 = 300 runs", "--max-runs to 300", "--random"]),
        ((), ["no parameter is given values", "lr: float = 0.1"]),
        (("-p", "lr=1,2", "--maximize", "a", "--minimize", "b"), ["either --maximize or --minimize"]),
        (("-p", "lr=1,2", "--resume"), ["--resume needs --experiment"]),
        (("-p", "lr=1,2", "--seed", "1"), ["--seed goes with --random"]),
        (("-p", "lr=1,2", "-o", "x.png"), [".csv, .json, .svg, .html"]),
        (("-p", "lr=1,2", "-o", "no/x.csv"), ["no folder"]),
        (("-p", "lr=1,2", "--target", "prod"), ["there is no target `prod`"]),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(kfnb: Shell, words: tuple[str, ...], told: list[str]) -> None:
    done = kfnb("sweep", "train.ipynb", *words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert all(t in done.stderr for t in told), done.stderr
    assert not list(Path(kfnb.env["KFNB_HOME"]).glob("runs/*"))


def test_from_python_a_sweep_goes_on_by_itself_and_shows_itself_in_every_form(kfnb: Shell) -> None:
    grid = {"lr": [0.01, 0.1], "wait": 0.0}
    begun = sweep(kfnb.folder / "train.ipynb", grid, maximize="accuracy")
    assert begun.state == "running"

    async def awaited() -> bool:
        return (await begun).ended

    assert asyncio.run(awaited()) and begun.state == "succeeded"
    best = begun.best()
    assert best.parameters["lr"] == 0.01 and best["train"]["x"] == (0.01, 3)
    assert begun.best(minimize="accuracy").parameters["lr"] == 0.1
    assert [list(r) for r in begun.table()] == [["lr", "accuracy", "maker", "state", "duration", "run"]] * 2
    assert [r["lr"] for r in begun.table()] == [0.01, 0.1]
    bundle = begun._repr_mimebundle_()
    assert best.id in bundle["text/plain"] and best.id in bundle["text/html"]
    ET.fromstring(bundle["image/svg+xml"])
    with pytest.raises(LookupError, match="loss"):
        begun.best(minimize="loss")
    with pytest.raises(NotebookError, match="KF501"):
        sweep(kfnb.folder / "train.ipynb", {"rl": [1, 2]})
    drawn = sweep(kfnb.folder / "train.ipynb", {"depth": range(1000)}, random=2, seed=1).wait()
    assert len(drawn.runs) == 2 and drawn.state == "succeeded"


def test_runs_that_read_files_they_write_go_one_after_the_other_and_it_is_said(kfnb: Shell) -> None:
    cells = (
        cell("a: int = 1", "parameters"),
        cell("with open('a.txt', 'w') as file:\n    print(a, file=file)", "step:write"),
        cell("import time\ntime.sleep(0.1)\nwith open('a.txt') as file:\n    b = int(file.read())", "metrics"),
        cell("open('left.txt', 'w').close()", "step:last"),
    )
    path = write(kfnb.folder, notebook(*cells), "files.ipynb")
    with pytest.warns() as told:
        found = sweep(path, {"a": [1, 2, 3]}).wait()
    texts = [str(w.message) for w in told]
    assert any("one after the other" in t and "`a.txt`" in t for t in texts)
    assert any("`left.txt`" in t and "last one stays" in t for t in texts)
    assert [(r["a"], r["b"]) for r in found.table()] == [(1, 1), (2, 2), (3, 3)]
    with pytest.warns() as told:
        assert len(sweep(path, {"a": [1, 2]}, jobs=2).wait().runs) == 2
    assert any("a run may read what another wrote" in str(w.message) for w in told)
