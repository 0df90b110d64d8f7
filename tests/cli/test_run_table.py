"""The table of a run has the whole name of each step, however wide the screen is and however long a reason."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from kfnb.cli.live_run_table import final_table, table
from kfnb.states import SYMBOLS

REASON = 'ImagePullBackOff: Back-off pulling image "nowhere.invalid/none:1": no such host' * 3


def step(state: str, reason: str | None = None) -> dict[str, Any]:
    return {"state": state, "started": 1.0, "finished": 3_700.0, "attempts": 1, "reason": reason, "outputs": {}}


@pytest.mark.parametrize("width", range(40, 201, 7))
def test_the_names_stand_beside_the_longest_reasons(width: int) -> None:
    names = ["load-the-houses", "train", "größenvergleich", "a-step-with-a-name-longer-than-a-narrow-screen"]
    states = ["failed", "succeeded", "cancelled", "omitted"]
    steps = {n: step(s, REASON if s != "succeeded" else None) for n, s in zip(names, states, strict=True)}
    summary = {"run": "r", "steps": steps}
    console = Console(width=width, file=None, force_terminal=False)
    with console.capture() as caught:
        console.print(table(summary, width, {}))
    lines = caught.get().split("\n")
    assert all(len(line) <= width for line in lines)
    for name, state in zip(names, states, strict=True):
        (row,) = [line for line in lines if f"{SYMBOLS[state]} {state}" in line]
        assert row.split()[0] == name or len(name) > 16 or width < 60
    assert all(name in "".join(line.split(" ")[0] for line in lines) for name in names)
    if width >= 100:
        assert "ImagePullBackOff: Back" in next(line for line in lines if line.startswith(names[0]))


def printed(content: Any, width: int) -> list[str]:
    console = Console(width=width, force_terminal=False)
    with console.capture() as caught:
        console.print(content)
    return caught.get().rstrip("\n").split("\n")


@pytest.mark.parametrize("width", [80, 100])
def test_the_final_table_has_state_and_time_and_whole_reasons_below(width: int) -> None:
    steps = {"load": step("succeeded"), "train": step("failed", REASON), "report": step("omitted", "the run failed")}
    summary: dict[str, Any] = {"run": "r", "steps": steps, "error": None}
    lines = printed(final_table(summary, width, {}), width)
    assert [line.split()[:3] for line in lines[1:3]] == [["load", "✓", "succeeded"], ["train", "✗", "failed"]]
    assert all("1:01 h" in line for line in lines[1:3]) and "the run failed" in lines[3]
    assert "".join(lines[4:]).replace(" ", "") == f"train: {REASON}".replace(" ", "")
    kind, _, message = REASON.partition(": ")
    error = {"step": "train", "cell": 2, "line": 1, "type": kind, "message": message}
    steps["test"] = step("failed", REASON)
    lines = printed(final_table({**summary, "error": error}, width, {}), width)
    assert "".join(lines[5:]).replace(" ", "") == f"test: {REASON}".replace(" ", ""), (
        "that of `train` follows, with its place"
    )


def test_a_live_table_that_is_too_long_keeps_what_goes_on_and_counts_the_rest() -> None:
    states = ["failed", *["succeeded"] * 20, "cached", "running", *["pending"] * 17]
    summary = {"run": "r", "steps": {f"step-{n}": step(s) for n, s in enumerate(states)}}
    lines = printed(table(summary, 80, {}, most=6), 80)
    assert [line.split()[0] for line in lines[1:-1]] == ["step-0", "step-22", *(f"step-{n}" for n in range(23, 27))]
    assert lines[-1].strip() == "and 34 more: 13 pending, 20 succeeded, 1 cached"
    assert len(printed(table(summary, 80, {}, most=40), 80)) == 41
