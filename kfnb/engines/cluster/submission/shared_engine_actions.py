"""What both cluster engines do with recorded runs: submit, retry, follow, and read logs."""

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
from kfnb.engines.cluster.packaging.step_requirements import StepRequirements, find_requirements
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.submission.fill_for_target import fit_to_target
from kfnb.engines.cluster.targets.targets import Target, options_of
from kfnb.engines.engine_interface import OPTIONS, RunOptions, options_kept
from kfnb.engines.follow_record import follow_events, follow_log
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.serialize import to_json
from kfnb.problems import Problem
from kfnb.runs.attempt_logs import LogLine
from kfnb.runs.kept_pipeline import PIPELINE, check_step, kept_pipeline
from kfnb.runs.record.file_lock import holding
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.private_record_files import read_object, write_file
from kfnb.runs.record.run_store import LAUNCH, Event, RunStore
from kfnb.states import FINAL

REUSED = "kept.json"  #: in the run's folder: the outputs of steps that a retry does not repeat
PATIENCE = 30.0  #: seconds to wait for another command that retries the same run
REMOTE = "remote.json"  #: in the run's folder: the target, and where the run is


class Follower(Protocol):
    """Brings one run's record up to date."""

    def run(self) -> None:
        """Follow the run until its end."""

    def update(self) -> None:
        """Record the current state once."""


