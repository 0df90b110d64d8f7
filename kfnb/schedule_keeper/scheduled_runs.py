"""Starts the runs of schedules on this machine, with the notebook as it is at that time."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from kfnb.client.run_object import Run
from kfnb.client.start_run import build_source, prepare
from kfnb.engines.cluster.clients.cluster_errors import BadTarget, ClusterError
from kfnb.images.needs.kernel_interpreters import installed_interpreter
from kfnb.notebook.notebook_source import source_of
from kfnb.problems import NotebookError
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.private_record_files import DamagedRecord
from kfnb.schedule_keeper.keeper import CannotStart
from kfnb.schedules.schedule_model import Schedule


class ScheduledRuns:
    """Runs on this machine, under the home folder of this process."""

    def start(self, schedule: Schedule) -> str:
        """Start a run and return its id. Raises `CannotStart`, as when the notebook is gone or has errors."""
        path = Path(schedule.notebook)
        if not path.is_file():
            raise CannotStart(f"there is no notebook {path} any more")
        try:
            source = source_of(path).snapshot()
            pipeline = build_source(source, schedule.pipeline).require()
            options = installed_interpreter(source.data()).options()
            prepared = prepare(source, pipeline, schedule.parameters, experiment=schedule.experiment, **options)
            return prepared.submit().id
        except (NotebookError, BadTarget, ClusterError, DamagedRecord, OSError, sqlite3.OperationalError) as error:
            raise CannotStart(str(error)) from None

    def is_active(self, run_id: str) -> bool:
        try:
            return not Run(run_id).ended
        except UnknownRun:  # somebody has deleted it
            return False

    def cancel(self, run_id: str) -> None:
        Run(run_id).cancel()

    def state(self, run_id: str) -> str | None:
        """Where a run stands; ``None`` when it has been deleted."""
        try:
            return Run(run_id).state
        except UnknownRun:
            return None
