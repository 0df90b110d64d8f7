"""The times of schedules: cron expressions, time zones, and the days on which the clock changes."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from kfnb.schedules.timetable import BadTimetable, Timetable, local_zone

BERLIN = "Europe/Berlin"


def moment(text: str, zone: str = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def next_times(cron: str, after: str, count: int) -> list[str]:
    """The next times in Berlin, with their distance from UTC."""
    times = Timetable(cron, BERLIN).next_times(moment(after), count)
    return [datetime.fromtimestamp(t, ZoneInfo(BERLIN)).strftime("%m-%d %H:%M%z") for t in times]


def test_the_hours_of_a_day_are_those_of_the_time_zone() -> None:
    assert next_times("0 6 * * 1-5", "2026-03-27T12:00", 3) == [
        "03-30 06:00+0200",
        "03-31 06:00+0200",
        "04-01 06:00+0200",
    ]
    seoul = Timetable("0 6 * * *", "Asia/Seoul").next_times(moment("2026-03-27T12:00"), 1)
    assert seoul == [moment("2026-03-28T06:00", "Asia/Seoul")] == [moment("2026-03-27T22:00")]


def test_a_time_that_the_clock_skips_in_spring_is_due_after_the_gap() -> None:
    assert next_times("30 2 * * *", "2026-03-28T12:00", 2) == ["03-29 03:00+0200", "03-30 02:30+0200"]


def test_a_time_that_comes_twice_in_autumn_is_due_once() -> None:
    assert next_times("30 2 * * *", "2026-10-24T12:00", 2) == ["10-25 02:30+0200", "10-26 02:30+0100"]


def test_what_is_due_every_so_many_minutes_goes_on_through_both_changes() -> None:
    for after in ("2026-03-29T01:30", "2026-10-25T01:30"):
        times = Timetable("*/15 * * * *", BERLIN).next_times(moment(after), 12)
        assert [b - a for a, b in zip(times, times[1:], strict=False)] == [900.0] * 11


def test_an_expression_has_a_line_that_can_be_read() -> None:
    assert Timetable("0 6 * * 1-5").words() == "At 06:00 on Monday through Friday"
    assert Timetable("@daily").words() == Timetable("0 0 * * *").words()


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("61 * * * *", "`61 * * * *` is no cron expression: its minute cannot be read"),
        ("every day", 'it should have five fields, as "0 6 * * 1-5"'),
        ("0 0 6 * * *", "it should have five fields"),
        ("0 0 30 2 *", "its day of month cannot be read"),
        ("", "it should have five fields"),
    ],
)
def test_what_is_wrong_with_an_expression_is_told(cron: str, words: str) -> None:
    with pytest.raises(BadTimetable) as error:
        Timetable(cron)
    assert words in str(error.value)


def test_an_unknown_time_zone_is_told() -> None:
    for zone in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(BadTimetable, match="Europe/Berlin"):
            Timetable("0 6 * * *", zone)


def test_the_zone_of_this_machine_is_that_of_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Seoul")
    assert local_zone() == "Asia/Seoul"
    monkeypatch.delenv("TZ")
    assert ZoneInfo(local_zone())
