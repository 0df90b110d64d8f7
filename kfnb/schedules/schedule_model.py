"""What a schedule is, wherever it is kept: on this machine, on Argo or on Kubeflow Pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kfnb.problems import UserError
from kfnb.schedules.timetable import Timetable
from kfnb.wording import did_you_mean

CATCH_UP = ("none", "last", "all")  #: which of the times that were missed are made up for
CONCURRENCY = ("allow", "forbid", "replace")  #: what happens while the run before still goes on
NEXT = 5  #: times to come that are shown


class BadSchedule(UserError, ValueError):
    """A schedule that its place cannot keep."""


class UnknownSchedule(UserError, LookupError):
    """There is no schedule of that name."""


@dataclass(frozen=True)
class Schedule:
    """A notebook and the times at which it runs.

    Parameters
    ----------
    id
        What its place calls it.
    target
        Its place: ``local`` for this machine, or the name of a target.
    notebook
        Its file on this machine; on a cluster, the name that it had.
    zone
        The name of the time zone. Empty on a cluster that has one zone for all: then times are shown as in UTC.
    catch_up, concurrency
        One of `CATCH_UP`, and of `CONCURRENCY`.
    owner
        Who made it, as far as its place knows.
    created
        Seconds since 1970.
    """

    id: str
    name: str
    notebook: str
    cron: str
    zone: str = ""
    target: str = "local"
    pipeline: str | None = None
    catch_up: str = "none"
    concurrency: str = "forbid"
    parameters: dict[str, Any] = field(default_factory=dict)
    experiment: str | None = None
    owner: str = ""
    paused: bool = False
    created: float | None = None

    def __post_init__(self) -> None:
        if self.catch_up not in CATCH_UP or self.concurrency not in CONCURRENCY:
            raise BadSchedule(
                f"catch-up is one of {', '.join(CATCH_UP)}; concurrency is one of {', '.join(CONCURRENCY)}"
            )

    @property
    def timetable(self) -> Timetable:
        """Its times. Raises `BadTimetable`, for an expression that only its cluster can read."""
        return Timetable(self.cron, self.zone or "UTC")


@dataclass(frozen=True)
class Firing:
    """What became of a time at which a schedule was due.

    Parameters
    ----------
    due
        The time, or the last of several.
    state
        ``waiting``, ``missed``, ``skipped`` or ``refused``, or the state of the run.
    run
        The run's id in the record of runs, or its name on the cluster.
    count
        How many times were missed.
    message
        Why nothing ran.
    """

    due: float
    state: str
    run: str | None = None
    count: int = 1
    message: str = ""


class Place(Protocol):
    """Keeps schedules: this machine, or a target. Every method may raise `ClusterError` or `UnknownSchedule`."""

    def schedules(self) -> list[Schedule]:
        """All schedules of the place, whoever made them."""

    def history(self, schedule_id: str, count: int = 20) -> list[Firing]:
        """What became of its newest times, the newest first."""

    def newest(self) -> dict[str, Firing]:
        """What became of the newest time of each schedule, by the schedule's id, as far as that is known."""

    def set_paused(self, schedule_id: str, paused: bool) -> None:
        """Pause a schedule, or resume it."""

    def delete(self, schedule_id: str) -> None:
        """Delete a schedule. Its runs stay."""

    def run_now(self, schedule_id: str) -> str:
        """Start a run now, whatever the time, and return its name."""


def named(schedules: Sequence[Schedule], name: str) -> Schedule:
    """The schedule with this id or name. Raises `UnknownSchedule` when there is none, or more than one."""
    found = [s for s in schedules if s.id == name] or [s for s in schedules if s.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(s.id for s in found)
        raise UnknownSchedule(f"{len(found)} schedules are called `{name}`: name one by its id, {ids}")
    hint = did_you_mean(name, (s.name for s in schedules), "`kfnb schedule list` shows all")
    raise UnknownSchedule(f"there is no schedule `{name}`: {hint}")
