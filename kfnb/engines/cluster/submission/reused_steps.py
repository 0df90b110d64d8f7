"""What a run that is taken up again need not run again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.engines.local.scheduling.step_graph import downstream
from kfnb.pipeline.model import Pipeline, handlers_of

PLACES = ("cells", "made", "needed", "lines")  #: of a spec: what says where code stands


def kept_of(
    left: dict[str, dict[str, str]], before: Iterable[Job], outermost: Iterable[Job], now: Pipeline, start: str | None
) -> dict[str, dict[str, str]]:
    """What the steps left that are not run again: those outside of loops and guards whose work, and that of all before, is the same.

    Parameters
    ----------
    left
        What every step that succeeded left, by its name.
    before
        The jobs as they were run.
    outermost
        The jobs as they are now, as far as they stand in no loop and no guard; a job stands behind those it waits for.
    start
        The step to begin at: it and all after it are run again.
    """
    again = downstream(now, start) if start is not None else set()
    again |= {s.name for s in handlers_of(now.body)}
    ran = {j.name: _work(j) for j in before}
    kept: dict[str, dict[str, str]] = {}
    for job in outermost:
        same = job.name in left and _work(job) == ran.get(job.name) and job.name not in again
        if same and all(name in kept for name, _ in job.depends):
            kept[job.name] = left[job.name]
    return kept


def _work(job: Job) -> dict[str, Any]:
    """What a job does, and with what: not where its code stands in the notebook, nor what line reads what it makes."""
    spec, settings = job.runtime_spec["spec"], job.step.settings
    return {
        **job.runtime_spec,
        "prepare": [{"run": p["run"]["source"]} if "run" in p else p for p in job.runtime_spec["prepare"]],
        "spec": {k: v for k, v in spec.items() if k not in PLACES},
        "cells": [c["source"] for c in spec.get("cells", ())],
        "image": settings.image,
        "packages": settings.packages,
    }
