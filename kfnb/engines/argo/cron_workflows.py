"""Schedules on Argo: CronWorkflows, which its controller starts at their times."""

from __future__ import annotations

import json
from typing import Any

from kfnb.engines.argo import workflow_kinds
from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.clients.kubernetes_client import Kube
from kfnb.engines.cluster.following.observed_steps import timestamp_of
from kfnb.engines.cluster.lowering.kubernetes_names import label
from kfnb.schedules.schedule_model import BadSchedule, Firing, Schedule, UnknownSchedule

PLURAL = "cronworkflows"
MADE_BY = "workflows.argoproj.io/cron-workflow"  #: the label of the Workflows of a CronWorkflow
SCHEDULED_TIME = "workflows.argoproj.io/scheduled-time"
CREATOR = "workflows.argoproj.io/creator"  #: the label with which Argo's server names a user
OWNER, NOTEBOOK, PARAMETERS = "kfnb.dev/owner", "kfnb.dev/notebook", "kfnb.dev/parameters"  #: annotations
LONGEST = 52  #: letters of a CronWorkflow's name: its Workflows' names have a time at their end
DEADLINE = 7 * 24 * 3600  #: seconds for which Argo makes up for a missed time, where it should
STATES = {
    "": "pending", "Pending": "pending", "Running": "running", "Succeeded": "succeeded", "Failed": "failed", "Error": "failed",
}  # fmt: skip


class CronWorkflows:
    """The CronWorkflows of a namespace, whoever made them."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    def check(self, schedule: Schedule) -> None:
        """Raise `BadSchedule` for what Argo cannot do."""
        if schedule.catch_up == "all":
            raise BadSchedule("Argo makes up for the last missed time only: `--catch-up last`, or `none`")

    def create(self, workflow: dict[str, Any], schedule: Schedule) -> str:
        """Create a CronWorkflow of a Workflow, and return its name.

        One of that name is replaced if it has the same owner, or none that is known. Raises `BadSchedule` for another's.
        """
        body = workflow_kinds.as_cron(workflow, schedule.timetable.fields, schedule.zone)
        name = label(schedule.name, LONGEST)
        body["metadata"].update(name=name, namespace=self._kube.namespace)
        texts = {OWNER: schedule.owner, NOTEBOOK: schedule.notebook, PARAMETERS: json.dumps(schedule.parameters)}
        body["metadata"]["annotations"] = {**body["metadata"].get("annotations", {}), **texts}
        body["spec"]["concurrencyPolicy"] = schedule.concurrency.capitalize()
        if schedule.catch_up == "last":
            body["spec"]["startingDeadlineSeconds"] = DEADLINE
        try:
            self._kube.create(body, PLURAL)
        except ClusterError as error:
            if error.kind != "conflict":
                raise
            self._replace(name, body, schedule.owner)
        return name

    def _replace(self, name: str, body: dict[str, Any], owner: str) -> None:
        other = _owner(self._get(name))
        if other not in ("", owner):
            hint = "give this one another with `--name`, or delete that one"
            raise BadSchedule(f"there is a schedule `{name}` of {other} in namespace {self._kube.namespace}: {hint}")
        self._kube.delete(name, PLURAL)
        self._kube.create(body, PLURAL)

    # ---------------------------------------------------------------- what is there
    def schedules(self) -> list[Schedule]:
        return [_schedule(body) for body in self._kube.list_all(PLURAL)]

    def history(self, schedule_id: str, count: int = 20) -> list[Firing]:
        """The Workflows of a schedule, the newest first, as far as the cluster still has them."""
        self._get(schedule_id)
        made = [_firing(w) for w in self._kube.list_workflows(f"{MADE_BY}={schedule_id}")]
        return sorted(made, key=lambda f: f.due, reverse=True)[:count]

    def newest(self) -> dict[str, Firing]:
        made = sorted(self._kube.list_workflows(MADE_BY), key=lambda w: _firing(w).due)
        return {w["metadata"]["labels"][MADE_BY]: _firing(w) for w in made}

    def _get(self, schedule_id: str) -> dict[str, Any]:
        try:
            return self._kube.get(schedule_id, PLURAL)
        except ClusterError as error:
            if error.kind != "missing":
                raise
            raise UnknownSchedule(
                f"there is no CronWorkflow `{schedule_id}` in namespace {self._kube.namespace}"
            ) from None

    # ---------------------------------------------------------------- what can be done with it
    def set_paused(self, schedule_id: str, paused: bool) -> None:
        self._get(schedule_id)
        self._kube.patch(schedule_id, {"spec": {"suspend": paused}}, PLURAL)

    def delete(self, schedule_id: str) -> None:
        self._get(schedule_id)
        self._kube.delete(schedule_id, PLURAL)

    def run_now(self, schedule_id: str) -> str:
        """Start a Workflow of it, as its controller does, and return the Workflow's name."""
        body = self._get(schedule_id)
        given = body["spec"].get("workflowMetadata") or {}
        labels = {**(body["metadata"].get("labels") or {}), **(given.get("labels") or {}), MADE_BY: schedule_id}
        metadata = {**given, "generateName": f"{schedule_id}-", "namespace": self._kube.namespace, "labels": labels}
        workflow = {
            "apiVersion": workflow_kinds.API, "kind": "Workflow", "metadata": metadata, "spec": body["spec"]["workflowSpec"]
        }  # fmt: skip
        return str(self._kube.create(workflow)["metadata"]["name"])


def _owner(body: dict[str, Any]) -> str:
    metadata = body["metadata"]
    told = (metadata.get("annotations") or {}).get(OWNER) or (metadata.get("labels") or {}).get(CREATOR)
    return str(told or "")


def _schedule(body: dict[str, Any]) -> Schedule:
    metadata, spec = body["metadata"], body["spec"]
    annotations = metadata.get("annotations") or {}
    crons = spec.get("schedules") or [spec.get("schedule", "")]
    try:
        parameters = json.loads(annotations.get(PARAMETERS) or "{}")
    except ValueError:  # somebody has written into the annotation
        parameters = {}
    return Schedule(
        id=metadata["name"],
        name=metadata["name"],
        notebook=annotations.get(NOTEBOOK, ""),
        cron="; ".join(crons),
        zone=spec.get("timezone", ""),
        catch_up="last" if spec.get("startingDeadlineSeconds") else "none",
        concurrency=(spec.get("concurrencyPolicy") or "Allow").lower(),
        parameters=parameters if isinstance(parameters, dict) else {},
        owner=_owner(body),
        paused=bool(spec.get("suspend")),
        created=timestamp_of(metadata.get("creationTimestamp")),
    )


def _firing(workflow: dict[str, Any]) -> Firing:
    metadata, status = workflow["metadata"], workflow.get("status") or {}
    due = (metadata.get("annotations") or {}).get(SCHEDULED_TIME) or metadata.get("creationTimestamp")
    state = STATES.get(status.get("phase") or "", "running")
    return Firing(timestamp_of(due) or 0.0, state, metadata["name"], message=str(status.get("message") or ""))
