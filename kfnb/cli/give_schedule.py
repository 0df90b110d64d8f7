"""Gives a schedule to its place, for the commands that make one, and prints what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kfnb.cli.command_helpers import cluster_errors, refuse

if TYPE_CHECKING:
    from kfnb.client.start_run import Prepared


def give_to_place(
    prepared: Prepared, values: dict[str, str], cron: str, as_json: bool, name: str | None = None, zone: str | None = None,
    **rules: Any,
) -> str:  # fmt: skip
    """Make a schedule for a run that has passed all checks, and return its id. Exits with what is wrong with it."""
    from kfnb.cli.target_builds import builds_shown
    from kfnb.schedule_keeper.all_places import add_schedule, new_schedule

    with schedule_errors(as_json):
        made = new_schedule(prepared, values, cron, name, zone, **rules)
        with builds_shown(prepared.target, as_json) as watch:
            return add_schedule(prepared, made, watch)


@contextmanager
def schedule_errors(as_json: bool) -> Iterator[None]:
    """Print what is wrong with a schedule, or with its place, and exit."""
    from kfnb.problems import NotebookError
    from kfnb.schedules.schedule_model import BadSchedule, UnknownSchedule
    from kfnb.schedules.timetable import BadTimetable

    with cluster_errors(as_json):
        try:
            yield
        except (BadSchedule, BadTimetable, UnknownSchedule, NotebookError) as error:
            refuse(str(error.args[0]), as_json)
