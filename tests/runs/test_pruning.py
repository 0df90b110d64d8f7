"""Old runs go, with what only they had; what a kept run or one that runs needs stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kfnb.runs.retention.prune_runs import GRACE, StillRuns, collect, delete_runs, outdated, size_of
from kfnb.runs.retention.retention_settings import BadRetention, Retention, age, retention
from tests.notebooks import cell
from tests.running import Here, wait_for


def values(here: Here) -> int:
    return size_of(here.store.values)


def test_values_go_with_the_last_run_that_has_them(tmp_path: Path) -> None:
    here = Here(tmp_path)
    same = cell("import numpy as np\nshared = np.zeros(300_000)", "step:same")
    own = "own = np.full(200_000, {}.0)"
    runs = [
        here.run(same, cell(own.format(n), "step:own"), cell("print(own, shared)", "step:end"))["run"] for n in range(3)
    ]
    assert 2_400_000 + 3 * 1_600_000 < values(here) < 7_300_000, "equal arrays are stored once"
    assert outdated(here.store, Retention(keep=1)) == runs[:2]
    done = delete_runs(here.store, runs[:2])
    assert done.runs == tuple(runs[:2]) and done.bytes > 3_200_000
    assert values(here) < 4_100_000
    assert here.store.value(runs[2], "own", "own")[0] == 2.0 and here.store.value(runs[2], "same", "shared").sum() == 0
    assert [h["run"] for h in here.store.runs()] == [runs[2]] and not here.store.folder(runs[0]).exists()
    delete_runs(here.store, [runs[2]])
    assert values(here) == 0


def test_a_run_that_goes_on_is_not_deleted_and_loses_nothing(tmp_path: Path) -> None:
    here = Here(tmp_path)
    go = tmp_path / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}):\n    time.sleep(0.01)\nprint(sum(rows))"
    old = here.run(cell("rows = [1, 2, 3]", "step:a"))["run"]
    run = here.start(cell("rows = list(range(50_000))", "step:a"), cell(wait, "step:b"))
    here.until(run, lambda s: s["steps"].get("b", {}).get("state") == "running")
    with pytest.raises(StillRuns, match="has not ended"):
        delete_runs(here.store, [run])
    young = here.store.values / "ab" / ("ab" * 32)
    young.parent.mkdir(exist_ok=True)
    for file, seconds in ((young, 0.0), (young.with_name("ab" * 31 + "00"), 2 * GRACE)):
        file.write_text("a step has stored this, and its end is not recorded yet")
        os.utime(file, (file.stat().st_atime, file.stat().st_mtime - seconds))
    delete_runs(here.store, [old])
    assert [p.name for p in young.parent.iterdir()] == [young.name]
    go.touch()
    assert here.finish(run)["state"] == "succeeded" and here.log(here.store.summary(run), "b") == "1249975000"
    wait_for(lambda: collect(here.store) > 0 or not young.exists())
    assert not young.exists() and len(here.store.value(run, "a", "rows")) == 50_000


def test_what_the_user_has_configured_goes_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert retention() == Retention()
    file = tmp_path / "config" / "kfnb" / "kfnb.toml"
    file.parent.mkdir(parents=True)
    for text, why in (
        ("keep = -1", "number of runs"),
        ("older = 3", "30d"),
        ("kep = 1", "has no `kep`"),
        ("log = 'big'", "100MB"),
        ("=", "cannot be read"),
    ):
        file.write_text(f"[record]\n{text}\n")
        with pytest.raises(BadRetention, match=why):
            retention()
    file.write_text("[record]\nkeep = 2\nolder = '4w'\nlog = '2MB'\n")
    assert retention() == Retention(2, 4 * 7 * 86_400.0, 2_000_000)
    here = Here(tmp_path)
    runs = [here.run(cell(f"x = {n}", "step:a"))["run"] for n in range(4)]
    wait_for(lambda: [h["run"] for h in here.store.runs()] == runs[:1:-1])


def test_ages_are_told_in_words_of_one_letter() -> None:
    assert (age("90s"), age("1.5 h"), age("30d")) == (90, 5400, 30 * 86_400)
    with pytest.raises(ValueError, match="30d"):
        age("a month")
