"""The steps that a run left undone."""

from __future__ import annotations

import time

from kfnb.engines.cluster.blocks import Job
from kfnb.runs.store import STEP_FINAL, RunStore


def record_rest(store: RunStore, run_id: str, tasks: dict[str, tuple[Job, ...]], state: str) -> None:
    """Move every step that never came up, or was on its way when the run ended, to ``state``."""
    states = {s["path"]: s["state"] for s in store.steps(run_id)}
    jobs = {j.name: j for jobs in tasks.values() for j in jobs}
    for job in sorted(jobs.values(), key=lambda j: j.position):
        paths = [p for p in states if p == job.name or p.startswith(f"{job.name}[")]
        for path in paths or [job.name]:
            if states.get(path) not in STEP_FINAL:
                store.record_step(run_id, path, job.name, state, position=job.position, finished=time.time())
