"""What became of a step whose run was stopped."""

from __future__ import annotations

import re

from kfnb.engines.cluster.following.observed_steps import ObservedStep
from kfnb.engines.cluster.following.words.ending_words import DEADLINES, DELETED

CANCELLED = "the run was cancelled"
SHUTDOWN = "workflow shutdown with strategy"
KILLED = re.compile(r"\(exit code (?:137|143)\)")  #: SIGKILL, SIGTERM


def ended_by_stop(step: ObservedStep, was_running: bool) -> str:
    """The state of a failed step of a run that was stopped.

    A step whose pod was running is ``cancelled``. One whose pod never began is ``omitted``: the controller makes and ends its node in the same
    moment. One that failed by itself before is ``failed``.

    Parameters
    ----------
    was_running
        Whether the step was seen running.
    """
    if step.message.startswith((SHUTDOWN, DELETED)) or any(d in step.message for d in DEADLINES):
        took_time = step.started is not None and step.finished is not None and step.finished - step.started >= 1
        return "cancelled" if was_running or took_time else "omitted"
    return "cancelled" if KILLED.search(step.message) or step.message == "terminated" else "failed"
