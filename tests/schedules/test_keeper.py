"""The keeper with real runs and a clock that the test turns."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kfnb.client.run_object import Run
from kfnb.schedule_keeper.keeper import Keeper
from kfnb.schedule_keeper.scheduled_runs import ScheduledRuns
from kfnb.schedules.schedule_model import Firing, Schedule
from kfnb.schedules.schedule_record import ScheduleRecord
from tests.notebooks import cell, notebook


@dataclass
class Kept:
    """A record with one schedule of every minute, its keeper, and the time."""

    folder: Path
    record: ScheduleRecord
    now: float = 10.0
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = Keeper(self.record, ScheduledRuns(), lambda: self.now)

    def add(self, *, code: str = "b = a + 1", **fields: str) -> None:
        path = self.folder / "nightly.ipynb"
        path.write_text(json.dumps(notebook(cell("a = 1", "parameters"), cell(code, "step:one"))))
        schedule = Schedule("nightly", "nightly", str(path), "* * * * *", "UTC", parameters={"a": "41"})
        self.record.add(replace(schedule, **fields), self.now)  # type: ignore[arg-type]

    def at(self, now: float) -> list[Firing]:
        """The history, the newest first, after the keeper has looked at this time."""
        self.now = now
        assert self.keeper.look()
        return self.record.history("nightly", 10)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    return Kept(tmp_path, ScheduleRecord(tmp_path / "home"))


def test_a_run_starts_when_it_is_due_and_a_missing_notebook_is_told(kept: Kept) -> None:
    kept.add()
    assert kept.at(59.0) == []
    (firing,) = kept.at(60.5)
    assert (firing.due, firing.state) == (60.0, "started") and firing.run
    assert len(kept.at(61.0)) == 1
    run = Run(firing.run).wait()
    assert run["one"]["b"] == 42 and run.notebook == str(kept.folder / "nightly.ipynb")
    (kept.folder / "nightly.ipynb").write_text("{}")
    assert kept.at(120.0)[0].state == "refused"
    (kept.folder / "nightly.ipynb").unlink()
    newest = kept.at(180.0)[0]
    assert (newest.state, newest.run) == ("refused", None) and "there is no notebook" in newest.message


def test_missed_times_are_told_and_the_last_is_caught_up(kept: Kept) -> None:
    kept.add(cron="0 * * * *", catch_up="last")
    caught_up, missed = kept.at(12_000.0)
    assert (caught_up.due, caught_up.state) == (10_800.0, "started") and caught_up.run
    assert (missed.state, missed.count, missed.due) == ("missed", 2, 7_200.0) and "machine was off" in missed.message
    Run(caught_up.run).wait()


def test_a_run_that_goes_on_makes_the_next_one_skip_wait_or_replace_it(kept: Kept) -> None:
    kept.add(code="import time; time.sleep(600)", catch_up="all", concurrency="forbid")
    first, *_ = kept.at(60.0)
    skipped, _ = kept.at(120.0)
    assert skipped.state == "skipped" and skipped.message == f"run {first.run} was still going on"
    assert [f.state for f in kept.at(400.0)[:4]] == ["waiting", "waiting", "waiting", "waiting"]
    assert first.run is not None
    kept.record.delete("nightly")
    Run(first.run).cancel()
    kept.add(code="import time; time.sleep(600)", concurrency="replace")
    old, *_ = kept.at(420.0)
    new, _ = kept.at(480.0)
    assert new.state == "started" and old.run and new.run
    assert Run(old.run).wait(check=False).state == "cancelled"
    Run(new.run).cancel()
    Run(new.run).wait(check=False)


def test_a_paused_schedule_misses_nothing(kept: Kept) -> None:
    kept.add()
    kept.record.set_paused("nightly", True, 20.0)
    kept.now = 1000.0
    assert not kept.keeper.look()
    kept.record.set_paused("nightly", False, 1000.0)
    assert kept.at(1001.0) == []
