"""The Kubeflow Pipelines engine: it submits runs over REST, and follows them through Kubernetes when it may, or else through REST."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kfnb.engines.argo.following.follow_workflow import WorkflowFollower, WorkflowSource
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import MOUNTED_NAMESPACE, Kube, connect
from kfnb.engines.cluster.following.follow_thread import Follower
from kfnb.engines.cluster.following.logs.pod_logs import RecordedLog
from kfnb.engines.cluster.following.namespace_watch import shared_watch
from kfnb.engines.cluster.following.observed_steps import ObservedStep
from kfnb.engines.cluster.following.start_timeout import StartTimeout
from kfnb.engines.cluster.following.words.skip_words import SkipWords
from kfnb.engines.cluster.lowering.checks.cluster_checks import check_command_texts, check_size
from kfnb.engines.cluster.lowering.jobs_and_blocks import Job, distinct_jobs
from kfnb.engines.cluster.lowering.literal_texts import kfp_value
from kfnb.engines.cluster.lowering.manifest_files import as_yaml
from kfnb.engines.cluster.submission.cluster_engine import ClusterEngine
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.submission.reused_steps import StepOutputs
from kfnb.engines.cluster.targets.targets import options_of
from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.kfp.following import node_states
from kfnb.engines.kfp.following.poll_run import PollFollower, ServerRun
from kfnb.engines.kfp.following.shared_poll import shared_poll
from kfnb.engines.kfp.following.taken_texts import Taken, taken_outputs, texts_in_node, with_taken_texts
from kfnb.engines.kfp.ir.component_executors import output_of
from kfnb.engines.kfp.ir.pipeline_ir import CompiledIr, compile_ir
from kfnb.engines.kfp.kfp_client import KfpClient
from kfnb.engines.kfp.recurring_runs import RecurringRuns
from kfnb.engines.kfp.workflow_size import WORKFLOW_LIMIT, workflow_size
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.runs.record.run_store import RunStore
from kfnb.schedules.schedule_model import Schedule
from kfnb.states import FINAL

RUN_LABEL = "pipeline/runid"  #: the label that the backend puts on the Workflow and the pods of a run
DONE = ("succeeded", "cached", "skipped")  #: the states of steps that the server does not repeat
NOT_RETRIED = "workflow cannot be retried"  #: what the server says of a Workflow that ended while a pod ran
DEFAULT_EXPERIMENT = "Default"


class KfpEngine(ClusterEngine[KfpClient, CompiledIr]):
    """Runs pipelines on Kubeflow Pipelines."""

    name = "kfp"

    def connect(self) -> KfpClient:
        return KfpClient(self.target.connection)

    def emit(
        self,
        pipeline: Pipeline,
        settings: ClusterOptions,
        requirements: StepRequirements,
        parameters: dict[str, Any],
        reused: StepOutputs,
    ) -> CompiledIr:
        return compile_ir(pipeline, settings, requirements, reused)

    def check_emitted(self, compiled: CompiledIr, options: RunOptions) -> Iterator[Problem]:
        yield from check_command_texts(distinct_jobs(compiled.task_jobs), options.parameters)
        too_large = list(check_size(compiled.ir, "pipeline"))
        if too_large:
            yield from too_large
            return
        size = workflow_size(compiled.ir, compiled.platform, compiled.pods)
        if size > WORKFLOW_LIMIT:
            yield Problem(
                "KF702",
                f"the Workflow that Kubeflow Pipelines makes of the pipeline grows to about {size / 1000:.0f} kB, and Argo keeps "
                f"{WORKFLOW_LIMIT / 1000:.0f} kB",
                "let fewer steps or iterations do the same work, run it as two pipelines, or use a target with the engine `argo`",
            )

    def create(
        self, client: KfpClient, run_id: str, pipeline: Pipeline, options: RunOptions, compiled: CompiledIr
    ) -> dict[str, Any]:
        """Create a run from an inline specification, without an upload, and return its id and the server."""
        body = self._body(pipeline, options, compiled, options.name or f"{pipeline.name} {run_id}")
        return {"run": client.create_run(body), "host": client.host}

    def schedule(self, pipeline: Pipeline, options: RunOptions, schedule: Schedule) -> str:
        """Create a recurring run and return its id."""
        self.schedules.check(schedule)
        images = self.build_images(pipeline, options, self.watch)
        compiled = self.compile_run(pipeline, options, images=images)
        return self.schedules.create(self._body(pipeline, options, compiled, schedule.name), schedule)

    @property
    def schedules(self) -> RecurringRuns:
        """The recurring runs that the user may see."""
        return RecurringRuns(self.client)

    def submit_workflow(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Upload the pipeline as an Argo Workflow, which is a package of version 1, start a run of it and return the run's id.

        The server accepts such packages unless ``BLOCK_V1_PIPELINES`` is set there. The run has no driver pods, so it needs half as many
        pods, and the server shows no graph of version 2.
        """
        from tempfile import TemporaryDirectory

        from kfnb.engines.argo.argo_engine import ArgoEngine

        images = self.build_images(pipeline, options, self.watch)
        workflow = ArgoEngine(self.store, self.target).compile_run(pipeline, options, images=images)
        with TemporaryDirectory() as folder:
            package = Path(folder) / "pipeline.yaml"
            package.write_text(as_yaml(workflow.documents), encoding="utf-8")
            name = f"{pipeline.name}-workflow"
            version = self.client.upload_version(package, name, pipeline.description)
        experiment = options.experiment or self.target.settings.get("experiment") or DEFAULT_EXPERIMENT
        body = {
            "display_name": name,
            "experiment_id": self.client.experiment(experiment),
            "pipeline_version_reference": version,
        }
        return self.client.create_run(body)

    def _body(self, pipeline: Pipeline, options: RunOptions, compiled: CompiledIr, name: str) -> dict[str, Any]:
        settings = self.target.settings
        experiment = options.experiment or settings.get("experiment")
        if self.client.check_namespace() and not experiment:
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

    def retry_in_place(self, run_id: str) -> bool:
        """Let the server retry its own run. It accepts neither changed code nor a step to begin at, nor a run that it calls succeeded."""
        location, attempts = self.record.location(run_id), self.record.attempt_counts(run_id)
        task_jobs = self.recompile(run_id).task_jobs
        try:
            self.client.act(location["run"], "retry")
        except ClusterError as error:
            if error.kind != "conflict" and NOT_RETRIED not in str(error):
                raise
            return False
        lost = self._in_failed_pods(run_id, task_jobs)
        repeated = [s["path"] for s in self.store.steps(run_id) if s["state"] not in DONE or s["path"] in lost]
        earlier_attempts = {path: attempts[path] for path in repeated if path in attempts}
        self.record.write_location(run_id, {"run": location["run"], "host": location["host"]}, earlier_attempts)
        self.record.record_repeated(
            run_id, repeated, {t: jobs for t, jobs in task_jobs.items() if jobs[0].name in repeated}
        )
        return True

    def _in_failed_pods(self, run_id: str, task_jobs: dict[str, tuple[Job, ...]]) -> set[str]:
        """The paths of steps that share a pod with one that did not succeed. The launcher stores nothing of such a pod."""
        states = {s["path"]: s["state"] for s in self.store.steps(run_id)}
        lost: set[str] = set()
        for jobs in task_jobs.values():
            names = {j.name for j in jobs}
            for path in [
                p for p, state in states.items() if len(jobs) > 1 and state not in DONE and p.partition("[")[0] in names
            ]:
                _, bracket, suffix = path.partition("[")
                lost |= {name + bracket + suffix for name in names}
        return lost

    def recorded_outputs(self, run_id: str, old: CompiledIr, new: CompiledIr) -> StepOutputs:
        """The outputs that the steps reported in their logs, as far as a step reported all outputs that it has now."""
        names = {j.name: {output_of(j, c) for c in j.outputs} for j in new.outermost}
        lost = self._in_failed_pods(run_id, self.recompile(run_id).task_jobs)
        outputs: StepOutputs = {}
        succeeded = {s["path"]: s["attempts"] for s in self.store.steps(run_id) if s["state"] == "succeeded"}
        counts = self.record.attempt_counts(run_id)
        # The record has only the user's own steps. Of the others it has the logs of those that succeeded.
        succeeded.update({j.name: counts.get(j.name, 0) for j in new.outermost if j.helps})
        for path, attempts in succeeded.items():
            if attempts and path in names.keys() - lost:
                folder = self.store.attempt_folder(run_id, path, attempts)
                reported = RecordedLog(folder).report.handed_on()
                if names[path] <= set(reported):
                    outputs[path] = reported
        return outputs

    def stop(self, location: dict[str, Any]) -> None:
        """Terminate the run; its exit handlers run."""
        self.client.act(location["run"], "terminate")

    def archive(self, run_id: str) -> None:
        """Archive the run on the server."""
        self.client.act(self.record.location(run_id)["run"], "archive")

    def discard(self, run_id: str) -> None:
        """End the run, and archive it: the server keeps what has run."""
        if self.store.head(run_id)["state"] not in FINAL:
            self.stop(self.record.location(run_id))
        self.archive(run_id)

    def follower(self, store: RunStore, run_id: str, stopping: Callable[[], bool]) -> Follower:
        location, compiled = self.record.location(run_id), self.recompile(run_id)
        jobs, run, earlier_attempts = compiled.task_jobs, location["run"], location.get("before", {})
        words = SkipWords(self.record.pipeline_and_options(run_id)[0])
        taken = taken_outputs(compiled.ir, jobs)
        workflow = self._workflow(run)
        if workflow is not None:
            kube, name = workflow
            observe = partial(_observe_steps, blocks=compiled.blocks, taken=taken)
            watch = shared_watch(kube, RUN_LABEL, self.target.connection)
            source = WorkflowSource(kube, name, watch, observe=observe)
            seconds = options_of(self.target).start_timeout
            timeout = StartTimeout(store.folder(run_id), name, seconds, lambda: self.stop(location))
            return WorkflowFollower(store, run_id, source, jobs, stopping, timeout, earlier_attempts, words)
        poll = shared_poll(self.client, self.target.connection)
        server = ServerRun(self.client, poll, run, lambda: self.record.location(run_id).get("cancelled"))
        return PollFollower(store, run_id, server, jobs, compiled.blocks, taken, stopping, earlier_attempts, words)

    def _workflow(self, run: str) -> tuple[Kube, str] | None:
        """The run's Workflow, if the user may read it. It has more detail than the REST API, and it can be watched without delay."""
        connection = self.target.connection
        if not connection.names_cluster and not MOUNTED_NAMESPACE.is_file():
            return None
        try:
            kube = connect(replace(connection, namespace=connection.namespace or connection.server_namespace))
            names = [w["metadata"]["name"] for w in kube.list_workflows(f"{RUN_LABEL}={run}")]
        except ClusterError:
            return None
        return (kube, names[0]) if names else None


def _observe_steps(
    nodes: node_states.Nodes, tasks: node_states.Jobs, blocks: node_states.Jobs, taken: Collection[Taken]
) -> list[ObservedStep]:
    """The states of steps in a Workflow of the server, with the texts of commands that it shows."""
    steps = node_states.observe_steps(nodes, tasks, blocks)
    return with_taken_texts(steps, nodes, taken, lambda driver: texts_in_node(nodes[driver]))
