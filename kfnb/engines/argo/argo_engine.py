"""The Argo engine: submits Workflows and follows them through the Kubernetes API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfnb.engines.argo import workflow_kinds, workflow_manifest
from kfnb.engines.argo.argo_server_client import ArgoServer, workflow_of
from kfnb.engines.argo.follow_workflow import Follower
from kfnb.engines.argo.workflow_nodes import seen
from kfnb.engines.argo.workflow_status import Offloaded, nodes_of
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube, connect
from kfnb.engines.cluster.following.recorded_cluster_runs import ClusterRuns
from kfnb.engines.cluster.lowering.cluster_checks import check_items, check_jobs, check_python, check_size
from kfnb.engines.cluster.lowering.file_checks import check_files
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.engines.cluster.lowering.manifest_files import as_yaml
from kfnb.engines.cluster.packaging.step_requirements import find_requirements
from kfnb.engines.cluster.submission.fit_to_target import fitted
from kfnb.engines.cluster.submission.reused_steps import kept_of
from kfnb.engines.cluster.targets.targets import Target, options_of
from kfnb.engines.engine_interface import RunOptions
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.runs.record.run_store import RunStore
from kfnb.states import FINAL

RUN_LABEL = "kfnb.dev/run"


class ArgoEngine(ClusterRuns):
    """Runs pipelines as Argo Workflows. ``kube``: the cluster, when it is connected to already."""

    name = "argo"

    def __init__(self, store: RunStore, target: Target, kube: Kube | None = None) -> None:
        super().__init__(store, target)
        self._kube = kube

    @property
    def kube(self) -> Kube:
        """The cluster, connected to when it is first needed. Raises `ClusterError`."""
        if self._kube is None:
            self._kube = connect(self.target.connection)
        return self._kube

    # ---------------------------------------------------------------- before
    def compile_run(
        self, pipeline: Pipeline, options: RunOptions, kept: dict[str, dict[str, str]] | None = None
    ) -> workflow_manifest.Compiled:
        settings = options_of(self.target)
        pipeline = fitted(pipeline, settings, options.parameters)
        return workflow_manifest.compile_workflow(
            pipeline,
            settings,
            find_requirements(pipeline, Path(options.folder), settings.packages, settings.sources),
            options.parameters,
            kept or {},
        )

    def check(self, pipeline: Pipeline, options: RunOptions) -> list[Problem]:
        """What Argo cannot do of what the pipeline or the command line asks."""
        part = self.check_part(options)
        if part:
            return part
        made = self.compile_run(pipeline, options)
        jobs = {j.name: j for jobs in made.tasks.values() for j in jobs}
        return [
            *check_jobs(list(jobs.values()), "argo"),
            *check_files(pipeline, made.requirements),
            *check_items(made.root, options.parameters),
            *check_python(options),
            *check_size(made.workflow, "Workflow"),
        ]

    def compile(self, pipeline: Pipeline, folder: str = ".") -> str:
        options = RunOptions({p.name: p.default for p in pipeline.parameters}, folder=folder)
        return as_yaml([self.compile_run(pipeline, options).workflow])

    # ---------------------------------------------------------------- beginning
    def submit(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Create the Workflow and give the run's id. Raises `ClusterError`; the run has failed then."""
        made = self.compile_run(pipeline, options)
        kube = self.kube
        run_id = self.begin(pipeline, options)
        with self.submitting(run_id):
            self._create(run_id, made, kube)
        self.record_pending(run_id, made.tasks)
        return run_id

    def schedule(self, pipeline: Pipeline, options: RunOptions, cron: str) -> str:
        """A CronWorkflow; gives its name. One that is there already takes the new form."""
        body = workflow_kinds.as_cron(self.compile_run(pipeline, options).workflow, cron)
        kube = self.kube
        body["metadata"]["namespace"] = kube.namespace
        name = str(body["metadata"]["name"])
        try:
            kube.create(body, "cronworkflows")
        except ClusterError as error:
            if error.kind != "conflict":
                raise
            kube.delete(name, "cronworkflows")
            kube.create(body, "cronworkflows")
        return name

    def _create(
        self, run_id: str, made: workflow_manifest.Compiled, kube: Kube, before: dict[str, int] | None = None
    ) -> None:
        body = json.loads(json.dumps(made.workflow))
        body["metadata"]["namespace"] = kube.namespace
        body["metadata"].setdefault("labels", {})[RUN_LABEL] = run_id
        found = kube.create(body)
        meta = found["metadata"]
        where = {"namespace": kube.namespace, "name": meta["name"], "uid": meta.get("uid", ""), "server": kube.server}
        self.put_remote(run_id, **where, before=before or {})

    def retry(self, run_id: str, start: str | None = None, pipeline: Pipeline | None = None) -> str:
        """A new Workflow for what did not succeed; what did, with the same code, hands on what it left.

        Raises
        ------
        UnknownRun
            When the run has not ended, or has no step ``start``.
        ClusterError
            When the cluster does not take it; the run and its steps stand as they stood.
        """
        with self.taking_up(run_id):
            before, now, options = self.to_retry(run_id, start, pipeline)
            kept = self._kept(run_id, before, now, options, start)
            made = self.compile_run(now, options, kept)
            self._create(run_id, made, self.kube, self.attempts(run_id))
            self.begin_again(run_id, now, kept, made.tasks)
        return run_id

    def _kept(
        self, run_id: str, before: Pipeline, now: Pipeline, options: RunOptions, start: str | None
    ) -> dict[str, dict[str, str]]:
        """What the steps left, as the workflow tells it; nothing, where it is no longer there."""
        remote = self.remote(run_id)
        server = self._server(remote)
        try:
            nodes = nodes_of(workflow_of(self.kube, remote["name"], server), server)
        except Offloaded:
            return {}
        except ClusterError as error:
            if error.kind != "missing":
                raise
            return {}
        old, new = self.compile_run(before, options), self.compile_run(now, options)
        left = {
            s.job.name: s.outputs for s in seen(nodes, old.tasks) if s.state == "succeeded" and s.path == s.job.name
        }
        left.update(self.kept_outputs(run_id))
        return kept_of(left, (j for jobs in old.tasks.values() for j in jobs), new.outermost, now, start)

    # ---------------------------------------------------------------- following
    def tasks(self, run_id: str) -> dict[str, tuple[Job, ...]]:
        """The jobs of the run's workflow by the names of their tasks."""
        pipeline, options = self.kept(run_id)
        return self.compile_run(pipeline, options, self.kept_outputs(run_id)).tasks

    def follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool]) -> Follower:
        remote = self.remote(run_id)
        return Follower(
            store, run_id, self.kube, remote["name"], self.tasks(run_id), stopping, remote["before"],
            server=self._server(remote),
        )  # fmt: skip

    def _server(self, remote: dict[str, Any]) -> ArgoServer | None:
        """Argo's own server, where the target names one, for the workflow of a run."""
        connection = self.target.connection
        if not connection.server:
            return None
        return ArgoServer(connection, self.kube, remote["name"], remote.get("uid", ""))

    def cancel(self, run_id: str) -> bool:
        """Stop the workflow: exit handlers run; asked again, it is terminated, without them."""
        self.refresh(run_id)
        if self.store.head(run_id)["state"] in FINAL:
            return False
        name = self.remote(run_id)["name"]
        asked = self.kube.get(name).get("spec", {}).get("shutdown")
        self.kube.patch(name, {"spec": {"shutdown": "Terminate" if asked else "Stop"}})
        return True
