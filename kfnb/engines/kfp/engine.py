"""The Kubeflow Pipelines engine: submits runs over REST; follows them in Kubernetes where it may, else by asking the API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfnb.engines.argo.follow import Follower
from kfnb.engines.base import RunOptions
from kfnb.engines.cluster.blocks import Job
from kfnb.engines.cluster.carried import ClusterRuns, Following
from kfnb.engines.cluster.checks import check_jobs, check_size
from kfnb.engines.cluster.files import as_yaml
from kfnb.engines.cluster.kube import ClusterError, Kube, connect
from kfnb.engines.cluster.requirements import travelling
from kfnb.engines.cluster.targets import Target, options_of
from kfnb.engines.cluster.texts import native_value
from kfnb.engines.kfp import ir, nodes
from kfnb.engines.kfp.carriers import RUNTIME
from kfnb.engines.kfp.client import KfpClient
from kfnb.engines.kfp.poll import PollFollower
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.runs.store import FINAL, RunStore, UnknownRun

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
            self._client = KfpClient(self.target.settings)
        return self._client

    # ---------------------------------------------------------------- before
    def compiled(self, pipeline: Pipeline, options: RunOptions) -> ir.Compiled:
        settings = options_of(self.target)
        return ir.compiled(pipeline, settings, travelling(pipeline, Path(options.folder), settings.packages))

    def check(self, pipeline: Pipeline, options: RunOptions) -> list[Problem]:
        """What Kubeflow Pipelines cannot do of what the pipeline or the command line asks."""
        part = self.check_part(options)
        if part:
            return part
        made = self.compiled(pipeline, options)
        return [*check_jobs(list(made.tasks.values()), "kfp"), *check_size(made.ir, "pipeline")]

    def compile(self, pipeline: Pipeline) -> str:
        made = self.compiled(pipeline, RunOptions())
        return as_yaml([made.ir, *([made.platform] if made.platform else [])])

    # ---------------------------------------------------------------- beginning
    def submit(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Begin a run from an inline specification, nothing being uploaded. Raises `ClusterError`; the run has failed then."""
        made, client = self.compiled(pipeline, options), self.client
        run_id = self.begin(pipeline, options)
        with self.submitting(run_id):
            remote = client.create_run(self._body(pipeline, options, made, f"{pipeline.name} {run_id}"))
        self.put_remote(run_id, run=remote, host=client.host)
        self.record_pending(run_id, (j for j in made.tasks.values() if j.name != RUNTIME))
        return run_id

    def schedule(self, pipeline: Pipeline, options: RunOptions, cron: str) -> str:
        """A recurring run; gives its id. ``cron`` has six fields, the first being seconds; five are taken with second 0."""
        body = self._body(pipeline, options, self.compiled(pipeline, options), pipeline.name)
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

        from kfnb.engines.argo import manifest

        settings = options_of(self.target)
        made = manifest.compiled(
            pipeline, settings, travelling(pipeline, Path(options.folder), settings.packages), options.parameters
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

    def _body(self, pipeline: Pipeline, options: RunOptions, made: ir.Compiled, name: str) -> dict[str, Any]:
        settings = self.target.settings
        experiment = options.experiment or settings.get("experiment")
        if not experiment and self.client.multi_user():
            experiment = DEFAULT_EXPERIMENT
        types = {p.name: p.type for p in pipeline.parameters}
        values = {n: native_value(v, types[n]) for n, v in options.parameters.items()}
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
        """Let the server run again what failed; it takes neither other code nor a step to begin at."""
        if self.store.head(run_id)["state"] not in FINAL:
            raise UnknownRun(f"run {run_id} has not ended: cancel it first")
        before, _ = self.kept(run_id)
        if start is not None or (pipeline is not None and pipeline != before):
            raise UnknownRun(
                "Kubeflow Pipelines takes a run up again as it was, with the same code: begin a new run (`--cache` takes what is the same)"
            )
        remote = self.remote(run_id)
        self.client.act(remote["run"], "retry")
        unfinished = [
            s["path"] for s in self.store.steps(run_id) if s["state"] not in ("succeeded", "cached", "skipped")
        ]
        self.store.forget_steps(run_id, unfinished)
        self.store.record_run(run_id, "pending", finished=None, error=None)
        return run_id

    def cancel(self, run_id: str) -> bool:
        """Terminate the run: exit handlers run."""
        self.refresh(run_id)
        if self.store.head(run_id)["state"] in FINAL:
            return False
        self.client.act(self.remote(run_id)["run"], "terminate")
        return True

    # ---------------------------------------------------------------- following
    def tasks(self, run_id: str) -> dict[str, tuple[Job, ...]]:
        """The jobs of the run by the names of their tasks."""
        pipeline, options = self.kept(run_id)
        return {task: (job,) for task, job in self.compiled(pipeline, options).tasks.items() if job.name != RUNTIME}

    def follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool]) -> Following:
        remote, tasks = self.remote(run_id), self.tasks(run_id)
        found = self._workflow(remote["run"])
        if found is not None:
            kube, name = found
            return Follower(store, run_id, kube, name, tasks, stopping, {}, nodes.seen)
        return PollFollower(store, run_id, self.client, remote["run"], tasks, stopping)

    def _workflow(self, run: str) -> tuple[Kube, str] | None:
        """The run's Workflow, where this user may see it: it says more, and at once."""
        if not {"kubeconfig", "context"} & set(self.target.settings):
            return None
        try:
            kube = connect(self.target.settings)
            names = [w["metadata"]["name"] for w in kube.find(f"{RUN_LABEL}={run}")]
        except ClusterError:
            return None
        return (kube, names[0]) if names else None
