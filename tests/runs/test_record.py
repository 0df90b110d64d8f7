"""The record of runs: events that replay to the state, several writers at once, names that resolve."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kfnb.runs.attempt_logs import LogWriter, cells_of, last_line, read_log
from kfnb.runs.record.home_folder import home_folder
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
from tests.notebooks import cell, notebook, write
from tests.running import Here


def test_the_events_replay_to_the_state(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(
        cell("x = 1", "step:a"),
        cell("y = v", "step:b", "foreach:v in [1, 2]"),
        cell("x / 0", "step:c"),
        cell("1", "step:d", "after:c"),
    )
    events = here.store.events(run["run"])
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    states: dict[str, str] = {}
    state = ""
    for event in events:
        if event.kind == "step":
            states[event.data["path"]] = event.data["state"]
        else:
            state = event.data["state"]
    assert state == run["state"]
    assert states == {s["path"]: s["state"] for s in here.store.steps(run["run"])}
    assert here.store.events(run["run"], since=events[3].seq) == events[4:]


def test_several_runs_at_once_from_several_processes(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        notebook(
            cell("n = 0", "parameters"),
            cell("import time\ntime.sleep(0.2)\nx = n * 2", "step:a"),
            cell("y = x + 1", "step:b"),
        ),
    )
    env = {**os.environ, "KFNB_HOME": str(tmp_path / "home")}
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "kfnb", "run", str(path), "-p", f"n={n}", "--json"],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(5)
    ]
    found = [json.loads(r.communicate(timeout=60)[0]) for r in runs]
    assert [f["steps"]["b"]["outputs"]["y"] for f in found] == [1, 3, 5, 7, 9]
    assert len({f["run"] for f in found}) == 5
    assert len(RunStore(tmp_path / "home").runs()) == 5


def test_a_run_is_found_by_its_id_its_beginning_or_last(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    first, second = (store.create("p", None, None, "local", {}) for _ in range(2))
    assert store.resolve("last") == second
    assert store.resolve(first) == first
    assert store.resolve(second[-4:]) == second
    with pytest.raises(UnknownRun, match="several runs begin with"):
        store.resolve(first[:8])
    with pytest.raises(UnknownRun, match="did you mean"):
        store.resolve(first[:-1] + "zz")


def test_the_home_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "own"))
    assert home_folder() == tmp_path / "own"
    monkeypatch.delenv("KFNB_HOME")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    assert home_folder() == tmp_path / "jupyter" / "kfnb"


def test_logs_keep_lines_times_and_an_end_without_a_newline(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = LogWriter(path)
    for data in (b"one\ntw", b"o\n\xff\n", b"10%\r50%\r100%\nlast"):
        writer.feed(data)
    assert [line.text for line, _ in read_log(path)] == ["one", "two", "\\xff", "10%\r50%\r100%"]
    writer.close()
    lines = [line for line, _ in read_log(path)]
    assert lines[-1].text == "last" and lines[0].time.endswith("Z")
    assert last_line(path) == "last"


def test_runs_begun_in_one_second_have_ids_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tails = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(tails))
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    store = RunStore(tmp_path)
    ids = [store.create("p", None, None, "local", {}) for _ in range(2)]
    assert [i[-4:] for i in ids] == ["aaaa", "bbbb"]


def test_the_middle_of_a_log_that_is_too_long_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = LogWriter(path, "m", limit=10_000)
    for number in range(2_000):
        writer.feed(b"\x1em %d\x1eline %d\n" % (number // 100, number))
    writer.close()
    lines = [line.text for line, _ in read_log(path)]
    cut = next(n for n, text in enumerate(lines) if "left out here" in text)
    assert lines[:cut] == [f"line {n}" for n in range(cut)]
    assert lines[cut + 1 :] == [f"line {n}" for n in range(2_000 - len(lines) + cut + 1, 2_000)]
    assert lines[cut].startswith(f"… {2_000 - len(lines) + 1} lines")
    assert sum(len(text) + 1 for text in lines if text.startswith("line")) <= 10_000 and len(lines) > 800
    data = path.read_bytes()
    for begin, number in cells_of(path):
        text = data[begin:].split(b"\n")[0].decode().partition(" ")[2]
        assert int(text.split()[1]) // 100 == number, (begin, number, text)
    assert [p.name for p in tmp_path.iterdir() if "end" in p.name] == []


def test_a_log_up_to_its_limit_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = LogWriter(path, limit=10_000)
    for _ in range(1_000):
        writer.feed(b"123456789\n")
    writer.close()
    assert [line.text for line, _ in read_log(path)] == ["123456789"] * 1_000
