"""What is due: punctual, missed and caught up times, and runs that still go on."""

from __future__ import annotations

import pytest

from kfnb.schedules.due_times import MOST_CAUGHT_UP, Due, admit, due_times
from kfnb.schedules.timetable import Timetable

MINUTES = Timetable("* * * * *")


def test_nothing_is_due_between_two_times() -> None:
    assert due_times(MINUTES, 60.0, 119.0, "all") == Due()


def test_a_punctual_time_is_due_once() -> None:
    assert due_times(MINUTES, 60.0, 121.0, "none") == Due(punctual=120.0)
    assert due_times(MINUTES, 121.0, 122.0, "none") == Due()


@pytest.mark.parametrize(
    ("policy", "caught_up", "missed", "last"),
    [("none", (), 3, 10_800.0), ("last", (10_800.0,), 2, 7_200.0), ("all", (3_600.0, 7_200.0, 10_800.0), 0, None)],
)
def test_missed_times_are_told_or_caught_up(
    policy: str, caught_up: tuple[float, ...], missed: int, last: float | None
) -> None:
    found = due_times(Timetable("0 * * * *"), 10.0, 12_000.0, policy)
    assert found == Due(None, caught_up, missed, last)


def test_a_punctual_run_makes_up_for_those_before_it() -> None:
    assert due_times(Timetable("0 * * * *"), 10.0, 10_801.0, "last") == Due(10_800.0, (), 2, 7_200.0)


def test_after_a_long_time_only_so_many_runs_are_caught_up() -> None:
    found = due_times(MINUTES, 0.0, 60.0 * 1000 + 1, "all")
    assert (len(found.caught_up), found.missed, found.punctual) == (MOST_CAUGHT_UP, 1000 - 1 - MOST_CAUGHT_UP, 60_000.0)
    assert found.last_missed is not None and found.last_missed < found.caught_up[0]


@pytest.mark.parametrize(
    ("concurrency", "active", "late", "decision"),
    [
        ("allow", True, False, "start"),
        ("forbid", False, False, "start"),
        ("forbid", True, False, "skip"),
        ("forbid", True, True, "wait"),
        ("replace", True, True, "replace"),
    ],
)
def test_a_run_beside_another(concurrency: str, active: bool, late: bool, decision: str) -> None:
    assert admit(concurrency, active, late) == decision
