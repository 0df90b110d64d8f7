"""Answers the page of schedules: those of all places, what became of their times, and the form that makes one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from kfnb.client.start_run import prepare
from kfnb.images.build_watch import watch_nothing
from kfnb.notebook.notebook_source import source_of
from kfnb.pipeline.build.build_from_source import build_source
from kfnb.schedule_keeper.all_places import add_schedule, list_schedules, new_schedule, place_of, schedules_at
from kfnb.schedules.describe_schedule import schedule_json
from kfnb.schedules.schedule_model import NEXT, named
from kfnb.schedules.timetable import BadTimetable, Timetable, local_zone


def listed(notebook: Path | None) -> dict[str, Any]:
    """All schedules, each with what became of its newest time, and the targets that do not tell theirs."""
    found, silent = list_schedules(notebook)
    rows = [schedule_json(one.schedule, time.time(), [one.last] if one.last else []) for one in found]
    return {"schedules": rows, "silent": silent}


def shown(target: str, schedule_id: str, notebook: Path | None) -> dict[str, Any]:
    """One schedule with its history. Raises `UnknownSchedule`."""
    schedule = named(schedules_at(target, notebook), schedule_id)
    with place_of(target, notebook) as place:
        return schedule_json(schedule, time.time(), place.history(schedule_id))


def act(target: str, schedule_id: str, notebook: Path | None, action: str) -> dict[str, Any]:
    """``pause``, ``resume`` or ``run`` a schedule, and give it as it is then."""
    with place_of(target, notebook) as place:
        if action == "run":
            place.run_now(schedule_id)
        else:
            place.set_paused(schedule_id, action == "pause")
    return shown(target, schedule_id, notebook)


def delete(target: str, schedule_id: str, notebook: Path | None) -> None:
    with place_of(target, notebook) as place:
        place.delete(schedule_id)


def times(cron: str, zone: str) -> dict[str, Any]:
    """An expression in words, with its next times as the clocks of the zone show them; or what is wrong with it, as it is while one types."""
    try:
        timetable = Timetable(cron, zone or local_zone())
    except BadTimetable as error:
        return {"words": "", "zone": zone, "next": [], "error": str(error)}
    coming = [timetable.shown(due) for due in timetable.next_times(time.time(), NEXT)]
    return {"words": timetable.words(), "zone": timetable.zone, "next": coming, "error": ""}


def add(notebook: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Make a schedule of a saved notebook. Raises as `prepare`, `new_schedule` and `add_schedule`."""
    target, parameters = asked.get("target") or "local", asked.get("parameters") or {}
    source = source_of(notebook).snapshot()
    pipeline = build_source(source, asked.get("pipeline")).require()
    prepared = prepare(source, pipeline, parameters, target, experiment=asked.get("experiment") or None)
    rules = {key: asked[key] for key in ("pipeline", "catch_up", "concurrency") if asked.get(key)}
    made = new_schedule(prepared, parameters, asked["cron"], asked.get("name"), asked.get("zone"), **rules)
    return shown(target, add_schedule(prepared, made, watch_nothing), notebook)