class ClusterRuns:
    """The runs of one target. An engine adds how a run is compiled, submitted and followed."""

    name = ""

    def __init__(self, store: RunStore, target: Target) -> None:
        self.store, self.target = store, target

    def follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool]) -> Follower:
        raise NotImplementedError

    def stop(self, remote: dict[str, Any]) -> None:
        """Ask the cluster to stop a run. ``remote`` says where it is."""
        raise NotImplementedError

    def fit(self, pipeline: Pipeline, options: RunOptions) -> tuple[Pipeline, ClusterOptions, StepRequirements]:
        """The pipeline as the target runs it, the settings of its pods, and what travels with its steps."""
        settings = options_of(self.target)
        pipeline = fit_to_target(pipeline, settings, options.parameters)
        requirements = find_requirements(pipeline, Path(options.folder), settings.packages, settings.sources)
        return pipeline, settings, requirements

    def check_partial_run(self, options: RunOptions) -> list[Problem]:
        """Only this machine can run a part of a pipeline."""
        if not (options.only or options.start):
            return []
        hint = "leave out --step and --from, or run it on the target `local`"
        return [Problem("KF704", "a cluster cannot run a part of a pipeline", hint)]

    # ---------------------------------------------------------------- the run's folder
    def create_run(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Create a run in the record and return its id."""
        run_id = self.store.create(pipeline.name, options.notebook, options.experiment, self.name, options.parameters)
        self.write_pipeline(run_id, pipeline)
        write_file(self.store.folder(run_id) / OPTIONS, json.dumps(replace(options, environment={}).to_json()))
        return run_id

    @contextmanager
    def submitting(self, run_id: str) -> Iterator[None]:
        """Record the run as failed when the cluster refuses it."""
        try:
            yield
        except ClusterError as error:
            failure = {"kind": "submit", "type": error.kind, "message": str(error)}
            self.store.record_run(run_id, "failed", finished=time.time(), error=failure)
            raise

    def record_pending(self, run_id: str, tasks: dict[str, tuple[Job, ...]]) -> None:
        """Record the steps outside of loops as pending. Iterations are recorded when they appear."""
        once = {j.name: j for jobs in tasks.values() for j in jobs if not j.loops}
        for job in sorted(once.values(), key=lambda j: j.position):
            self.store.record_step(run_id, job.name, job.name, "pending", position=job.position)

    def write_pipeline(self, run_id: str, pipeline: Pipeline) -> None:
        write_file(self.store.folder(run_id) / PIPELINE, json.dumps(to_json(pipeline)))

    def read_run(self, run_id: str) -> tuple[Pipeline, RunOptions]:
        """The pipeline and the options of a run."""
        return kept_pipeline(self.store, run_id), options_kept(self.store.folder(run_id))

    def remote(self, run_id: str) -> dict[str, Any]:
        """Where the run is. Raises `UnknownRun` when it never reached the cluster."""
        try:
            return read_object(self._remote(run_id))
        except FileNotFoundError:
            raise UnknownRun(f"run {run_id} never reached its cluster: run the notebook again") from None

    def write_remote(self, run_id: str, **fields: Any) -> None:
        record = {
            "target": self.target.name,
            "engine": self.name,
            "settings": self.target.settings,
            "pins": self.target.pins,
            **fields,
        }
        write_file(self._remote(run_id), json.dumps(record))

    def _remote(self, run_id: str) -> Path:
        return self.store.folder(run_id) / REMOTE

    # ---------------------------------------------------------------- retry
    @contextmanager
    def locked_for_retry(self, run_id: str) -> Iterator[None]:
        """Hold the lock of the run while it is retried. Raises `UnknownRun` when another command holds it for too long."""
        with holding(self.store.kept_folder(run_id) / LAUNCH, patience=PATIENCE) as mine:
            if not mine:
                raise UnknownRun(
                    f"another command is retrying run {run_id}: wait until it is done, then look at the state of the run"
                )
            yield

    def prepare_retry(
        self, run_id: str, start: str | None, pipeline: Pipeline | None
    ) -> tuple[Pipeline, Pipeline, RunOptions]:
        """The pipeline as it was run, the pipeline to run now, and the options.

        Raises `UnknownRun` when the run has not ended, or has no step ``start``.
        """
        if self.store.head(run_id)["state"] not in FINAL:
            raise UnknownRun(f"run {run_id} has not ended: cancel it first")
        before, options = self.read_run(run_id)
        now = pipeline if pipeline is not None else before
        if start is not None:
            check_step(now, run_id, start)
        return before, now, options

    def record_retry(
        self, run_id: str, pipeline: Pipeline, reused: dict[str, dict[str, str]], tasks: dict[str, tuple[Job, ...]]
    ) -> None:
        """Record that the cluster accepted the retry: the run is pending, and so is every step that is repeated.

        Parameters
        ----------
        reused
            The outputs of the steps that are not repeated, by step.
        tasks
            The jobs that are run, by the names of their tasks.
        """
        self.write_pipeline(run_id, pipeline)
        write_file(self.store.folder(run_id) / REUSED, json.dumps(reused))
        with self.store.changing():
            self.store.forget_steps(run_id, [s["path"] for s in self.store.steps(run_id) if s["path"] not in reused])
            self.record_pending(run_id, tasks)
            self.store.record_run(run_id, "pending", finished=None, error=None)

    def reused_outputs(self, run_id: str) -> dict[str, dict[str, str]]:
        """The outputs of the steps that the last retry did not repeat."""
        try:
            return read_object(self.store.folder(run_id) / REUSED)
        except FileNotFoundError:
            return {}

    def cancel(self, run_id: str) -> bool:
        """Stop a run and return whether it was still running. Its exit handlers run."""
        self.refresh(run_id)
        if self.store.head(run_id)["state"] in FINAL:
            return False
        self.stop(self.remote(run_id))
        return True

    def attempt_counts(self, run_id: str) -> dict[str, int]:
        """How many attempts every step has had."""
        folder = self.store.folder(run_id) / "steps"
        numbers: dict[str, int] = {}
        for attempt in folder.glob("*/*") if folder.exists() else ():
            if attempt.name.isdecimal():
                numbers[attempt.parent.name] = max(numbers.get(attempt.parent.name, 0), int(attempt.name))
        return numbers

    # ---------------------------------------------------------------- following
    def refresh(self, run_id: str) -> None:
        """Bring the record up to date, unless another process follows the run already. Raises `ClusterError`."""
        if self.store.head(run_id)["state"] not in FINAL:
            with holding(self.store.folder(run_id) / "follow.lock") as mine:
                if mine:
                    self.follower(self.store, run_id, lambda: False).update()

    @contextmanager
    def following(self, run_id: str) -> Iterator[_FollowThread]:
        """Keep the record up to date meanwhile: this process does it, or another one that does so already."""
        found = _FollowThread(self, run_id)
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


class _FollowThread(threading.Thread):
    """Follows a run while this process holds its lock, and waits for the lock while another process holds it."""

    def __init__(self, runs: ClusterRuns, run_id: str) -> None:
        super().__init__(daemon=True)
        self._runs, self.run_id = runs, run_id
        self._ended = threading.Event()
        self.error: Exception | None = None

    def stop(self) -> None:
        self._ended.set()
        self.join(5)

    def look(self) -> None:
        """Raise the error that ended the thread, if there is one."""
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
        except Exception as error:  # any error must reach whoever waits for this thread
            self.error = error
        finally:
            store.close()
