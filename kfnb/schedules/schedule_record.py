"""The record of the schedules that this machine keeps: a SQLite file beside the record of runs."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path

from kfnb.runs.record.database import Database
from kfnb.runs.record.home_folder import home_folder
from kfnb.runs.record.private_record_files import make_folder
from kfnb.schedules.schedule_model import BadSchedule, Firing, Schedule, UnknownSchedule

FILE = "schedules.db"
SCHEMA = """
create table if not exists schedules (id text primary key, definition text, paused integer, looked real);
create table if not exists firings (
    number integer primary key autoincrement, schedule text, due real, state text, run text, count integer, message text);
"""
MOST_FIRINGS = 500  #: kept of each schedule


class ScheduleRecord:
    """The schedules under one home folder, and what became of their times. Several processes may use it at once.

    Parameters
    ----------
    home
        Default: `kfnb.runs.record.home_folder.home_folder`.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = home_folder() if home is None else home
        make_folder(self.home)
        self._db = Database(self.home / FILE, SCHEMA)

    def close(self) -> None:
        self._db.close()

    # ---------------------------------------------------------------- schedules
    def add(self, schedule: Schedule, now: float) -> None:
        """Add a schedule, whose times count from ``now``. Raises `BadSchedule` when there is one of its name."""
        values = (schedule.id, json.dumps(asdict(schedule)), 0, now)
        with self._db.transaction():
            if self._db.row("select id from schedules where id = ?", (schedule.id,)) is not None:
                hint = "give this one another with `--name`, or delete that one"
                raise BadSchedule(f"there is a schedule `{schedule.id}` on this machine already: {hint}")
            self._db.change("insert into schedules values (?, ?, ?, ?)", values)

    def all(self) -> list[Schedule]:
        rows = self._db.rows("select definition, paused from schedules order by id")
        return [replace(Schedule(**json.loads(r["definition"])), paused=bool(r["paused"])) for r in rows]

    def active(self) -> list[tuple[Schedule, float]]:
        """The schedules that are not paused, and the moment until which their times have been dealt with."""
        looked = {r["id"]: r["looked"] for r in self._db.rows("select id, looked from schedules where not paused")}
        return [(s, looked[s.id]) for s in self.all() if s.id in looked]

    def set_paused(self, schedule_id: str, paused: bool, now: float) -> None:
        """Pause or resume a schedule. A resumed one counts its times from ``now``: while it was paused, it has missed none."""
        self._require(schedule_id)
        self._db.change("update schedules set paused = ?, looked = ? where id = ?", (paused, now, schedule_id))

    def delete(self, schedule_id: str) -> None:
        self._require(schedule_id)
        with self._db.transaction():
            self._db.change("delete from schedules where id = ?", (schedule_id,))
            self._db.change("delete from firings where schedule = ?", (schedule_id,))

    def _require(self, schedule_id: str) -> None:
        if self._db.row("select id from schedules where id = ?", (schedule_id,)) is None:
            raise UnknownSchedule(f"there is no schedule `{schedule_id}` on this machine")

    # ---------------------------------------------------------------- what became of their times
    def record_look(self, schedule_id: str, now: float, firings: list[Firing]) -> None:
        """Record that the times until ``now`` have been dealt with, and how, in one transaction."""
        with self._db.transaction():
            self._db.change("update schedules set looked = ? where id = ?", (now, schedule_id))
            for firing in firings:
                self.add_firing(schedule_id, firing)

    def add_firing(self, schedule_id: str, firing: Firing) -> None:
        with self._db.transaction():
            values = (schedule_id, firing.due, firing.state, firing.run, firing.count, firing.message)
            self._db.change(
                "insert into firings (schedule, due, state, run, count, message) values (?,?,?,?,?,?)", values
            )
            self._db.change(
                "delete from firings where schedule = ? and number not in "
                "(select number from firings where schedule = ? order by number desc limit ?)",
                (schedule_id, schedule_id, MOST_FIRINGS),
            )

    def settle(self, number: int, firing: Firing) -> None:
        """Record what became of a time that waited."""
        values = (firing.state, firing.run, firing.message, number)
        self._db.change("update firings set state = ?, run = ?, message = ? where number = ?", values)

    def waiting(self, schedule_id: str) -> list[tuple[int, Firing]]:
        """The times that wait for their run, the oldest first, with their numbers in the record."""
        sql = "select * from firings where schedule = ? and state = 'waiting' order by number"
        return [(r["number"], _firing(r)) for r in self._db.rows(sql, (schedule_id,))]

    def history(self, schedule_id: str, count: int) -> list[Firing]:
        """What became of the newest times, the newest first. Raises `UnknownSchedule`."""
        self._require(schedule_id)
        sql = "select * from firings where schedule = ? order by number desc limit ?"
        return [_firing(r) for r in self._db.rows(sql, (schedule_id, count))]

    def newest(self) -> dict[str, Firing]:
        """What became of the newest time of each schedule, by the schedule's id."""
        sql = "select * from firings where number in (select max(number) from firings group by schedule)"
        return {r["schedule"]: _firing(r) for r in self._db.rows(sql)}


def has_schedules(home: Path) -> bool:
    """Whether a home folder has a record of schedules."""
    return (home / FILE).is_file()


def _firing(row: sqlite3.Row) -> Firing:
    return Firing(row["due"], row["state"], row["run"], row["count"], row["message"])
