"""The Argo engine: it submits Workflows and follows them through the Kubernetes API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from kfnb.engines.argo.argo_server_client import ArgoServer, workflow_of
from kfnb.engines.argo.container_templates import output_of
from kfnb.engines.argo.cron_workflows import CronWorkflows
from kfnb.engines.argo.dag_template_tasks import CANCEL_PARAMETER
from kfnb.engines.argo.following.follow_workflow import WorkflowFollower, WorkflowSource
from kfnb.engines.argo.following.read_status_nodes import Offloaded, nodes_of
from kfnb.engines.argo.following.workflow_nodes import observe_steps
from kfnb.engines.argo.workflow_manifest import CompiledWorkflow, compile_workflow
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube, connect
from kfnb.engines.cluster.following.namespace_watch import shared_watch
from kfnb.engines.cluster.following.start_timeout import StartTimeout
from kfnb.engines.cluster.following.words.skip_words import SkipWords
from kfnb.engines.cluster.lowering.checks.cluster_checks import check_size
from kfnb.engines.cluster.submission.cluster_engine import ClusterEngine
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.submission.reused_steps import StepOutputs
from kfnb.engines.cluster.targets.targets import options_of
from kfnb.engines.engine_interface import RunOptions
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.runs.record.run_store import RunStore
from kfnb.runtime.pods.handover.engine_inputs import CANCELLED
from kfnb.schedules.schedule_model import Schedule

RUN_LABEL = "kfnb.dev/run"
TITLE = "workflows.argoproj.io/title"  #: what Argo's page shows in place of a Workflow's name


class ArgoEngine(ClusterEngine[Kube, CompiledWorkflow]):
    """Runs pipelines as Argo Workflows."""

    name = "argo"

    def connect(self) -> Kube:
        return connect(self.target.connection)

    def emit(
        self,
        pipeline: Pipeline,
        settings: ClusterOptions,
        requirements: StepRequirements,
        parameters: dict[str, Any],
        reused: StepOutputs,
    ) -> CompiledWorkflow:
        return compile_workflow(pipeline, settings, requirements, parameters, reused)

    def check_emitted(self, compiled: CompiledWorkflow, options: RunOptions) -> Iterator[Problem]:
        yield from check_size(compiled.workflow, "Workflow")

    def create(
        self, client: Kube, run_id: str, pipeline: Pipeline, options: RunOptions, compiled: CompiledWorkflow
    ) -> dict[str, Any]:
        """Create the Workflow and return its namespace, name and server."""
        body = json.loads(json.dumps(compiled.workflow))
        body["metadata"]["namespace"] = client.namespace
        body["metadata"].setdefault("labels", {})[RUN_LABEL] = run_id
        if options.name:
            body["metadata"].setdefault("annotations", {})[TITLE] = options.name
        metadata = client.create(body)["metadata"]
        return {
            "namespace": client.namespace,
            "name": metadata["name"],
            "uid": metadata.get("uid", ""),
            "server": client.server,
        }

    def schedule(self, pipeline: Pipeline, options: RunOptions, schedule: Schedule) -> str:
        """Create a CronWorkflow and return its name. An existing one of that name and of the same owner is replaced."""
        self.schedules.check(schedule)
        images = self.build_images(pipeline, options, self.watch)
        return self.schedules.create(self.compile_run(pipeline, options, images=images).workflow, schedule)

    @property
    def schedules(self) -> CronWorkflows:
        """The schedules of the target's namespace."""
        return CronWorkflows(self.client)

    def recorded_outputs(self, run_id: str, old: CompiledWorkflow, new: CompiledWorkflow) -> StepOutputs:
        """The outputs in the Workflow's nodes, and those that it took from earlier Workflows. None when the Workflow is gone."""
        location = self.record.location(run_id)
        server = self._server(location)
        try:
            nodes = nodes_of(workflow_of(self.client, location["name"], server), server)
        except Offloaded:
            return {}
        except ClusterError as error:
            if error.kind != "missing":
                raise
            return {}
        states = {s["path"]: s["state"] for s in self.store.steps(run_id)}
        steps = observe_steps(nodes, self.recompile(run_id).task_jobs)
        # Of a pod that failed, the steps before the failed one have succeeded.
        states.update({s.path: s.state for s in steps if s.job.helps})  # the record has only the user's own steps
        succeeded = (s for s in steps if states.get(s.path) == "succeeded" and s.path == s.job.name)
        return {**{s.path: s.outputs for s in succeeded}, **self.record.reused_outputs(run_id)}

    def follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool]) -> WorkflowFollower:
        location = self.record.location(run_id)
        pipeline, _ = self.record.pipeline_and_options(run_id)
        watch = shared_watch(self.client, RUN_LABEL, self.target.connection)
        source = WorkflowSource(self.client, location["name"], watch, self._server(location))
        jobs = self.recompile(run_id).task_jobs
        seconds = options_of(self.target).start_timeout
        timeout = StartTimeout(store.folder(run_id), location["name"], seconds, lambda: self._stop_failed(location))
        words = SkipWords(pipeline, output_of)
        return WorkflowFollower(store, run_id, source, jobs, stopping, timeout, location["before"], words)

    def _server(self, location: dict[str, Any]) -> ArgoServer | None:
        """Argo's own server, where the target names one, for the Workflow of a run."""
        connection = self.target.connection
        if not connection.server:
            return None
        return ArgoServer(connection, self.client, location["name"], location.get("uid", ""))

    def stop(self, location: dict[str, Any]) -> None:
        """Stop the Workflow; its exit handlers run, and know that the run was cancelled. A second call terminates it without them."""
        name = location["name"]
        spec = self.client.get(name).get("spec", {})
        arguments = spec.get("arguments") or {}
        told = [
            {**p, "value": CANCELLED} if p["name"] == CANCEL_PARAMETER else p for p in arguments.get("parameters") or ()
        ]
        change = {"arguments": {**arguments, "parameters": told}} if told else {}
        self.client.patch(name, {"spec": {**change, "shutdown": "Terminate" if spec.get("shutdown") else "Stop"}})

    def _stop_failed(self, location: dict[str, Any]) -> None:
        """Stop a Workflow that has failed; its exit handlers run."""
        self.client.patch(location["name"], {"spec": {"shutdown": "Stop"}})

    def discard(self, run_id: str) -> None:
        """Delete the Workflow with its pods."""
        self.client.delete(self.record.location(run_id)["name"])
