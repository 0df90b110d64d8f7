"""The base class of both cluster engines: it checks, submits, retries, cancels and follows runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from kfnb.engines.cluster.following.follow_thread import FOLLOW_LOCK, Follower, FollowThread
from kfnb.engines.cluster.lowering.checks.cluster_checks import (
    check_jobs,
    check_python,
    check_system_packages,
)
from kfnb.engines.cluster.lowering.checks.pipeline_checks import check_pipeline
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job, distinct_jobs
from kfnb.engines.cluster.lowering.manifest_files import as_yaml
from kfnb.engines.cluster.packaging.embedded_files import embed_files
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.submission.cluster_run_record import ClusterRunRecord
from kfnb.engines.cluster.submission.fill_for_target import fit_to_target
from kfnb.engines.cluster.submission.planned_retry import PlannedRetry, retry_lock
from kfnb.engines.cluster.submission.reused_steps import StepOutputs, reusable_outputs
from kfnb.engines.cluster.submission.unbuilt_run import (
    BuildTeller,
    UnbuiltRun,
    building_images,
    end_unbuilt,
    hold_build,
)
from kfnb.engines.cluster.targets.targets import Target, options_of
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.follow_record import follow_events, follow_log
from kfnb.images.build_watch import Watch, watch_nothing
from kfnb.images.locks.locked_requirements import with_lock
from kfnb.images.needs.installed_packages import installed_packages
from kfnb.images.needs.named_files import has_own_image
from kfnb.images.needs.step_requirements import StepRequirements, find_requirements
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.runs.attempt_logs import LogLine
from kfnb.runs.kept_pipeline import check_step
from kfnb.runs.record.file_lock import holding
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import Event, RunStore
from kfnb.states import FINAL


class CompiledPipeline(Protocol):
    """What a compiled pipeline has on every cluster."""

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The documents that the engine emits."""

    @property
    def task_jobs(self) -> dict[str, tuple[Job, ...]]:
        """The jobs in each task, by the task's name."""

    @property
    def outermost(self) -> tuple[Job, ...]:
        """The jobs that stand in no loop, guard or handler."""

    @property
    def requirements(self) -> StepRequirements:
        """The packages and files that the steps get."""


Client = TypeVar("Client")
Compiled = TypeVar("Compiled", bound=CompiledPipeline)


