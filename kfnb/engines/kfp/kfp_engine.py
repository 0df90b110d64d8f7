"""The Kubeflow Pipelines engine: submits runs over REST, and follows them through Kubernetes where it may, else through REST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kfnb.engines.argo.follow_workflow import WorkflowFollower
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import MOUNTED_NAMESPACE, Kube, connect
from kfnb.engines.cluster.following.pod_logs import RecordedLog
from kfnb.engines.cluster.lowering.cluster_checks import check_jobs, check_python, check_size
from kfnb.engines.cluster.lowering.file_checks import check_files
from kfnb.engines.cluster.lowering.literal_texts import kfp_value
from kfnb.engines.cluster.lowering.manifest_files import as_yaml
from kfnb.engines.cluster.submission.reused_steps import reusable_outputs
from kfnb.engines.cluster.submission.shared_engine_actions import ClusterRuns, Follower
from kfnb.engines.cluster.targets.targets import Target
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.kfp.following import node_states
from kfnb.engines.kfp.following.poll_run import PollFollower
from kfnb.engines.kfp.ir import pipeline_ir
from kfnb.engines.kfp.ir.component_executors import output_of
from kfnb.engines.kfp.kfp_client import KfpClient
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.runs.record.run_store import RunStore

RUN_LABEL = "pipeline/runid"  #: that the backend puts on a run's Workflow and pods
DEFAULT_EXPERIMENT = "Default"


class KfpEngine(ClusterRuns):
    """Runs pipelines on Kubeflow Pipelines."""

    name = "kfp"

    def __init__(self, store: RunStore, target: Target) -> None:
        super().__init__(store, target)
        self._client: KfpClient | None = None

    @property
    def client(self) -> KfpClient:
        """The server, when it is first needed. Raises `ClusterError`."""
        if self._client is None:
            self._client = KfpClient(self.target.connection)
        return self._client

    # ---------------------------------------------------------------- before
    def compile_run(
        self, pipeline: Pipeline, options: RunOptions, reused: dict[str, dict[str, str]] | None = None
    ) -> pipeline_ir.Compiled:
        pipeline, settings, requirements = self.fit(pipeline, options)
        return pipeline_ir.compile_ir(pipeline, settings, requirements, reused)

    def check(self, pipeline: Pipeline, options: RunOptions) -> list[Problem]:
        """Find what the pipeline or the command line asks for and Kubeflow Pipelines cannot do."""
        part = self.check_partial_run(options)
        if part:
            return part
        compiled = self.compile_run(pipeline, options)
        jobs = list(compiled.tasks.values())
        return [
            *check_jobs(jobs, "kfp"),
            *check_files(pipeline, compiled.requirements),
            *check_python(options),
            *check_size(compiled.ir, "pipeline"),
        ]

    def compile(self, pipeline: Pipeline, folder: str = ".") -> str:
        compiled = self.compile_run(pipeline, RunOptions(folder=folder))
        return as_yaml([compiled.ir, *([compiled.platform] if compiled.platform else [])])

    # ---------------------------------------------------------------- beginning
    def submit(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Start a run from an inline specification, without an upload. Raises `ClusterError`; the run has failed then."""
        compiled, client = self.compile_run(pipeline, options), self.client
        run_id = self.create_run(pipeline, options)
        with self.submitting(run_id):
            body = self._body(pipeline, options, compiled, f"{pipeline.name} {run_id}")
            self.write_remote(run_id, run=client.create_run(body), host=client.host, before={})
        self.record_pending(run_id, compiled.jobs)
        return run_id

    def schedule(self, pipeline: Pipeline, options: RunOptions, cron: str) -> str:
        """A recurring run; gives its id. ``cron`` has six fields, the first being seconds; five are taken with second 0."""
        body = self._body(pipeline, options, self.compile_run(pipeline, options), pipeline.name)
        fields = cron if len(cron.split()) != 5 else f"0 {cron}"
        return self.client.create_recurring_run(
            {
                **body,
                "trigger": {"cron_schedule": {"cron": fields}},
                "mode": "ENABLE",
                "max_concurrency": "1",
                "no_catchup": True,
            }
        )

    def submit_workflow(self, pipeline: Pipeline, options: RunOptions) -> str:
        """The run of Argo's form of the pipeline, uploaded as a package of version 1; gives the server's id of the run.

        The server takes such packages unless ``BLOCK_V1_PIPELINES`` is set there: no drivers, half the pods, no graph of version 2.
        """
        from tempfile import TemporaryDirectory

        from kfnb.engines.argo import workflow_manifest

        pipeline, settings, requirements = self.fit(pipeline, options)
        compiled = workflow_manifest.compile_workflow(pipeline, settings, requirements, options.parameters)
        with TemporaryDirectory() as folder:
            package = Path(folder) / "pipeline.yaml"
            package.write_text(as_yaml([compiled.workflow]), encoding="utf-8")
            name = f"{pipeline.name}-workflow"
            version = self.client.upload_version(package, name, pipeline.description)
        experiment = options.experiment or self.target.settings.get("experiment") or DEFAULT_EXPERIMENT
        body = {
            "display_name": name,
            "experiment_id": self.client.experiment(experiment),
            "pipeline_version_reference": version,
        }
        return self.client.create_run(body)

    def _body(
        self, pipeline: Pipeline, options: RunOptions, compiled: pipeline_ir.Compiled, name: str
    ) -> dict[str, Any]:
        settings = self.target.settings
        experiment = options.experiment or settings.get("experiment")
        if not experiment and self.client.multi_user():
            experiment = DEFAULT_EXPERIMENT
        types = {p.name: p.type for p in pipeline.parameters}
        values = {n: kfp_value(v, types[n]) for n, v in options.parameters.items()}
        spec: dict[str, Any] = (
            {"pipeline_spec": compiled.ir, "platform_spec": compiled.platform} if compiled.platform else compiled.ir
        )
        body: dict[str, Any] = {"display_name": name, "pipeline_spec": spec, "runtime_config": {"parameters": values}}
        if settings.get("pipeline_root"):
            body["runtime_config"]["pipeline_root"] = settings["pipeline_root"]
        if settings.get("service_account"):
            body["service_account"] = settings["service_account"]
        if experiment:
            body["experiment_id"] = self.client.experiment(experiment)
        return body

    def retry(self, run_id: str, start: str | None = None, pipeline: Pipeline | None = None) -> str:
        """Run again what did not succeed.

        With the same code the server retries its own run. It accepts neither changed code nor a step to begin at. For these a new
        run on the server imports the packs of the steps that are not repeated.

        Raises
        ------
        UnknownRun
            When the run has not ended, or has no step ``start``.
        ClusterError
            When the server refuses it. The record of the run does not change then.
        """
        with self.locked_for_retry(run_id):
            before, now, options = self.prepare_retry(run_id, start, pipeline)
            if start is None and now == before:
                self._retry_on_server(run_id, now, options)
                return run_id
            attempts = self.attempt_counts(run_id)
            reused = self._reusable_outputs(run_id, before, now, options, start)
            compiled, client = self.compile_run(now, options, reused), self.client
            body = self._body(now, options, compiled, f"{now.name} {run_id}")
            self.write_remote(run_id, run=client.create_run(body), host=client.host, before=attempts)
            self.record_retry(run_id, now, reused, compiled.jobs)
        return run_id

    def _retry_on_server(self, run_id: str, pipeline: Pipeline, options: RunOptions) -> None:
        """Let the server retry its own run, and record the repeated steps as pending."""
        remote, attempts = self.remote(run_id), self.attempt_counts(run_id)
        tasks = self.compile_run(pipeline, options, self.reused_outputs(run_id)).jobs
        self.client.act(remote["run"], "retry")
        done = ("succeeded", "cached", "skipped")
        again = [s["path"] for s in self.store.steps(run_id) if s["state"] not in done]
        before = {path: attempts[path] for path in again if path in attempts}
        self.write_remote(run_id, run=remote["run"], host=remote["host"], before=before)
        with self.store.changing():
            self.store.forget_steps(run_id, again)
            self.record_pending(run_id, {t: jobs for t, jobs in tasks.items() if jobs[0].name in again})
            self.store.record_run(run_id, "pending", finished=None, error=None)

    def _reusable_outputs(
        self, run_id: str, before: Pipeline, now: Pipeline, options: RunOptions, start: str | None
    ) -> dict[str, dict[str, str]]:
        """The outputs that a retry can reuse, from the reports in the steps' logs."""
        old, new = self.compile_run(before, options), self.compile_run(now, options)
        outputs = {j.name: [output_of(j, c) for c in j.outputs] for j in new.outermost}
        handed_on = {}
        for step in self.store.steps(run_id):
            if step["state"] == "succeeded" and step["attempts"] and step["path"] in outputs:
                folder = self.store.attempt_folder(run_id, step["path"], step["attempts"])
                found = RecordedLog(folder).report.handed_on()
                if set(outputs[step["path"]]) <= set(found):
                    handed_on[step["path"]] = found
        return reusable_outputs(handed_on, old.tasks.values(), new.outermost, now, start)

    def stop(self, remote: dict[str, Any]) -> None:
        """Terminate the run; its exit handlers run."""
        self.client.act(remote["run"], "terminate")

    def archive(self, run_id: str) -> None:
        """Archive the run on the server."""
        self.client.act(self.remote(run_id)["run"], "archive")

    # ---------------------------------------------------------------- following
    def follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool]) -> Follower:
        remote = self.remote(run_id)
        pipeline, options = self.read_run(run_id)
        compiled = self.compile_run(pipeline, options, self.reused_outputs(run_id))
        before = remote.get("before", {})
        found = self._workflow(remote["run"])
        if found is not None:
            kube, name = found
            see = partial(node_states.observe_steps, blocks=compiled.blocks)
            return WorkflowFollower(store, run_id, kube, name, compiled.jobs, stopping, before, see)
        return PollFollower(store, run_id, self.client, remote["run"], compiled.jobs, compiled.blocks, stopping, before)

    def _workflow(self, run: str) -> tuple[Kube, str] | None:
        """The run's Workflow, if this user may read it: it has more detail than the REST API, without delay."""
        connection = self.target.connection
        if not connection.names_cluster and not MOUNTED_NAMESPACE.is_file():
            return None
        try:
            kube = connect(replace(connection, namespace=connection.namespace or connection.server_namespace))
            names = [w["metadata"]["name"] for w in kube.list_workflows(f"{RUN_LABEL}={run}")]
        except ClusterError:
            return None
        return (kube, names[0]) if names else None
