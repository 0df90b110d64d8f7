"""The Kubeflow Pipelines engine: submits runs over REST; follows them in Kubernetes where it may, else by asking the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kfnb.engines.argo.follow_workflow import Follower
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import MOUNTED_NAMESPACE, Kube, connect
from kfnb.engines.cluster.following.pod_logs import KeptLog
from kfnb.engines.cluster.following.recorded_cluster_runs import ClusterRuns, Following
from kfnb.engines.cluster.lowering.cluster_checks import check_jobs, check_python, check_size
from kfnb.engines.cluster.lowering.file_checks import check_files
from kfnb.engines.cluster.lowering.literal_texts import kfp_value
from kfnb.engines.cluster.lowering.manifest_files import as_yaml
from kfnb.engines.cluster.packaging.step_requirements import find_requirements
from kfnb.engines.cluster.submission.fit_to_target import fitted
from kfnb.engines.cluster.submission.reused_steps import kept_of
from kfnb.engines.cluster.targets.targets import Target, options_of
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.kfp.following import node_states
from kfnb.engines.kfp.following.poll_run import PollFollower
from kfnb.engines.kfp.ir import pipeline_ir
from kfnb.engines.kfp.ir.component_executors import output_of
from kfnb.engines.kfp.kfp_client import KfpClient
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.runs.record.run_store import RunStore
from kfnb.states import FINAL

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
        self, pipeline: Pipeline, options: RunOptions, kept: dict[str, dict[str, str]] | None = None
    ) -> pipeline_ir.Compiled:
        settings = options_of(self.target)
        pipeline = fitted(pipeline, settings, options.parameters)
        return pipeline_ir.compile_ir(
            pipeline,
            settings,
            find_requirements(pipeline, Path(options.folder), settings.packages, settings.sources),
            kept,
        )

    def check(self, pipeline: Pipeline, options: RunOptions) -> list[Problem]:
        """What Kubeflow Pipelines cannot do of what the pipeline or the command line asks."""
        part = self.check_part(options)
        if part:
            return part
        made = self.compile_run(pipeline, options)
        jobs = list(made.tasks.values())
        return [
            *check_jobs(jobs, "kfp"),
            *check_files(pipeline, made.requirements),
            *check_python(options),
            *check_size(made.ir, "pipeline"),
        ]

    def compile(self, pipeline: Pipeline, folder: str = ".") -> str:
        made = self.compile_run(pipeline, RunOptions(folder=folder))
        return as_yaml([made.ir, *([made.platform] if made.platform else [])])

    # ---------------------------------------------------------------- beginning
    def submit(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Begin a run from an inline specification, nothing being uploaded. Raises `ClusterError`; the run has failed then."""
        made, client = self.compile_run(pipeline, options), self.client
        run_id = self.begin(pipeline, options)
        with self.submitting(run_id):
            body = self._body(pipeline, options, made, f"{pipeline.name} {run_id}")
            self.put_remote(run_id, run=client.create_run(body), host=client.host, before={})
        self.record_pending(run_id, made.jobs)
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

        settings = options_of(self.target)
        pipeline = fitted(pipeline, settings, options.parameters)
        made = workflow_manifest.compile_workflow(
            pipeline,
            settings,
            find_requirements(pipeline, Path(options.folder), settings.packages, settings.sources),
            options.parameters,
        )
        with TemporaryDirectory() as folder:
            package = Path(folder) / "pipeline.yaml"
            package.write_text(as_yaml([made.workflow]), encoding="utf-8")
            name = f"{pipeline.name}-workflow"
            version = self.client.upload_version(package, name, pipeline.description)
        experiment = options.experiment or self.target.settings.get("experiment") or DEFAULT_EXPERIMENT
        body = {
            "display_name": name,
            "experiment_id": self.client.experiment(experiment),
            "pipeline_version_reference": version,
        }
        return self.client.create_run(body)

    def _body(self, pipeline: Pipeline, options: RunOptions, made: pipeline_ir.Compiled, name: str) -> dict[str, Any]:
        settings = self.target.settings
        experiment = options.experiment or settings.get("experiment")
        if not experiment and self.client.multi_user():
            experiment = DEFAULT_EXPERIMENT
        types = {p.name: p.type for p in pipeline.parameters}
        values = {n: kfp_value(v, types[n]) for n, v in options.parameters.items()}
        spec: dict[str, Any] = {"pipeline_spec": made.ir, "platform_spec": made.platform} if made.platform else made.ir
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

        With the same code the server does it; it takes neither other code nor a step to begin at, so for these a new run of the
        server's imports what the steps left that need not run again.

        Raises
        ------
        UnknownRun
            When the run has not ended, or has no step ``start``.
        ClusterError
            When the server does not take it; the run and its steps stand as they stood.
        """
        with self.taking_up(run_id):
            before, now, options = self.to_retry(run_id, start, pipeline)
            if start is None and now == before:
                self._retry_there(run_id, now, options)
                return run_id
            attempts = self.attempts(run_id)
            kept = self._kept(run_id, before, now, options, start)
            made, client = self.compile_run(now, options, kept), self.client
            body = self._body(now, options, made, f"{now.name} {run_id}")
            self.put_remote(run_id, run=client.create_run(body), host=client.host, before=attempts)
            self.begin_again(run_id, now, kept, made.jobs)
        return run_id

    def _retry_there(self, run_id: str, pipeline: Pipeline, options: RunOptions) -> None:
        """The server takes its own run up again."""
        remote, attempts = self.remote(run_id), self.attempts(run_id)
        tasks = self.compile_run(pipeline, options, self.kept_outputs(run_id)).jobs
        self.client.act(remote["run"], "retry")
        done = ("succeeded", "cached", "skipped")
        again = [s["path"] for s in self.store.steps(run_id) if s["state"] not in done]
        before = {path: attempts[path] for path in again if path in attempts}
        self.put_remote(run_id, run=remote["run"], host=remote["host"], before=before)
        with self.store.changing():
            self.store.forget_steps(run_id, again)
            self.record_pending(run_id, {t: jobs for t, jobs in tasks.items() if jobs[0].name in again})
            self.store.record_run(run_id, "pending", finished=None, error=None)

    def _kept(
        self, run_id: str, before: Pipeline, now: Pipeline, options: RunOptions, start: str | None
    ) -> dict[str, dict[str, str]]:
        """What the steps left, as their logs tell it."""
        old, new = self.compile_run(before, options), self.compile_run(now, options)
        given = {j.name: [output_of(j, c) for c in j.outputs] for j in new.outermost}
        left = {}
        for step in self.store.steps(run_id):
            if step["state"] == "succeeded" and step["attempts"] and step["path"] in given:
                folder = self.store.attempt_folder(run_id, step["path"], step["attempts"])
                found = KeptLog(folder).told.left()
                if set(given[step["path"]]) <= set(found):
                    left[step["path"]] = found
        return kept_of(left, old.tasks.values(), new.outermost, now, start)

    def cancel(self, run_id: str) -> bool:
        """Terminate the run: exit handlers run."""
        self.refresh(run_id)
        if self.store.head(run_id)["state"] in FINAL:
            return False
        self.client.act(self.remote(run_id)["run"], "terminate")
        return True

    def archive(self, run_id: str) -> None:
        """Put the run away on the server."""
        self.client.act(self.remote(run_id)["run"], "archive")

    # ---------------------------------------------------------------- following
    def follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool]) -> Following:
        remote = self.remote(run_id)
        pipeline, options = self.kept(run_id)
        made = self.compile_run(pipeline, options, self.kept_outputs(run_id))
        before = remote.get("before", {})
        found = self._workflow(remote["run"])
        if found is not None:
            kube, name = found
            see = partial(node_states.seen, blocks=made.blocks)
            return Follower(store, run_id, kube, name, made.jobs, stopping, before, see)
        return PollFollower(store, run_id, self.client, remote["run"], made.jobs, made.blocks, stopping, before)

    def _workflow(self, run: str) -> tuple[Kube, str] | None:
        """The run's Workflow, where this user may see it: it says more, and at once."""
        connection = self.target.connection
        if not connection.names_cluster and not MOUNTED_NAMESPACE.is_file():
            return None
        try:
            kube = connect(replace(connection, namespace=connection.namespace or connection.server_namespace))
            names = [w["metadata"]["name"] for w in kube.find(f"{RUN_LABEL}={run}")]
        except ClusterError:
            return None
        return (kube, names[0]) if names else None
