"""The seeds and the tutorial as pipeline cells: each run from the command line, showing what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.differential.compare import run_pipeline
from tests.test_notebooks import BRANCHES, FOLDER, Run

SEEDS = "pipeline-cells/"


def test_hello_world(tmp_path: Path) -> None:
    run = Run(tmp_path, SEEDS + "01")
    assert (run.status, run.log("hello-world")) == (0, "Hello World!")


def test_hello_world_in_bash(tmp_path: Path) -> None:
    run = Run(tmp_path, SEEDS + "02")
    assert (run.status, run.log("echo")) == (0, "hello world")


def test_adding_numbers(tmp_path: Path) -> None:
    run = Run(tmp_path, SEEDS + "03", "-p", "a=7", "-p", "b=8")
    assert [run.log(n) for n in ("add", "add-2", "add-3")] == ["7+4=11", "7+8=15", "11+15=26"]
    assert run.step("add-3")["outputs"]["add_3_task"] == 26.0


def test_two_downloads_at_the_same_time(tmp_path: Path) -> None:
    run = Run(tmp_path, SEEDS + "04")
    one, two, last = (run.step(n) for n in ("download", "download-2", "echo"))
    assert max(one["started"], two["started"]) < min(one["finished"], two["finished"])
    texts = [(FOLDER / "data" / f"text{n}.txt").read_text().rstrip("\n") for n in (1, 2)]
    assert run.log("echo") == f"Text 1: {texts[0]}\nText 2: {texts[1]}"


STEPS = {
    "heads-above": ("get-random-int", "print-message"), "heads-below": ("get-random-int", "print-message-2"),
    "tails-above": ("get-random-int-2", "print-message-3"), "tails-below": ("get-random-int-2", "print-message-4"),
}  # fmt: skip


@pytest.mark.parametrize(("coin", "number", "taken", "text"), BRANCHES)
def test_each_branch_has_its_state(tmp_path: Path, coin: str, number: int, taken: str, text: str) -> None:
    run = Run(tmp_path, SEEDS + "05", "-p", f"coin={coin}", "-p", f"number={number}")
    ran = {"flip-coin", *STEPS[taken]}
    assert run.states() == {n: "succeeded" if n in ran else "skipped" for n in run.states()}
    assert (run.status, run.log(STEPS[taken][1])) == (0, text)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["05-flip-coin", "06-flip-coin-exit-handler"])
@pytest.mark.parametrize("folder", [".", "pipeline-cells"])
def test_each_forced_coin_and_number_gives_each_branch_its_state(folder: str, name: str, tmp_path: Path) -> None:
    path = next((FOLDER / folder).glob(f"{name[:2]}*.ipynb"))
    cells = folder == "pipeline-cells"
    coin_name, number_name = ("coin", "number") if cells else ("force", "force_number")
    for number in range(10):
        for coin, low, middle in (("heads", 0, 5), ("tails", 10, 15)):
            n = low + number
            given = {coin_name: coin, number_name: str(n)}
            done = run_pipeline(json.loads(path.read_text()), tmp_path, tmp_path / "home", given=given)
            taken = f"{coin}-{'above' if n > middle else 'below'}"
            fails = name.startswith("06") and coin == "tails"
            ran = {"flip-coin", *STEPS[taken]} if cells else {"flip", f"{coin}-number", taken}
            if name.startswith("06"):
                ran.add("print-message-5" if cells else "goodbye")
            states = {n: s["state"] for n, s in done.summary["steps"].items()}
            expected = {n: "succeeded" if n in ran else "skipped" for n in states}
            if fails:  # what stands beside the failing step may have begun, or been decided, or not
                assert states.pop("fail") == "failed" and done.summary["state"] == "failed"
                others = {n for n in states if states[n] == "omitted"}
                beside = {n for key, names in STEPS.items() if key.startswith("tails") for n in names}
                assert others <= beside | {"tails-number", "tails-above", "tails-below"}
                states.update((n, expected[n]) for n in others)
                expected.pop("fail")
            assert states == expected, (coin, n)


def test_the_exit_handler_runs_after_success_and_after_failure(tmp_path: Path) -> None:
    good = Run(tmp_path, SEEDS + "06", "-p", "coin=heads")
    assert (good.status, good.states()["fail"], good.log("print-message-5")) == (
        0,
        "skipped",
        "Exit handler has worked!",
    )
    bad = Run(tmp_path, SEEDS + "06", "-p", "coin=tails")
    assert (bad.status, bad.summary["state"], bad.states()["fail"]) == (1, "failed", "failed")
    assert bad.log("print-message-5") == "Exit handler has worked!"


def test_the_tutorial(tmp_path: Path) -> None:
    run = Run(tmp_path, "08")
    assert run.status == 0
    assert run.log("report").endswith("the hottest had 30 degrees")
    assert run.log("goodbye") == "the run has succeeded"
