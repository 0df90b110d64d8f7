"""The notebooks that come with kfnb: each run as a pipeline shows what it promises.

That *Run All* in a kernel gives the same is shown by `tests/differential/test_seed_notebooks.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"


class Run:
    """`kfnb run NOTEBOOK … --json`, and questions about it."""

    def __init__(self, home: Path, name: str, *options: str) -> None:
        self.env = {**os.environ, "KFNB_HOME": str(home)}
        done = self.kfnb("run", str(next(FOLDER.glob(f"{name}*.ipynb"))), *options, "--json")
        self.status, self.summary = done.returncode, json.loads(done.stdout)

    def kfnb(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kfnb", *words], env=self.env, capture_output=True, text=True, timeout=120
        )

    def states(self) -> dict[str, str]:
        return {n: s["state"] for n, s in self.summary["steps"].items()}

    def log(self, step: str) -> str:
        return self.kfnb("logs", self.summary["run"], step).stdout.rstrip("\n")

    def step(self, name: str) -> dict[str, Any]:
        return self.summary["steps"][name]


def test_hello_world_says_hello(tmp_path: Path) -> None:
    run = Run(tmp_path, "01")
    assert (run.status, run.states()) == (0, {"hello": "succeeded"})
    assert run.log("hello") == "Hello World!"


def test_hello_world_in_bash_says_hello(tmp_path: Path) -> None:
    run = Run(tmp_path, "02")
    assert (run.status, run.log("hello")) == (0, "hello world")


def test_adding_numbers_with_given_parameters(tmp_path: Path) -> None:
    run = Run(tmp_path, "03", "-p", "a=7", "-p", "b=8", "--experiment", "Add number pipeline")
    assert run.status == 0
    assert run.log("add-4") == "7+4=11"
    assert run.log("add-b") == "7+8=15"
    assert run.log("add-both") == "11+15=26\n26.0"
    assert run.step("add-both")["outputs"]["total"] == 26.0
    assert run.summary["experiment"] == "Add number pipeline"
    assert run.summary["parameters"] == {"a": 7.0, "b": 8.0}


def test_the_two_downloads_run_at_the_same_time_and_the_third_step_waits_for_both(tmp_path: Path) -> None:
    run = Run(tmp_path, "04")
    one, two, last = (run.step(n) for n in ("download-1", "download-2", "echo"))
    assert max(one["started"], two["started"]) < min(one["finished"], two["finished"])
    assert last["started"] >= max(one["finished"], two["finished"])
    texts = [(FOLDER / "data" / f"text{n}.txt").read_text().rstrip("\n") for n in (1, 2)]
    assert run.log("echo") == f"Text 1: {texts[0]}\nText 2: {texts[1]}"


BRANCHES = [
    ("heads", 7, "heads-above", "heads and 7 > 5!"),
    ("heads", 3, "heads-below", "heads and 3 <= 5!"),
    ("tails", 18, "tails-above", "tails and 18 > 15!"),
    ("tails", 12, "tails-below", "tails and 12 <= 15!"),
]


@pytest.mark.parametrize(("coin", "number", "taken", "text"), BRANCHES)
def test_the_branch_taken_runs_and_the_others_show_as_skipped(
    tmp_path: Path, coin: str, number: int, taken: str, text: str
) -> None:
    run = Run(tmp_path, "05", "-p", f"force={coin}", "-p", f"force_number={number}")
    assert run.status == 0
    ran = {"flip", f"{coin}-number", taken}
    assert run.states() == {n: "succeeded" if n in ran else "skipped" for n in run.states()}
    assert len(run.states()) == 7
    assert run.log(taken) == text


def test_the_exit_handler_runs_after_success(tmp_path: Path) -> None:
    run = Run(tmp_path, "06", "-p", "force=heads", "-p", "force_number=7")
    assert (run.status, run.summary["state"]) == (0, "succeeded")
    assert run.states()["fail"] == "skipped"
    assert run.log("goodbye") == "Exit handler has worked!"


def test_the_exit_handler_runs_after_a_failure_and_the_run_stays_failed(tmp_path: Path) -> None:
    run = Run(tmp_path, "06", "-p", "force=tails")
    assert (run.status, run.summary["state"]) == (1, "failed")
    assert run.states()["fail"] == "failed"
    assert run.log("fail").startswith("It was tails")
    assert run.log("goodbye") == "Exit handler has worked!"
    assert run.summary["error"]["step"] == "fail"


def test_three_models_are_trained_side_by_side_and_the_best_is_kept_when_it_is_good_enough(tmp_path: Path) -> None:
    run = Run(tmp_path, "07")
    assert run.status == 0, run.summary["error"]
    assert run.states()["keep"] == "succeeded"
    assert run.states()["give-up"] == "skipped"
    shown = json.loads(run.kfnb("show", str(FOLDER / "07-machine-learning.ipynb"), "--json").stdout)
    models = {"train-logistic", "train-forest", "train-neighbours"}
    assert not [e for e in shown["edges"] if e["from"] in models and e["to"] in models]
    assert run.summary["metrics"]["best_accuracy"] == max(
        v for n, v in run.summary["metrics"].items() if n != "best_accuracy"
    )
    kept = f"{run.step('compare')['outputs']['best']} is kept"
    assert run.log("keep").startswith(kept)
    higher = Run(tmp_path, "07", "--cache", "-p", "good_enough=1.5")  # than any model reaches
    assert higher.status == 0 and {higher.states()[name] for name in models} == {"cached"}
    assert (higher.states()["keep"], higher.states()["give-up"]) == ("skipped", "succeeded")
