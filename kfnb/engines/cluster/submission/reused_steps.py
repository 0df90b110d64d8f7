"""Which steps a retried run does not repeat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Job, names_before
from kfnb.engines.local.scheduling.step_graph import downstream
from kfnb.pipeline.model import Pipeline, handlers_of

StepOutputs = dict[str, dict[str, str]]  #: by the name of a step: the value of each of its outputs, as text
POSITIONS = ("cells", "made", "needed", "lines")  #: the keys of a spec that say where in the notebook its code stands


def reusable_outputs(
    outputs: StepOutputs,
    old_jobs: Iterable[Job],
    outermost: Iterable[Job],
    pipeline: Pipeline,
    start: str | None,
) -> StepOutputs:
    """The outputs of the steps that are not repeated.

    A step is not repeated when it succeeded, it stands in no loop and no guard, and its work and that of all steps before it is the
    same as in the earlier run.

    Parameters
    ----------
    outputs
        The outputs of every step that succeeded, by its name.
    old_jobs
        The jobs of the earlier run.
    outermost
        The jobs to run now that stand in no loop and no guard. Each job comes after the jobs that it depends on.
    pipeline
        The pipeline to run now.
    start
        The step to begin at. This step and all steps after it are repeated.
    """
    repeated = downstream(pipeline, start) if start is not None else set()
    repeated |= {s.name for s in handlers_of(pipeline.body)}
    old_work = {j.name: _step_work(j) for j in old_jobs}
    reused: StepOutputs = {}
    for job in outermost:
        same = job.name in outputs and _step_work(job) == old_work.get(job.name) and job.name not in repeated
        if same and all(name in reused for name in names_before(job)):
            reused[job.name] = outputs[job.name]
    return reused


def _step_work(job: Job) -> dict[str, Any]:
    """What a job does, and with which inputs. Positions in the notebook are left out, because they do not change the result."""
    spec, settings = job.runtime_spec["spec"], job.step.settings
    return {
        **job.runtime_spec,
        "prepare": [{"run": p["run"]["source"]} if "run" in p else p for p in job.runtime_spec["prepare"]],
        "spec": {k: v for k, v in spec.items() if k not in (*POSITIONS, "secrets")},  # those only mask what is printed
        "cells": [c["source"] for c in spec.get("cells", ())],
        "image": settings.image,
        "packages": settings.packages,
    }
