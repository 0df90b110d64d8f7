"""The keeper's work: it starts the runs that are due, and tells which times were missed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from kfnb.schedules.due_times import admit, due_times
from kfnb.schedules.schedule_model import Firing, Schedule, UnknownSchedule
from kfnb.schedules.schedule_record import ScheduleRecord
from kfnb.schedules.timetable import BadTimetable

MISSED = "nothing kept the time: this machine was off, or the keeper was not running"


class Starter(Protocol):
    """Starts runs of schedules, and says where they stand."""

    def start(self, schedule: Schedule) -> str:
        """Start a run and return its id. Raises `CannotStart`."""

    def is_active(self, run_id: str) -> bool:
        """Whether a run still goes on."""

    def cancel(self, run_id: str) -> None:
        """Ask a run to end."""


class CannotStart(Exception):
    """Why a run could not start, in words for the history."""


class Keeper:
    """Deals with the schedules of one record, whenever it is asked to.

    Parameters
    ----------
    clock
        Gives the time, in seconds since 1970.
    """

    def __init__(self, record: ScheduleRecord, starter: Starter, clock: Callable[[], float]) -> None:
        self._record, self._starter, self._clock = record, starter, clock

    def look(self) -> bool:
        """Deal with all times until now. The value is ``False`` when no schedule is left that could be due."""
        active = self._record.active()
        for schedule, looked in active:
            with suppress(UnknownSchedule):  # it has just been deleted
                self._note_times(schedule, looked)
                self._start_waiting(schedule)
        return bool(active)

    def _note_times(self, schedule: Schedule, looked: float) -> None:
        """Put the times since the last look into the history, as missed or as waiting for their run."""
        now = self._clock()
        try:
            due = due_times(schedule.timetable, looked, now, schedule.catch_up)
        except BadTimetable as error:  # the machine has lost its time zones
            self._record.record_look(schedule.id, now, [Firing(now, "refused", message=str(error))])
            return
        firings = [Firing(t, "waiting", message="late") for t in due.caught_up]
        if due.last_missed is not None:
            firings.insert(0, Firing(due.last_missed, "missed", count=due.missed, message=MISSED))
        if due.punctual is not None:
            firings.append(Firing(due.punctual, "waiting"))
        if firings or now - looked > 3600:
            self._record.record_look(schedule.id, now, firings)

    def _start_waiting(self, schedule: Schedule) -> None:
        for number, firing in self._record.waiting(schedule.id):
            running = self._running(schedule)
            decision = admit(schedule.concurrency, bool(running), late=firing.message == "late")
            if decision == "wait":
                return
            if decision == "skip":
                message = f"run {running[0]} was still going on"
                self._record.settle(number, replace(firing, state="skipped", message=message))
                continue
            if decision == "replace":
                for run_id in running:
                    self._starter.cancel(run_id)
            self._record.settle(number, self.started(schedule, firing))

    def started(self, schedule: Schedule, firing: Firing) -> Firing:
        """Start the run of a time. What stands in its way is in the answer's message."""
        try:
            return replace(firing, state="started", run=self._starter.start(schedule), message="")
        except CannotStart as error:
            return replace(firing, state="refused", message=str(error))

    def _running(self, schedule: Schedule) -> list[str]:
        started = (f.run for f in self._record.history(schedule.id, 100) if f.run is not None)
        return [run_id for run_id in started if self._starter.is_active(run_id)]
