"""What the record of runs holds of a run on a cluster: its pipeline, where it is, and the outputs that a retry reuses."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from typing import Any

from kfnb.engines.cluster.lowering.jobs_and_blocks import Job, distinct_jobs
from kfnb.engines.cluster.submission.delivery import begun
from kfnb.engines.cluster.submission.reused_steps import StepOutputs
from kfnb.engines.cluster.targets.cluster_pages import page_of
from kfnb.engines.cluster.targets.targets import Target
from kfnb.engines.engine_interface import OPTIONS, RunOptions, recorded_options
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.serialize import to_json
from kfnb.runs.cluster_page import LOCATION
from kfnb.runs.kept_pipeline import PIPELINE, kept_pipeline
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.private_record_files import read_object, write_file
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.run_environment import RunEnvironment, record_environment
from kfnb.states import FINAL

REUSED = "kept.json"  #: in the run's folder: the outputs of steps that the last retry did not repeat

BUILDING = "building"  #: the key of a location while images are built
FIRST, AGAIN = "first", "again"  #: whether those of a new run, or of a retry; earlier records have `True` for the first

IMAGES = "images.json"  #: in the run's folder: the images that were built for its steps


class ClusterRunRecord:
    """Reads and writes the record of the runs of one engine.

    Parameters
    ----------
    engine
        The engine's name.
    """

    def __init__(self, store: RunStore, target: Target, engine: str) -> None:
        self._store, self._target, self._engine = store, target, engine

    def create(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Create a run and return its id. Environment variables are not recorded."""
        run_id = self._store.create(
            pipeline.name, options.notebook, options.experiment, self._engine, options.parameters,
            notebook_id=options.notebook_id, target=self._target.name, name=options.name,
        )  # fmt: skip
        self._write(run_id, PIPELINE, to_json(pipeline))
        self._write(run_id, OPTIONS, replace(options, environment={}).to_json())
        return run_id

    def pipeline_and_options(self, run_id: str) -> tuple[Pipeline, RunOptions]:
        """The pipeline and the options of a run."""
        return kept_pipeline(self._store, run_id), recorded_options(self._store.folder(run_id))

    def location(self, run_id: str) -> dict[str, Any]:
        """Where the run is on the cluster. Raises `UnknownRun` when it never reached the cluster."""
        try:
            return read_object(self._store.folder(run_id) / LOCATION)
        except FileNotFoundError:
            raise UnknownRun(f"run {run_id} never reached its cluster: run the notebook again") from None

    def write_location(
        self, run_id: str, location: dict[str, Any], earlier_attempts: dict[str, int] | None = None
    ) -> None:
        """Record where the run is, and how many attempts each step had before the run on the cluster began."""
        target = self._target
        fields = {
            "target": target.name,
            "engine": self._engine,
            "settings": target.settings,
            "pins": target.pins,
            "page": page_of(self._engine, target.settings, location),
            **location,
        }
        self._write(run_id, LOCATION, {**fields, "before": earlier_attempts or {}})
        state = self._store.state(run_id)
        if state not in FINAL:
            self._store.record_run(run_id, state, delivery=asdict(begun("package")) if BUILDING in location else None)

    # ---------------------------------------------------------------- while images are built
    def begin_build(self, run_id: str) -> None:
        """Record that the images of a new run are built, which is nowhere on the cluster yet."""
        self.write_location(run_id, {BUILDING: FIRST})

    def begin_rebuild(self, run_id: str) -> None:
        """Record that the images of a retry are built. The run stays where it is on the cluster, if it is there."""
        location = self.location(run_id)
        self._write(run_id, LOCATION, {**location, BUILDING: location.get(BUILDING, AGAIN)})

    def end_rebuild(self, run_id: str) -> bool:
        """Record that the images of a retry are not built any more, unless the retry was created, and return whether it was not."""
        location = self.location(run_id)
        if location.get(BUILDING) == AGAIN:
            self._write(run_id, LOCATION, {key: value for key, value in location.items() if key != BUILDING})
        return BUILDING in location

    def is_building(self, run_id: str) -> bool:
        """Whether images of the run, or of its retry, are being built, or their build was left."""
        return BUILDING in self.location(run_id)

    def was_created(self, run_id: str) -> bool:
        """Whether the run is on the cluster, as it was before a retry whose images are being built."""
        return self.location(run_id).get(BUILDING) not in (FIRST, True)

    def record_cancel(self, run_id: str) -> None:
        """Record when the cluster was asked to stop the run. The next submission forgets it."""
        self._write(run_id, LOCATION, {**self.location(run_id), "cancelled": time.time()})

    def reused_outputs(self, run_id: str) -> StepOutputs:
        """The outputs of the steps that the last retry did not repeat."""
        try:
            return read_object(self._store.folder(run_id) / REUSED)
        except FileNotFoundError:
            return {}

    def images(self, run_id: str) -> dict[str, str]:
        """The images that were built for the steps of a run, by the names of the steps."""
        try:
            return read_object(self._store.folder(run_id) / IMAGES)
        except FileNotFoundError:
            return {}

    def write_images(self, run_id: str, images: dict[str, str]) -> None:
        self._write(run_id, IMAGES, images)

    def write_environment(self, run_id: str, requirements: StepRequirements) -> None:
        """Record the packages that the steps of a run get."""
        environment = RunEnvironment(requirements.python, requirements.versions())
        record_environment(self._store.folder(run_id), environment)

    def attempt_counts(self, run_id: str) -> dict[str, int]:
        """How many attempts every step has had."""
        folder = self._store.folder(run_id) / "steps"
        counts: dict[str, int] = {}
        for attempt in folder.glob("*/*") if folder.exists() else ():
            if attempt.name.isdecimal():
                counts[attempt.parent.name] = max(counts.get(attempt.parent.name, 0), int(attempt.name))
        return counts

    def record_pending(self, run_id: str, task_jobs: dict[str, tuple[Job, ...]]) -> None:
        """Record the steps outside of loops as pending. Iterations are recorded when they appear."""
        outside_loops = (j for j in distinct_jobs(task_jobs) if not j.loops and not j.helps)
        for job in sorted(outside_loops, key=lambda j: j.position):
            self._store.record_step(run_id, job.name, job.name, "pending", position=job.position)

    def record_retry(
        self, run_id: str, pipeline: Pipeline, reused: StepOutputs, task_jobs: dict[str, tuple[Job, ...]]
    ) -> None:
        """Record that the cluster accepted a retry.

        Parameters
        ----------
        reused
            The outputs of the steps that are not repeated, by step.
        task_jobs
            The jobs that run, by the names of their tasks.
        """
        self._write(run_id, PIPELINE, to_json(pipeline))
        self._write(run_id, REUSED, reused)
        repeated = [s["path"] for s in self._store.steps(run_id) if s["path"] not in reused]
        self.record_repeated(run_id, repeated, task_jobs)

    def record_repeated(self, run_id: str, repeated: list[str], task_jobs: dict[str, tuple[Job, ...]]) -> None:
        """Record the run and the steps that are repeated as pending. ``task_jobs`` are the jobs that run again."""
        with self._store.changing():
            self._store.forget_steps(run_id, repeated)
            self.record_pending(run_id, task_jobs)
            self._store.record_run(run_id, "pending", finished=None, error=None)

    def _write(self, run_id: str, name: str, content: Any) -> None:
        write_file(self._store.folder(run_id) / name, json.dumps(content))
