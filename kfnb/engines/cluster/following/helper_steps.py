"""Tells what the steps that kfnb added do as what the user's own steps do, which they help.

One may read inputs before a script without Python, or its outputs after it, or evaluate a condition (`lowering/text_steps.py`). The user
sees none of them: while one runs, the step that it helps waits, and when one fails, that step has failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kfnb.engines.cluster.following.observed_steps import ObservedStep
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job, names_before
from kfnb.states import STEP_FINAL

PREPARED = "its inputs are being prepared"
READ = "its outputs are being read"


def tell_of_helped(steps: Iterable[ObservedStep], jobs: Mapping[str, Job]) -> list[ObservedStep]:
    """The steps, of which those that have help tell of it. ``jobs`` are those of the run, by their names."""
    by_path = {s.path: s for s in steps}
    for helper in [s for s in by_path.values() if s.job.helps and not s.pod]:
        job = jobs[helper.job.helps]
        path = helper.shown_path
        step = by_path.get(path) or ObservedStep(path, job, "pending", None, None, "", (), {}, False)
        if helper.state in ("failed", "cancelled"):
            by_path[path] = _ended_with(step, helper)
        elif len(job.loops) == len(helper.job.loops):  # else the step has iterations, which are not known yet
            by_path[path] = _beside(step, helper)
    return list(by_path.values())


def _ended_with(step: ObservedStep, helper: ObservedStep) -> ObservedStep:
    """A step whose helper failed or was cancelled. The attempts of the helper are told as its own."""
    attempts = [*step.attempts, *helper.attempts]
    return replace(
        step,
        state=helper.state,
        started=step.started or helper.started,
        finished=helper.finished,
        message=helper.message,
        attempts=tuple(replace(a, number=n) for n, a in enumerate(attempts, 1)),
        omitted=False,
    )


def _beside(step: ObservedStep, helper: ObservedStep) -> ObservedStep:
    """A step while its helper waits or runs."""
    if helper.state in STEP_FINAL:
        return step
    if step.job.name in names_before(helper.job):
        return replace(step, state="running", finished=None, message=READ) if step.state == "succeeded" else step
    if step.attempts or step.state in STEP_FINAL:
        return step
    return replace(step, message=helper.message if helper.state == "pending" else PREPARED)
