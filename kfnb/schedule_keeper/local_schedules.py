"""The schedules that this machine keeps, as a place beside the clusters."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from kfnb.runs.record.home_folder import home_folder
from kfnb.schedule_keeper.keeper import CannotStart
from kfnb.schedule_keeper.keeper_process import start_keeper
from kfnb.schedule_keeper.scheduled_runs import ScheduledRuns
from kfnb.schedules.schedule_model import BadSchedule, Firing, Schedule, named
from kfnb.schedules.schedule_record import ScheduleRecord, has_schedules

DELETED = "the run has been deleted"


class LocalSchedules:
    """The schedules under the home folder of this process."""

    def add(self, schedule: Schedule) -> str:
        """Add a schedule, start the keeper, and return its id. Raises `BadSchedule` when there is one of its name."""
        with self._record() as record:
            record.add(schedule, time.time())
        start_keeper(home_folder())
        return schedule.id

    def schedules(self) -> list[Schedule]:
        """All schedules. The keeper is started when it should run and does not, as after the machine was off."""
        if not has_schedules(home_folder()):
            return []
        start_keeper(home_folder())
        with self._record() as record:
            return record.all()

    def history(self, schedule_id: str, count: int = 20) -> list[Firing]:
        with self._record() as record:
            return [_with_state(firing) for firing in record.history(schedule_id, count)]

    def newest(self) -> dict[str, Firing]:
        if not has_schedules(home_folder()):
            return {}
        with self._record() as record:
            return {name: _with_state(firing) for name, firing in record.newest().items()}

    def set_paused(self, schedule_id: str, paused: bool) -> None:
        with self._record() as record:
            record.set_paused(schedule_id, paused, time.time())
        start_keeper(home_folder())

    def delete(self, schedule_id: str) -> None:
        with self._record() as record:
            record.delete(schedule_id)

    def run_now(self, schedule_id: str) -> str:
        """Start a run now and return its id. Raises `BadSchedule` with what stands in its way."""
        with self._record() as record:
            schedule = named(record.all(), schedule_id)
            try:
                run_id = ScheduledRuns().start(schedule)
            except CannotStart as error:
                raise BadSchedule(str(error)) from None
            record.add_firing(schedule.id, Firing(time.time(), "started", run_id))
            return run_id

    @contextmanager
    def _record(self) -> Iterator[ScheduleRecord]:
        record = ScheduleRecord()
        try:
            yield record
        finally:
            record.close()


def _with_state(firing: Firing) -> Firing:
    """A time with the state of its run as it is now."""
    if firing.run is None:
        return firing
    state = ScheduledRuns().state(firing.run)
    return replace(firing, state=state) if state is not None else replace(firing, run=None, message=DELETED)
