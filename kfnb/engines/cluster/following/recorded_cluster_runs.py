"""What both cluster engines do with runs that stand in the record: following, logs, and who brings the record up to date."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.engines.cluster.targets.targets import Target
from kfnb.engines.engine_interface import OPTIONS, RunOptions, options_kept
from kfnb.engines.follow_record import follow_events, follow_log
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.serialize import to_json
from kfnb.problems import Problem
from kfnb.runs.attempt_logs import LogLine
from kfnb.runs.kept_pipeline import PIPELINE, check_step, kept_pipeline
from kfnb.runs.record.file_lock import holding
from kfnb.runs.record.private_record_files import read_object, write_file
from kfnb.runs.record.run_store import LAUNCH, Event, RunStore, UnknownRun
from kfnb.states import FINAL

KEPT = "kept.json"  #: in the run's folder: what steps left that are not run again
PATIENCE = 30.0  #: seconds to wait for another command that takes the same run up again
REMOTE = "remote.json"  #: in the run's folder: the target, and where the run is


class Following(Protocol):
    """Brings one run's record up to date."""

    def run(self) -> None:
        """Until the run's end."""

    def once(self) -> None:
        """As it stands now."""


class ClusterRuns:
    """Runs of one target."""

    name = ""

    def __init__(self, store: RunStore, target: Target) -> None:
        self.store, self.target = store, target

    def follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool]) -> Following:
        raise NotImplementedError

    def check_part(self, options: RunOptions) -> list[Problem]:
        """A part of a pipeline runs on this machine only."""
        if not (options.only or options.start):
            return []
        hint = "leave --step and --from out, or run it on the target `local`"
        return [Problem("KF704", "a part of a pipeline runs here only", hint)]

    # ---------------------------------------------------------------- the run's folder
    def begin(self, pipeline: Pipeline, options: RunOptions) -> str:
        """A new run in the record."""
        run_id = self.store.create(pipeline.name, options.notebook, options.experiment, self.name, options.parameters)
        self.keep(run_id, pipeline)
        write_file(self.store.folder(run_id) / OPTIONS, json.dumps(replace(options, environment={}).to_json()))
        return run_id

    @contextmanager
    def submitting(self, run_id: str) -> Iterator[None]:
        """A run that the cluster does not take has failed."""
        try:
            yield
        except ClusterError as error:
            failure = {"kind": "submit", "type": error.kind, "message": str(error)}
            self.store.record_run(run_id, "failed", finished=time.time(), error=failure)
            raise

    def record_pending(self, run_id: str, tasks: dict[str, tuple[Job, ...]]) -> None:
        """The steps that will run once; iterations are recorded when they come."""
        once = {j.name: j for jobs in tasks.values() for j in jobs if not j.loops}
        for job in sorted(once.values(), key=lambda j: j.position):
            self.store.record_step(run_id, job.name, job.name, "pending", position=job.position)

    def keep(self, run_id: str, pipeline: Pipeline) -> None:
        write_file(self.store.folder(run_id) / PIPELINE, json.dumps(to_json(pipeline)))

    def kept(self, run_id: str) -> tuple[Pipeline, RunOptions]:
        """What was run, and how."""
        return kept_pipeline(self.store, run_id), options_kept(self.store.folder(run_id))

    def remote(self, run_id: str) -> dict[str, Any]:
        """Where the run is. Raises `UnknownRun` when it never reached the cluster."""
        try:
            return read_object(self._remote(run_id))
        except FileNotFoundError:
            raise UnknownRun(f"run {run_id} never reached its cluster") from None

    def put_remote(self, run_id: str, **fields: Any) -> None:
        told = {
            "target": self.target.name,
            "engine": self.name,
            "settings": self.target.settings,
            "pins": self.target.pins,
            **fields,
        }
        write_file(self._remote(run_id), json.dumps(told))

    def _remote(self, run_id: str) -> Path:
        return self.store.folder(run_id) / REMOTE

    # ---------------------------------------------------------------- taking a run up again
    @contextmanager
    def taking_up(self, run_id: str) -> Iterator[None]:
        """Nobody else takes the run up meanwhile. Raises `UnknownRun` when somebody does already, and for long."""
        with holding(self.store.kept_folder(run_id) / LAUNCH, patience=PATIENCE) as mine:
            if not mine:
                raise UnknownRun(
                    f"run {run_id} is being taken up again by another command: wait for it, then look where it stands"
                )
            yield

    def to_retry(
        self, run_id: str, start: str | None, pipeline: Pipeline | None
    ) -> tuple[Pipeline, Pipeline, RunOptions]:
        """What was run, what is to be run now, and how. Raises `UnknownRun`: the run has not ended, or has no step ``start``."""
        if self.store.head(run_id)["state"] not in FINAL:
            raise UnknownRun(f"run {run_id} has not ended: cancel it first")
        before, options = self.kept(run_id)
        now = pipeline if pipeline is not None else before
        if start is not None:
            check_step(now, run_id, start)
        return before, now, options

    def begin_again(
        self, run_id: str, pipeline: Pipeline, kept: dict[str, dict[str, str]], tasks: dict[str, tuple[Job, ...]]
    ) -> None:
        """The run, which the cluster has taken, is pending, and so are its steps, but for those that are not run again.

        Parameters
        ----------
        kept
            What those left, by their names.
        tasks
            The jobs that are run, by the names of their tasks.
        """
        self.keep(run_id, pipeline)
        write_file(self.store.folder(run_id) / KEPT, json.dumps(kept))
        with self.store.changing():
            self.store.forget_steps(run_id, [s["path"] for s in self.store.steps(run_id) if s["path"] not in kept])
            self.record_pending(run_id, tasks)
            self.store.record_run(run_id, "pending", finished=None, error=None)

    def kept_outputs(self, run_id: str) -> dict[str, dict[str, str]]:
        """What the steps left that were not run again when the run was taken up."""
        try:
            return read_object(self.store.folder(run_id) / KEPT)
        except FileNotFoundError:
            return {}

    def attempts(self, run_id: str) -> dict[str, int]:
        """How many attempts every step has had."""
        folder = self.store.folder(run_id) / "steps"
        numbers: dict[str, int] = {}
        for attempt in folder.glob("*/*") if folder.exists() else ():
            if attempt.name.isdecimal():
                numbers[attempt.parent.name] = max(numbers.get(attempt.parent.name, 0), int(attempt.name))
        return numbers

    # ---------------------------------------------------------------- following
    def refresh(self, run_id: str) -> None:
        """Bring the record up to date, unless somebody follows the run already. Raises `ClusterError`."""
        if self.store.head(run_id)["state"] not in FINAL:
            with holding(self.store.folder(run_id) / "follow.lock") as mine:
                if mine:
                    self.follower(self.store, run_id, lambda: False).once()

    @contextmanager
    def following(self, run_id: str) -> Iterator[_Thread]:
        """Somebody brings the record up to date meanwhile: this process, or the one that does already."""
        found = _Thread(self, run_id)
        found.start()
        try:
            yield found
        finally:
            found.stop()

    def events(self, run_id: str, since: int = 0) -> Iterator[Event]:
        """Events after number ``since``, as they come, until the run has ended. Raises `ClusterError` when it cannot be followed."""
        with self.following(run_id) as found:
            yield from follow_events(self.store, run_id, since, found.look)

    def logs(self, run_id: str, path: str, attempt: int | None = None, follow: bool = False) -> Iterator[LogLine]:
        """The log of a step's attempt (default: the last); ``follow``: as it grows, until the step is final."""
        if self.store.head(run_id)["state"] in FINAL or not follow:
            self.refresh(run_id)
            yield from follow_log(self.store, run_id, path, attempt)
            return
        with self.following(run_id):
            yield from follow_log(self.store, run_id, path, attempt, follow)


class _Thread(threading.Thread):
    """Follows a run while its lock is ours; waits for the lock while it is another's."""

    def __init__(self, runs: ClusterRuns, run_id: str) -> None:
        super().__init__(daemon=True)
        self._runs, self.run_id = runs, run_id
        self._ended = threading.Event()
        self.error: Exception | None = None

    def stop(self) -> None:
        self._ended.set()
        self.join(5)

    def look(self) -> None:
        """Raise what went wrong."""
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        store = RunStore(self._runs.store.home)  # a connection to SQLite belongs to its thread
        try:
            while not self._ended.is_set() and store.head(self.run_id)["state"] not in FINAL:
                with holding(store.folder(self.run_id) / "follow.lock") as mine:
                    if mine:
                        self._runs.follower(store, self.run_id, self._ended.is_set).run()
                if not mine:
                    self._ended.wait(0.5)
        except Exception as error:  # whatever it is: who follows is told, and does not wait for ever
            self.error = error
        finally:
            store.close()
