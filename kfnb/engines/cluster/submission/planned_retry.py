"""A retry of a run on a cluster: what it runs, and the record of the run while its images are built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kfnb.engines.cluster.submission.reused_steps import StepOutputs
from kfnb.engines.engine_interface import RunOptions
from kfnb.pipeline.model import Pipeline
from kfnb.runs.record.file_lock import holding
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import LAUNCH, RunStore

PATIENCE = 30.0  #: seconds to wait for another command that retries the same run
NOTHING: dict[str, Any] = {"started": None, "finished": None, "reason": None, "error": None}


@dataclass(frozen=True)
class PlannedRetry:
    """What a retry runs.

    Parameters
    ----------
    reused
        The outputs of the steps that are not repeated, by step.
    attempts
        How many attempts every step has had.
    steps
        The repeated steps as the record had them before.
    """

    pipeline: Pipeline
    options: RunOptions
    reused: StepOutputs
    attempts: dict[str, int]
    steps: tuple[dict[str, Any], ...]

    def record_waiting(self, store: RunStore, run_id: str) -> None:
        """Record the run and the steps that are repeated as pending."""
        with store.changing():
            for step in self.steps:
                store.record_step(run_id, step["path"], step["step"], "pending", **NOTHING)
            store.record_run(run_id, "pending", finished=None, error=None)

    def put_back(self, store: RunStore, run_id: str) -> None:
        """Record the steps as they were, because the retry does not reach the cluster."""
        with store.changing():
            for step in self.steps:
                before = {name: step[name] for name in NOTHING}
                store.record_step(run_id, step["path"], step["step"], step["state"], **before)


@contextmanager
def retry_lock(store: RunStore, run_id: str) -> Iterator[None]:
    """Hold the lock of a run while it is retried. Raises `UnknownRun` when another command holds it for too long."""
    with holding(store.kept_folder(run_id) / LAUNCH, patience=PATIENCE) as acquired:
        if not acquired:
            raise UnknownRun(
                f"another command is retrying run {run_id}: wait until it is done, then look at the state of the run"
            )
        yield