class ClusterEngine(ABC, Generic[Client, Compiled]):
    """Runs pipelines on one target.

    ``watch`` is told what is done for the images of the steps. A subclass says how to connect, how to emit its documents and create a run from them, and where the outputs and states of steps
    are found. Everything else is here.
    """

    name: str

    def __init__(self, store: RunStore, target: Target, watch: Watch = watch_nothing) -> None:
        self.store, self.target, self.watch = store, target, watch
        self.record = ClusterRunRecord(store, target, self.name)
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The client of the cluster. It connects when it is first needed. Raises `ClusterError`."""
        if self._client is None:
            self._client = self.connect()
        return self._client

    # ---------------------------------------------------------------- what an engine defines
    @abstractmethod
    def connect(self) -> Client:
        """Connect to the cluster. Raises `ClusterError`."""

    @abstractmethod
    def emit(
        self,
        pipeline: Pipeline,
        settings: ClusterOptions,
        requirements: StepRequirements,
        parameters: dict[str, Any],
        reused: StepOutputs,
    ) -> Compiled:
        """Emit the engine's documents. ``reused`` are the outputs of steps that do not run again."""

    @abstractmethod
    def check_emitted(self, compiled: Compiled, options: RunOptions) -> Iterable[Problem]:
        """Find the problems that only this engine has with a compiled pipeline."""

    @abstractmethod
    def create(
        self, client: Client, run_id: str, pipeline: Pipeline, options: RunOptions, compiled: Compiled
    ) -> dict[str, Any]:
        """Create the run on the cluster and return where it is. Raises `ClusterError`."""

    @abstractmethod
    def recorded_outputs(self, run_id: str, old: Compiled, new: Compiled) -> StepOutputs:
        """The outputs of the steps that succeeded in the run so far.

        Parameters
        ----------
        old, new
            The pipeline as it was run, and as it is to run now.
        """

    @abstractmethod
    def follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool]) -> Follower:
        """What brings the record of a run up to date. Raises `ClusterError`."""

    @abstractmethod
    def stop(self, location: dict[str, Any]) -> None:
        """Ask the cluster to stop the run at a location. Its exit handlers run."""

    @abstractmethod
    def discard(self, run_id: str) -> None:
        """Remove a run from the cluster, or put it away where it cannot be removed. Raises `ClusterError`."""

    def retry_in_place(self, run_id: str) -> bool:
        """Let the cluster retry its own run with the same code, and return whether it can do that."""
        return False

    # ---------------------------------------------------------------- compile and check
    def compile_run(
        self, pipeline: Pipeline, options: RunOptions, reused: StepOutputs | None = None, images: Mapping[str, str] = {}
    ) -> Compiled:
        """Compile a pipeline as the target runs it. ``images`` are those that were built, by the names of steps."""
        folder, settings = Path(options.folder), replace(self._settings(options), images=images)
        pipeline = fit_to_target(pipeline, settings, options.parameters)
        requirements = find_requirements(
            pipeline,
            folder,
            settings.packages,
            settings.sources,
            options.parameters,
            options.python,
            settings.travel_limit,
        )
        requirements = with_lock(requirements, pipeline, folder, settings.image).in_images(images)
        pipeline = embed_files(pipeline, requirements.files)
        return self.emit(pipeline, settings, requirements, options.parameters, reused or {})

    def _settings(self, options: RunOptions) -> ClusterOptions:
        """The target's settings for a run."""
        return options_of(self.target, installed_packages(options.python).python).of_run(options)

    def recompile(self, run_id: str) -> Compiled:
        """Compile the pipeline of a run again, as it was last submitted."""
        pipeline, options = self.record.pipeline_and_options(run_id)
        return self.compile_run(pipeline, options, self.record.reused_outputs(run_id), self.record.images(run_id))

    def build_images(self, pipeline: Pipeline, options: RunOptions, watch: Watch) -> dict[str, str]:
        """Build what the target's repository lacks of the images of the steps, and return them by the names of the steps.

        Without a repository there are none, and steps install their packages when they start. Raises `ClusterError`.
        """
        settings = self._settings(options)
        if not settings.repository:
            return {}
        from kfnb.engines.cluster.submission.target_images import build_target_images

        return build_target_images(pipeline, options, settings, watch)

    def compile(self, pipeline: Pipeline, folder: str = ".", python: str | None = None) -> str:
        options = RunOptions({p.name: p.default for p in pipeline.parameters}, folder=folder, python=python)
        return as_yaml(self.compile_run(pipeline, options).documents)

    def check(self, pipeline: Pipeline, options: RunOptions) -> list[Problem]:
        """Find what the pipeline or the command line asks for and the cluster cannot do."""
        if options.only or options.start:
            hint = "leave out --step and --from, or run it on the target `local`"
            return [Problem("KF704", "a cluster cannot run a part of a pipeline", hint)]
        compiled, settings = self.compile_run(pipeline, options), self._settings(options)
        fitted = fit_to_target(pipeline, settings, options.parameters)
        emitted = (
            self.compile_run(pipeline, options, images=_expected_images(pipeline, settings))
            if settings.repository
            else compiled
        )
        return [
            *check_jobs(distinct_jobs(compiled.task_jobs), self.name, compiled.requirements.python),
            *check_pipeline(fitted, settings, compiled.requirements, self.name),
            *check_python(options),
            *([] if settings.repository else check_system_packages(fitted)),
            *self.check_emitted(emitted, options),
        ]

    # ---------------------------------------------------------------- submit, retry, cancel
    def submit(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Start a run and return its id.

        Raises
        ------
        ClusterError
            When the cluster cannot be reached, the images cannot be built, or the cluster refuses the run. Such a run is recorded as failed.
        """
        run_id, compiled = self._begin(pipeline, options)
        self._deliver(run_id, pipeline, options, compiled)
        return run_id

    def begin(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Record a run that `deliver` brings to the cluster, and return its id. Raises `ClusterError` when the cluster cannot be reached."""
        return self._begin(pipeline, options)[0]

    def deliver(self, run_id: str) -> None:
        """Build the images of a run that has begun, and create it on the cluster. Raises `ClusterError`."""
        pipeline, options = self.record.pipeline_and_options(run_id)
        self._deliver(run_id, pipeline, options, None)

    def _begin(self, pipeline: Pipeline, options: RunOptions) -> tuple[str, Compiled]:
        """Record a run, and compile it as it is without images."""
        compiled, _ = self.compile_run(pipeline, options), self.client
        run_id = self.record.create(pipeline, options)
        self.record.write_environment(run_id, compiled.requirements)
        hold_build(self.store, run_id)
        self.record.begin_build(run_id)
        self.record.record_pending(run_id, compiled.task_jobs)
        return run_id, compiled

    def _deliver(self, run_id: str, pipeline: Pipeline, options: RunOptions, plain: Compiled | None) -> None:
        """Deliver a run that has begun. ``plain`` is what it compiles to without images, when that is known."""
        with building_images(self.store, run_id):
            with BuildTeller(self.store.home, run_id, self.watch) as teller:
                images = self.build_images(pipeline, options, teller)
            if self.store.state(run_id) in FINAL:
                return  # it was cancelled
            self.record.write_images(run_id, images)
            compiled = self.compile_run(pipeline, options, images=images) if images or plain is None else plain
            self.record.write_location(run_id, self.create(self.client, run_id, pipeline, options, compiled))

    def retry(self, run_id: str, start: str | None = None, pipeline: Pipeline | None = None) -> str:
        """Run the steps again that did not succeed, or whose code or inputs have changed.

        A cluster that can retry its own run does so when nothing has changed but the place of the notebook. Otherwise the engine creates a new run on the cluster,
        which takes the outputs of the steps that do not run again.

        Raises
        ------
        UnknownRun
            When the run has not ended, or has no step ``start``, or another command retries it.
        ClusterError
            When the cluster refuses it. The record of the run does not change then.
        """
        with retry_lock(self.store, run_id):
            plan = self._plan_retry(run_id, start, pipeline)
            if plan is not None:
                self._create_retry(run_id, plan, self.build_images(plan.pipeline, plan.options, self.watch))
        return run_id

    def begin_retry(self, run_id: str, start: str | None, pipeline: Pipeline | None) -> PlannedRetry | None:
        """Record that a run is retried, for `deliver_retry` to bring it to the cluster. ``None`` when the cluster retries its own run already. Raises as `retry`."""
        with retry_lock(self.store, run_id):
            plan = self._plan_retry(run_id, start, pipeline)
            if plan is not None:
                hold_build(self.store, run_id)
                self.record.begin_rebuild(run_id)
                plan.record_waiting(self.store, run_id)
        return plan

    def deliver_retry(self, run_id: str, plan: PlannedRetry) -> None:
        """Build the images of a retry that has begun, and create it on the cluster. Raises `ClusterError`; the steps are then as they were."""
        with building_images(self.store, run_id):
            try:
                with BuildTeller(self.store.home, run_id, self.watch) as teller:
                    images = self.build_images(plan.pipeline, plan.options, teller)
                if self.store.state(run_id) not in FINAL:  # else it was cancelled
                    self._create_retry(run_id, plan, images)
            finally:
                if self.record.end_rebuild(run_id):
                    plan.put_back(self.store, run_id)

    def _plan_retry(self, run_id: str, start: str | None, pipeline: Pipeline | None) -> PlannedRetry | None:
        """What a retry runs; ``None`` when the cluster retries its own run."""
        if self.store.head(run_id)["state"] not in FINAL:
            raise UnknownRun(f"run {run_id} has not ended: cancel it first")
        old_pipeline, options = self.record.pipeline_and_options(run_id)
        new_pipeline = pipeline if pipeline is not None else old_pipeline
        if start is not None:
            check_step(new_pipeline, run_id, start)
        elif (
            self.record.was_created(run_id)
            and replace(new_pipeline, notebook=old_pipeline.notebook) == old_pipeline
            and self.retry_in_place(run_id)
        ):
            return None
        attempts = self.record.attempt_counts(run_id)
        reused = self._reusable_outputs(run_id, old_pipeline, new_pipeline, options, start)
        repeated = tuple(s for s in self.store.steps(run_id) if s["path"] not in reused)
        return PlannedRetry(new_pipeline, options, reused, attempts, repeated)

    def _create_retry(self, run_id: str, plan: PlannedRetry, images: dict[str, str]) -> None:
        compiled = self.compile_run(plan.pipeline, plan.options, plan.reused, images)
        location = self.create(self.client, run_id, plan.pipeline, plan.options, compiled)
        self.record.write_environment(run_id, compiled.requirements)
        self.record.write_images(run_id, images)
        self.record.write_location(run_id, location, plan.attempts)
        self.record.record_retry(run_id, plan.pipeline, plan.reused, compiled.task_jobs)

    def _reusable_outputs(
        self, run_id: str, old_pipeline: Pipeline, new_pipeline: Pipeline, options: RunOptions, start: str | None
    ) -> StepOutputs:
        """The outputs of the steps that a retry does not repeat, by step. That an image was built anew repeats none."""
        if not self.record.was_created(run_id):
            return {}
        old, new = self.compile_run(old_pipeline, options), self.compile_run(new_pipeline, options)
        outputs = self.recorded_outputs(run_id, old, new)
        return reusable_outputs(outputs, distinct_jobs(old.task_jobs), new.outermost, new_pipeline, start)

    def cancel(self, run_id: str) -> bool:
        """Stop a run and return whether it was still running. Its exit handlers run."""
        self.refresh(run_id)
        if self.store.head(run_id)["state"] in FINAL:
            return False
        if self.record.is_building(run_id):
            end_unbuilt(self.store, run_id, "cancelled", "the run was cancelled", None)
            return True
        self.stop(self.record.location(run_id))
        self.record.record_cancel(run_id)
        return True

    # ---------------------------------------------------------------- follow
    def refresh(self, run_id: str, log_of: str = "") -> None:
        """Bring the record up to date, unless another process follows the run already. Raises `ClusterError`.

        Parameters
        ----------
        log_of
            The path of a step. While it runs, its log so far is recorded too.
        """
        if self.store.head(run_id)["state"] not in FINAL:
            with holding(self.store.folder(run_id) / FOLLOW_LOCK) as acquired:
                if acquired:
                    self._follower(self.store, run_id, lambda: False).update(log_of)

    def _follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool]) -> Follower:
        if self.record.is_building(run_id):
            return UnbuiltRun(store, run_id, lambda: self.record.is_building(run_id), stopping)
        return self.follower(store, run_id, stopping)

    @contextmanager
    def following(self, run_id: str) -> Iterator[FollowThread]:
        """A context in which the record is kept up to date, by this process or by another one that follows the run already."""
        thread = FollowThread(self.store.home, run_id, self._follower)
        thread.start()
        try:
            yield thread
        finally:
            thread.stop()

    def events(self, run_id: str, since: int = 0) -> Iterator[Event]:
        """The events after number ``since``, as they happen, until the run has ended. Raises `ClusterError` when it cannot be followed."""
        with self.following(run_id) as thread:
            yield from follow_events(self.store, run_id, since, thread.look)

    def logs(
        self, run_id: str, path: str, attempt: int | None = None, follow: bool = False, verbose: bool = False
    ) -> Iterator[LogLine]:
        """The log lines of a step. With ``follow`` new lines are added until its attempt has ended.

        ``verbose`` adds the lines of the cluster's own tools.
        """
        if self.store.head(run_id)["state"] in FINAL or not follow:
            self.refresh(run_id, path)
            yield from follow_log(self.store, run_id, path, attempt, verbose=verbose)
            return
        with self.following(run_id):
            yield from follow_log(self.store, run_id, path, attempt, follow, verbose)


def _expected_images(pipeline: Pipeline, settings: ClusterOptions) -> dict[str, str]:
    """Names as long as those of the images that a run will build: what they hold does not count as a part of the documents."""
    name = f"{settings.repository}@sha256:{'0' * 64}"
    return {s.name: name for s in pipeline.steps() if not has_own_image(s)}
