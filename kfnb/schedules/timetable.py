"""The times of a schedule: a cron expression in a time zone."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from kfnb.problems import UserError

EXAMPLE = '"0 6 * * 1-5"'
#: The usual short words for expressions, as the manual page crontab(5) has them.
SHORT_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
LOCAL_TIME = Path("/etc/localtime")


class BadTimetable(UserError, ValueError):
    """A cron expression or a time zone that cannot be read."""


@dataclass(frozen=True)
class Timetable:
    """When something is due.

    As in Debian's cron, a time that the clock skips in spring is due right after the gap, and a time that comes twice in
    autumn is due once; what is due every so many minutes or hours goes on as the time passes.

    Parameters
    ----------
    cron
        Five fields: minute, hour, day of the month, month, day of the week; or a word such as ``@daily``.
    zone
        The name of a time zone, such as ``Europe/Berlin``.

    Raises
    ------
    BadTimetable
        When one of them cannot be read, or the expression is never due.
    """

    cron: str
    zone: str = "UTC"

    def __post_init__(self) -> None:
        try:
            zone = ZoneInfo(self.zone)
        except (LookupError, ValueError, OSError):
            hint = "write one as in `Europe/Berlin`; a machine without time zones gets them with the package tzdata"
            raise BadTimetable(f"there is no time zone `{self.zone}` here: {hint}") from None
        try:
            CronSim(self.fields, datetime.now(zone))
        except CronSimError as error:
            raise BadTimetable(f"`{self.cron}` is no cron expression: {_in_words(str(error))}") from None
        if len(self.fields.split()) != 5:
            raise BadTimetable(f"`{self.cron}` is no cron expression: it should have five fields, as {EXAMPLE}")

    @property
    def fields(self) -> str:
        """The five fields of the expression."""
        text = " ".join(self.cron.split())
        return SHORT_WORDS.get(text.lower(), text)

    def words(self) -> str:
        """The expression as a line that can be read: ``At 06:00 on Monday through Friday``."""
        return str(CronSim(self.fields, datetime.now(timezone.utc)).explain())

    def shown(self, due: float) -> str:
        """A time as the clocks of the zone show it: ``2026-11-30 06:00 CET``."""
        return datetime.fromtimestamp(due, ZoneInfo(self.zone)).strftime("%Y-%m-%d %H:%M %Z")

    def next_times(self, after: float, count: int) -> list[float]:
        """The next ``count`` times after a moment, in seconds since 1970. There are fewer when the expression ends within 50 years."""
        times = self._times(after)
        return [due for due, _ in zip(times, range(count), strict=False)]

    def newest_times(self, after: float, until: float, count: int) -> tuple[list[float], int]:
        """The newest times after one moment and not after another: at most ``count`` of them, and how many there are in all."""
        newest: deque[float] = deque(maxlen=count)
        found = 0
        for due in self._times(after):
            if due > until:
                break
            newest.append(due)
            found += 1
        return list(newest), found

    def _times(self, after: float) -> Iterator[float]:
        for moment in CronSim(self.fields, datetime.fromtimestamp(after, ZoneInfo(self.zone))):
            yield moment.timestamp()


def _in_words(error: str) -> str:
    """What cronsim found wrong, with the way out."""
    if "number of fields" in error:
        return f"it should have five fields, as {EXAMPLE}"
    field = error.removeprefix("Bad ")
    return f"its {field.replace('-', ' ')} cannot be read" if field != error else error


def local_zone() -> str:
    """The name of this machine's time zone. Raises `BadTimetable` when the machine does not say it."""
    for name in (os.environ.get("TZ", "").lstrip(":"), _linked_zone()):
        try:
            if name:
                return ZoneInfo(name).key
        except (LookupError, ValueError, OSError):
            continue
    if time.timezone == 0 and not time.daylight:
        return "UTC"
    raise BadTimetable("this machine does not say the name of its time zone: name one, as in `--tz Europe/Berlin`")


def _linked_zone() -> str:
    try:
        return os.readlink(LOCAL_TIME).partition("zoneinfo/")[2]
    except OSError:
        return ""
