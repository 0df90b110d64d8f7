"""Decides what happens at the times of a schedule. It has no effects: the keeper carries out what is decided here."""

from __future__ import annotations

from dataclasses import dataclass

from kfnb.schedules.timetable import Timetable

GRACE = 90.0  #: seconds after its time for which something counts as punctual
MOST_CAUGHT_UP = 100  #: runs that make up for missed times, at most


@dataclass(frozen=True)
class Due:
    """What the times since the last look ask for.

    Parameters
    ----------
    punctual
        The time that is due now, if one is.
    caught_up
        Missed times for which a run starts now, the oldest first.
    missed
        How many times pass without a run.
    last_missed
        The last of them.
    """

    punctual: float | None = None
    caught_up: tuple[float, ...] = ()
    missed: int = 0
    last_missed: float | None = None


def due_times(timetable: Timetable, looked: float, now: float, catch_up: str) -> Due:
    """What is due after the last look, and not after now.

    With the policy ``last``, one run makes up for all missed times, and the punctual one makes up for them too.
    """
    times, count = timetable.newest_times(looked, now, MOST_CAUGHT_UP + 2)
    punctual = times.pop() if times and times[-1] >= now - GRACE else None
    made_up = {"all": MOST_CAUGHT_UP, "last": 1 if punctual is None else 0}.get(catch_up, 0)
    passed, caught_up = times[: max(0, len(times) - made_up)], times[max(0, len(times) - made_up) :]
    missed = count - (punctual is not None) - len(caught_up)
    return Due(punctual, tuple(caught_up), missed, passed[-1] if missed else None)


def admit(concurrency: str, active: bool, late: bool) -> str:
    """Whether a run may start while the one before it is ``active``: ``start``, ``wait``, ``skip``, or ``replace`` that one.

    With ``forbid``, runs that make up for missed times come one after the other; a punctual one is skipped.
    """
    if not active or concurrency == "allow":
        return "start"
    if concurrency == "replace":
        return "replace"
    return "wait" if late else "skip"
