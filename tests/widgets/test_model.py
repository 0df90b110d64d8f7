"""What a view shows of a run, without a kernel: steps with their iterations, words, the picture, the end of a log."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from kfnb.client.run_object import Run
from kfnb.runs.attempt_logs import LogWriter, tail_of, without_codes
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.run_as_text import run_as_text
from kfnb.runs.step_progress import printed
from kfnb.widgets.follow_runs import catch_up, follow
from kfnb.widgets.log_tail import MOST_LINES, LogTail
from kfnb.widgets.run_view import RunView, notice_of
from kfnb.widgets.static_view import draw
from kfnb.widgets.view_state import Standing
from kfnb.wording import duration
from tests.notebooks import Json, cell
from tests.running import Here
from tests.widgets.kernels import gate

HARM = "<script>alert(1)</script>&'\""


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path)


def standing(store: RunStore, run_id: str, *names: str) -> Standing:
    return Standing(store.head(run_id), store.steps(run_id), store.last_event(run_id), names)


def test_a_run_from_its_events_is_what_its_record_says(store: RunStore) -> None:
    run_id = store.create("p", None, None, "argo", {"limit": 3, "name": "n" * 500})
    shown = standing(store, run_id, "load", "train", "never")
    assert {s["state"] for s in shown.steps().values()} == {"pending"}
    store.record_run(run_id, "running", started=1.0)
    store.record_step(run_id, "load", "load", "succeeded", started=1.0, finished=3.0, attempts=1)
    for at, state in enumerate(["succeeded", "failed", "running"] + ["pending"] * 9):
        error = {"type": "E", "message": "m"} if state == "failed" else None
        store.record_step(
            run_id, f"train[{at}]", "train", state, started=3.0 + at, attempts=1, error=error, reason=state
        )
    changes = shown.apply(store.events(run_id, shown.seq))
    assert set(changes) == {"run", "steps"} and set(changes["steps"]) == {"load", "train"}
    train = shown.step("train")
    assert train is not None and (train["state"], train["path"], train["ended"], train["iterations"]) == ("running", "train[1]", 1, 12)  # fmt: skip
    assert shown.paths("train") == [f"train[{n}]" for n in range(12)]
    again = standing(store, run_id, "load", "train", "never")
    assert shown.steps() == again.steps() and shown.run() == again.run() and shown.states() == again.states()
    assert shown.apply([]) == {}
    store.record_run(run_id, "failed", finished=9.0)
    assert shown.apply(store.events(run_id, shown.seq))["steps"] == {"never": None}
    assert "never" not in shown.steps()


def test_the_last_line_and_how_far_it_says_it_is(store: RunStore, tmp_path: Path) -> None:
    run_id = store.create("p", None, None, "argo", {})
    store.record_run(run_id, "running", started=1.0)
    store.record_step(run_id, "fit", "fit", "running", started=1.0, attempts=1)
    shown = standing(store, run_id, "fit")
    writer = LogWriter(tmp_path / "log")
    writer.feed(b"epoch 1\n\x1b[32m 40%|####   |\x1b[0m 4/10\r\n")
    found = printed(tmp_path / "log")
    assert found is not None and (found.line, found.percent) == (" 40%|####   | 4/10", 40)
    assert shown.print("fit", found.line, found.percent)["steps"]["fit"]["percent"] == 40
    assert shown.print("fit", found.line, found.percent) == {}
    assert "40%|####" in run_as_text("p", shown.run(), shown.steps(), 5.0)
    store.record_step(run_id, "fit", "fit", "succeeded", finished=6.0)
    assert shown.apply(store.events(run_id, shown.seq))["steps"]["fit"]["percent"] is None


@pytest.mark.parametrize(("seconds", "words"), [(0.04, "0.0 s"), (9.97, "10 s"), (185, "3:05 min"), (7800, "2:10 h")])
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_log_is_read_from_its_end_and_on(store: RunStore) -> None:
    run_id = store.create("p", None, None, "argo", {})
    store.record_run(run_id, "running", started=1.0)
    store.record_step(run_id, "fit", "fit", "running", started=1.0, attempts=1)
    folder = store.attempt_folder(run_id, "fit", 1)
    folder.mkdir(parents=True)
    writer = LogWriter(folder / "log")
    writer.feed(b"".join(b"%d %s\n" % (n, b"x" * 90) for n in range(20_000)))
    shown, tail = standing(store, run_id, "fit"), LogTail()
    assert tail.news(store, shown) == {}  # nobody has chosen a step
    tail.choose("fit")
    log = tail.news(store, shown)["log"]
    assert (log["path"], log["attempt"], len(log["lines"])) == ("fit", 1, MOST_LINES)
    assert log["lines"][-1].startswith("19999 ") and 0 < tail_of(folder / "log") < (folder / "log").stat().st_size
    writer.feed(b"more\n")
    assert tail.news(store, shown) == {"log": {"add": ["more"]}}
    assert tail.news(store, shown) == {}
    store.record_step(run_id, "fit", "fit", "running", attempts=2)
    shown.apply(store.events(run_id, shown.seq))
    assert tail.news(store, shown)["log"]["attempt"] == 2
    tail.choose("fit", "fit", 1)
    assert tail.news(store, shown)["log"]["lines"][-1] == "more"


def test_what_is_printed_in_colours_can_be_had_without() -> None:
    assert without_codes("\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b[2K\x1b[1Gy") == "red xy"


def test_the_picture_and_the_text_of_a_view_are_safe_and_complete(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(cell("x = 1", "step:make"), cell(f"raise ValueError({HARM!r})", "step:break", "after:make"))
    from kfnb.client.run_object import Run

    view = RunView(Run(run["run"], here.store.home))
    picture = draw(view, "name")
    ElementTree.fromstring(picture)  # well-formed
    assert "<script" not in picture and "&lt;script&gt;alert(1)" in picture
    assert 'data-step="break" data-state="failed"' in picture and 'id="kfnb-name"' in picture
    assert "✗ break" in str(view) and "ValueError: <script>" in str(view)
    assert view.snapshot()["chosen"] == "break" and "ValueError" in view.snapshot()["log"]["lines"][-1]


def test_errors_are_told_in_words() -> None:
    from kfnb.problems import NotebookError, Problem
    from kfnb.runs.record.lookup_by_name import UnknownRun

    wrong: Any = NotebookError([Problem("KF502", "parameter `n`: `x` is not a number (float)", name="n"), Problem("KF701", "no", "go", name="q")])  # fmt: skip
    told = notice_of(wrong)
    assert told["fields"] == {"n": "`x` is not a number (float)"} and "no (go)" in told["text"]
    assert notice_of(UnknownRun("there is no run `x`"))["text"] == "there is no run `x`"
    assert notice_of(ZeroDivisionError("division by zero"))["text"] == "ZeroDivisionError: division by zero"


class SlowViewer:
    """Shows the end of a run when it is let."""

    def __init__(self) -> None:
        self.is_ending, self.may_end = threading.Event(), threading.Event()

    def update(self, changes: Json) -> None: ...

    def tick(self, store: RunStore) -> None: ...

    def flush(self, store: RunStore) -> None:
        self.is_ending.set()
        self.may_end.wait(60)


def test_the_end_of_a_cell_waits_for_a_view_that_is_about_to_show_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who executes a notebook takes what its last cell has shown by then."""
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    run, viewer = Run(Here(tmp_path).start(cell(gate(tmp_path, "go"), "step:a"))), SlowViewer()
    follow(run, viewer)
    (tmp_path / "go").touch()
    assert viewer.is_ending.wait(60)
    end_of_cell = threading.Thread(target=catch_up)
    end_of_cell.start()
    end_of_cell.join(0.2)
    assert end_of_cell.is_alive()
    viewer.may_end.set()
    end_of_cell.join(60)
    assert not end_of_cell.is_alive()
