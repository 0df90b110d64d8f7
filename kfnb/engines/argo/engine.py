"""The Argo engine: submits Workflows and follows them through the Kubernetes API."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kfnb.engines.argo import manifest
from kfnb.engines.argo.follow import Follower
from kfnb.engines.argo.nodes import seen
from kfnb.engines.argo.status import Offloaded, nodes_of
from kfnb.engines.base import RunOptions
from kfnb.engines.cluster.checks import check_jobs, check_size
from kfnb.engines.cluster.files import as_yaml
from kfnb.engines.cluster.jobs import Job
from kfnb.engines.cluster.kube import ClusterError, Kube, connect
from kfnb.engines.cluster.requirements import travelling
from kfnb.engines.cluster.targets import Target, options_of
from kfnb.engines.local.graph import downstream
from kfnb.engines.record import follow_events, follow_log
from kfnb.pipeline.model import Pipeline, handlers_of
from kfnb.pipeline.serialize import from_json, to_json
from kfnb.problems import Problem
from kfnb.runs.lock import holding
from kfnb.runs.logs import LogLine
from kfnb.runs.store import FINAL, Event, RunStore, UnknownRun

RUN_LABEL = "kfnb.dev/run"
REMOTE = "remote.json"  #: in the run's folder: the target and the workflow


class ArgoEngine:
    """Runs pipelines as Argo Workflows. ``kube``: the cluster, when it is connected to already."""

    name = "argo"

    def __init__(self, store: RunStore, target: Target, kube: Kube | None = None) -> None:
        self.store, self.target, self._kube = store, target, kube

    @property
    def kube(self) -> Kube:
        """The cluster, connected to when it is first needed. Raises `ClusterError`."""
        if self._kube is None:
            self._kube = connect(self.target.settings)
        return self._kube

    # ---------------------------------------------------------------- before
    def compiled(
        self, pipeline: Pipeline, options: RunOptions, kept: dict[str, dict[str, str]] | None = None
    ) -> manifest.Compiled:
        settings = options_of(self.target)
        return manifest.compiled(
            pipeline,
            settings,
            travelling(pipeline, Path(options.folder), settings.packages),
            options.parameters,
            kept or {},
        )

    def check(self, pipeline: Pipeline, options: RunOptions) -> list[Problem]:
        """What Argo cannot do of what the pipeline or the command line asks."""
        if options.only or options.start:
            return [
                Problem(
                    "KF704",
                    "a part of a pipeline runs here only",
                    "leave --step and --from out, or run it on the target `local`",
                )
            ]
        made = self.compiled(pipeline, options)
        jobs = {j.name: j for jobs in made.tasks.values() for j in jobs}
        return [*check_jobs(list(jobs.values()), "argo"), *check_size(made.workflow, "Workflow")]

    def compile(self, pipeline: Pipeline) -> str:
        return as_yaml([self.compiled(pipeline, RunOptions({p.name: p.default for p in pipeline.parameters})).workflow])

    # ---------------------------------------------------------------- beginning
    def submit(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Create the Workflow and give the run's id. Raises `ClusterError`; nothing is recorded then."""
        made = self.compiled(pipeline, options)
        kube = self.kube
        run_id = self.store.create(pipeline.name, options.notebook, options.experiment, self.name, options.parameters)
        folder = self.store.folder(run_id)
        (folder / "pipeline.json").write_text(json.dumps(to_json(pipeline)), encoding="utf-8")
        (folder / "options.json").write_text(json.dumps(options.to_json()), encoding="utf-8")
        try:
            self._create(run_id, made, kube)
        except ClusterError as error:
            failure = {"kind": "submit", "type": error.kind, "message": str(error)}
            self.store.record_run(run_id, "failed", finished=time.time(), error=failure)
            raise
        return run_id

    def _create(self, run_id: str, made: manifest.Compiled, kube: Kube, before: dict[str, int] | None = None) -> None:
        body = json.loads(json.dumps(made.workflow))
        body["metadata"]["namespace"] = kube.namespace
        body["metadata"].setdefault("labels", {})[RUN_LABEL] = run_id
        found = kube.create(body)
        remote = {
            "target": self.target.name,
            "engine": self.name,
            "settings": self.target.settings,
            "namespace": kube.namespace,
            "name": found["metadata"]["name"],
            "server": kube.server,
            "before": before or {},
        }
        (self.store.folder(run_id) / REMOTE).write_text(json.dumps(remote), encoding="utf-8")
        for job in sorted({j.name: j for jobs in made.tasks.values() for j in jobs}.values(), key=lambda j: j.position):
            if not job.loops:
                self.store.record_step(run_id, job.name, job.name, "pending", position=job.position)

    def retry(self, run_id: str, start: str | None = None, pipeline: Pipeline | None = None) -> str:
        """A new Workflow for what did not succeed; what did, with the same code, hands on what it left.

        Raises
        ------
        UnknownRun
            When the run has not ended, or has no step ``start``.
        """
        if self.store.head(run_id)["state"] not in FINAL:
            raise UnknownRun(f"run {run_id} has not ended: cancel it first")
        folder = self.store.folder(run_id)
        before = from_json(json.loads((folder / "pipeline.json").read_text("utf-8")))
        now = pipeline if pipeline is not None else before
        if start is not None and start not in {s.name for s in now.steps()}:
            self.store.find_step(run_id, start)
        options = RunOptions(**json.loads((folder / "options.json").read_text("utf-8")))
        kept = self._kept(run_id, before, now, options, downstream(now, start) if start is not None else set())
        made = self.compiled(now, options, kept)
        self.store.forget_steps(run_id, [s["path"] for s in self.store.steps(run_id) if s["path"] not in kept])
        (folder / "pipeline.json").write_text(json.dumps(to_json(now)), encoding="utf-8")
        (folder / "kept.json").write_text(json.dumps(kept), encoding="utf-8")
        self.store.record_run(run_id, "pending", finished=None, error=None)
        self._create(run_id, made, self.kube, self._attempts(run_id))
        return run_id

    def _attempts(self, run_id: str) -> dict[str, int]:
        """How many attempts every step has had."""
        folder = self.store.folder(run_id) / "steps"
        numbers: dict[str, int] = {}
        for attempt in folder.glob("*/*") if folder.exists() else ():
            if attempt.name.isdecimal():
                numbers[attempt.parent.name] = max(numbers.get(attempt.parent.name, 0), int(attempt.name))
        return numbers

    def _kept(
        self, run_id: str, before: Pipeline, now: Pipeline, options: RunOptions, again: set[str]
    ) -> dict[str, dict[str, str]]:
        """What the steps left that need not run again: those outside of loops and guards whose code, and that of all before, is the same."""
        remote = self.remote(run_id)
        try:
            nodes = nodes_of(self.kube.get(remote["name"]))
        except (ClusterError, Offloaded):
            return {}
        old, new = self.compiled(before, options), self.compiled(now, options)
        outputs = {
            s.job.name: s.outputs for s in seen(nodes, old.tasks) if s.state == "succeeded" and s.path == s.job.name
        }
        path = self.store.folder(run_id) / "kept.json"
        outputs.update(json.loads(path.read_text("utf-8")) if path.exists() else {})
        told = {j.name: j.told for jobs in old.tasks.values() for j in jobs}
        again |= {s.name for s in handlers_of(now.body)}
        kept: dict[str, dict[str, str]] = {}
        for job in new.outermost:
            same = job.name in outputs and job.told == told.get(job.name) and job.name not in again
            if same and all(name in kept for name, _ in job.waits):
                kept[job.name] = outputs[job.name]
        return kept

    # ---------------------------------------------------------------- following
    def remote(self, run_id: str) -> dict[str, Any]:
        """Where the run is. Raises `UnknownRun` when it never reached the cluster."""
        path = self.store.folder(run_id) / REMOTE
        if not path.exists():
            raise UnknownRun(f"run {run_id} never reached its cluster")
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found

    def tasks(self, run_id: str) -> dict[str, tuple[Job, ...]]:
        folder = self.store.folder(run_id)
        pipeline = from_json(json.loads((folder / "pipeline.json").read_text("utf-8")))
        options = RunOptions(**json.loads((folder / "options.json").read_text("utf-8")))
        path = folder / "kept.json"
        return self.compiled(pipeline, options, json.loads(path.read_text("utf-8")) if path.exists() else {}).tasks

    def refresh(self, run_id: str) -> None:
        """Bring the record up to date, unless somebody follows the run already. Raises `ClusterError`."""
        if self.store.head(run_id)["state"] in FINAL:
            return
        with holding(self.store.folder(run_id) / "follow.lock") as mine:
            if mine:
                self._follower(self.store, run_id).once()

    def _follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool] = lambda: False) -> Follower:
        remote = self.remote(run_id)
        return Follower(store, run_id, self.kube, remote["name"], self.tasks(run_id), stopping, remote["before"])

    @contextmanager
    def following(self, run_id: str) -> Iterator[_Following]:
        """Somebody brings the record up to date meanwhile: this process, or the one that does already."""
        found = _Following(self, run_id)
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

    def cancel(self, run_id: str) -> bool:
        """Stop the workflow: exit handlers run; asked again, it is terminated, without them."""
        self.refresh(run_id)
        if self.store.head(run_id)["state"] in FINAL:
            return False
        name = self.remote(run_id)["name"]
        asked = self.kube.get(name).get("spec", {}).get("shutdown")
        self.kube.patch(name, {"spec": {"shutdown": "Terminate" if asked else "Stop"}})
        return True


class _Following(threading.Thread):
    """Follows a run while its lock is ours; waits for the lock while it is another's."""

    def __init__(self, engine: ArgoEngine, run_id: str) -> None:
        super().__init__(daemon=True)
        self.engine, self.run_id = engine, run_id
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
        store = RunStore(self.engine.store.home)  # a connection to SQLite belongs to its thread
        try:
            engine = ArgoEngine(store, self.engine.target, self.engine.kube)
            while not self._ended.is_set() and store.head(self.run_id)["state"] not in FINAL:
                with holding(store.folder(self.run_id) / "follow.lock") as mine:
                    if mine:
                        engine._follower(store, self.run_id, self._ended.is_set).run()
                if not mine:
                    self._ended.wait(0.5)
        except Exception as error:  # told to whoever waits for events
            self.error = error
        finally:
            store.close()
