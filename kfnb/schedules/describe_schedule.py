"""A schedule as JSON, for the command line and the browser."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from kfnb.schedules.schedule_model import NEXT, Firing, Schedule
from kfnb.schedules.timetable import BadTimetable


def schedule_json(schedule: Schedule, now: float, history: list[Firing]) -> dict[str, Any]:
    """The schedule with its expression in words, its next times, and what became of the newest of its earlier times, the newest first."""
    try:
        words, coming = schedule.timetable.words(), schedule.timetable.next_times(now, NEXT)
    except BadTimetable:  # an expression that only its cluster can read
        words, coming = schedule.cron, []
    times = {"words": words, "next": [] if schedule.paused else coming}
    return {**asdict(schedule), **times, "history": [asdict(firing) for firing in history]}
