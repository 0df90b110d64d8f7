"""The Argo engine: submits Workflows and follows them through the Kubernetes API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kfnb.engines.argo import workflow_kinds, workflow_manifest
from kfnb.engines.argo.argo_server_client import ArgoServer, workflow_of
from kfnb.engines.argo.follow_workflow import WorkflowFollower
from kfnb.engines.argo.read_status_nodes import Offloaded, nodes_of
from kfnb.engines.argo.workflow_nodes import observe_steps
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube, connect
from kfnb.engines.cluster.lowering.cluster_checks import check_items, check_jobs, check_python, check_size
from kfnb.engines.cluster.lowering.file_checks import check_files
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job
from kfnb.engines.cluster.lowering.manifest_files import as_yaml
from kfnb.engines.cluster.submission.reused_steps import reusable_outputs
from kfnb.engines.cluster.submission.shared_engine_actions import ClusterRuns
from kfnb.engines.cluster.targets.targets import Target
from kfnb.engines.engine_interface import RunOptions
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.runs.record.run_store import RunStore

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
        self, pipeline: Pipeline, options: RunOptions, reused: dict[str, dict[str, str]] | None = None
    ) -> workflow_manifest.Compiled:
        pipeline, settings, requirements = self.fit(pipeline, options)
        return workflow_manifest.compile_workflow(pipeline, settings, requirements, options.parameters, reused)

    def check(self, pipeline: Pipeline, options: RunOptions) -> list[Problem]:
        """Find what the pipeline or the command line asks for and Argo cannot do."""
        part = self.check_partial_run(options)
        if part:
            return part
        compiled = self.compile_run(pipeline, options)
        jobs = {j.name: j for jobs in compiled.tasks.values() for j in jobs}
        return [
            *check_jobs(list(jobs.values()), "argo"),
            *check_files(pipeline, compiled.requirements),
            *check_items(compiled.root, options.parameters),
            *check_python(options),
            *check_size(compiled.workflow, "Workflow"),
        ]

    def compile(self, pipeline: Pipeline, folder: str = ".") -> str:
        options = RunOptions({p.name: p.default for p in pipeline.parameters}, folder=folder)
        return as_yaml([self.compile_run(pipeline, options).workflow])

    # ---------------------------------------------------------------- beginning
    def submit(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Create the Workflow and give the run's id. Raises `ClusterError`; the run has failed then."""
        compiled = self.compile_run(pipeline, options)
        kube = self.kube
        run_id = self.create_run(pipeline, options)
        with self.submitting(run_id):
            self._create(run_id, compiled, kube)
        self.record_pending(run_id, compiled.tasks)
        return run_id

    def schedule(self, pipeline: Pipeline, options: RunOptions, cron: str) -> str:
        """Create a CronWorkflow and return its name. An existing one of that name is replaced."""
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
        self, run_id: str, compiled: workflow_manifest.Compiled, kube: Kube, before: dict[str, int] | None = None
    ) -> None:
        body = json.loads(json.dumps(compiled.workflow))
        body["metadata"]["namespace"] = kube.namespace
        body["metadata"].setdefault("labels", {})[RUN_LABEL] = run_id
        found = kube.create(body)
        meta = found["metadata"]
        where = {"namespace": kube.namespace, "name": meta["name"], "uid": meta.get("uid", ""), "server": kube.server}
        self.write_remote(run_id, **where, before=before or {})

    def retry(self, run_id: str, start: str | None = None, pipeline: Pipeline | None = None) -> str:
        """Submit a new Workflow for the steps that did not succeed. Those that succeeded with the same code are not repeated.

        Raises
        ------
        UnknownRun
            When the run has not ended, or has no step ``start``.
        ClusterError
            When the cluster refuses it. The record of the run does not change then.
        """
        with self.locked_for_retry(run_id):
            before, now, options = self.prepare_retry(run_id, start, pipeline)
            reused = self._reusable_outputs(run_id, before, now, options, start)
            compiled = self.compile_run(now, options, reused)
            self._create(run_id, compiled, self.kube, self.attempt_counts(run_id))
            self.record_retry(run_id, now, reused, compiled.tasks)
        return run_id

    def _reusable_outputs(
        self, run_id: str, before: Pipeline, now: Pipeline, options: RunOptions, start: str | None
    ) -> dict[str, dict[str, str]]:
        """The outputs that a retry can reuse, from the workflow's nodes; none when the workflow is gone."""
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
        handed_on = {
            s.job.name: s.outputs
            for s in observe_steps(nodes, old.tasks)
            if s.state == "succeeded" and s.path == s.job.name
        }
        handed_on.update(self.reused_outputs(run_id))
        return reusable_outputs(handed_on, (j for jobs in old.tasks.values() for j in jobs), new.outermost, now, start)

    # ---------------------------------------------------------------- following
    def tasks(self, run_id: str) -> dict[str, tuple[Job, ...]]:
        """The jobs of the run's workflow by the names of their tasks."""
        pipeline, options = self.read_run(run_id)
        return self.compile_run(pipeline, options, self.reused_outputs(run_id)).tasks

    def follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool]) -> WorkflowFollower:
        remote = self.remote(run_id)
        return WorkflowFollower(
            store, run_id, self.kube, remote["name"], self.tasks(run_id), stopping, remote["before"],
            server=self._server(remote),
        )  # fmt: skip

    def _server(self, remote: dict[str, Any]) -> ArgoServer | None:
        """Argo's own server, where the target names one, for the workflow of a run."""
        connection = self.target.connection
        if not connection.server:
            return None
        return ArgoServer(connection, self.kube, remote["name"], remote.get("uid", ""))

    def stop(self, remote: dict[str, Any]) -> None:
        """Stop the workflow; its exit handlers run. A second call terminates it without them."""
        name = remote["name"]
        stopping = self.kube.get(name).get("spec", {}).get("shutdown")
        self.kube.patch(name, {"spec": {"shutdown": "Terminate" if stopping else "Stop"}})
