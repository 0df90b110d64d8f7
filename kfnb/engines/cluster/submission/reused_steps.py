"""Which steps a retried run does not repeat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.engines.local.scheduling.step_graph import downstream
from kfnb.pipeline.model import Pipeline, handlers_of

PLACES = ("cells", "made", "needed", "lines")  #: of a spec: what says where code stands


def reusable_outputs(
    handed_on: dict[str, dict[str, str]],
    before: Iterable[Job],
    outermost: Iterable[Job],
    now: Pipeline,
    start: str | None,
) -> dict[str, dict[str, str]]:
    """The outputs of the steps that are not repeated.

    A step is not repeated when it stands in no loop and no guard, it succeeded, and its work and that of all steps before it is the same.

    Parameters
    ----------
    handed_on
        The outputs of every step that succeeded, by its name.
    before
        The jobs as they were run.
    outermost
        The jobs as they are now, as far as they stand in no loop and no guard; a job stands behind those it waits for.
    start
        The step to begin at: this step and all steps after it are repeated.
    """
    again = downstream(now, start) if start is not None else set()
    again |= {s.name for s in handlers_of(now.body)}
    ran = {j.name: _step_work(j) for j in before}
    reused: dict[str, dict[str, str]] = {}
    for job in outermost:
        same = job.name in handed_on and _step_work(job) == ran.get(job.name) and job.name not in again
        if same and all(name in reused for name, _ in job.depends):
            reused[job.name] = handed_on[job.name]
    return reused


def _step_work(job: Job) -> dict[str, Any]:
    """What a job does, and with which inputs. Positions in the notebook are left out, because they do not change the result."""
    spec, settings = job.runtime_spec["spec"], job.step.settings
    return {
        **job.runtime_spec,
        "prepare": [{"run": p["run"]["source"]} if "run" in p else p for p in job.runtime_spec["prepare"]],
        "spec": {k: v for k, v in spec.items() if k not in PLACES},
        "cells": [c["source"] for c in spec.get("cells", ())],
        "image": settings.image,
        "packages": settings.packages,
    }
