"""Schedules on Kubeflow Pipelines: recurring runs, which its controller starts at their times."""

from __future__ import annotations

import re
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.following.observed_steps import timestamp_of
from kfnb.engines.kfp.kfp_client import KfpClient
from kfnb.schedules.schedule_model import BadSchedule, Firing, Schedule, UnknownSchedule

#: How many runs may go on at one time. The server takes at most ten.
CONCURRENT = {"forbid": "1", "allow": "10"}
NEWEST = 200  #: runs among which the last one of each recurring run is looked for
DESCRIPTION = re.compile(r"kfnb: (?P<notebook>.*), by (?P<owner>[^,]*)")
STATES = {
    "PENDING": "pending", "RUNNING": "running", "SUCCEEDED": "succeeded", "SKIPPED": "skipped", "FAILED": "failed",
    "CANCELING": "running", "CANCELED": "cancelled", "PAUSED": "running",
}  # fmt: skip
TAKEN = ("pipeline_spec", "pipeline_version_reference", "runtime_config", "service_account", "experiment_id")


class RecurringRuns:
    """The recurring runs of a namespace, or of a server for a single user, whoever made them."""

    def __init__(self, client: KfpClient) -> None:
        self._client = client

    def check(self, schedule: Schedule) -> None:
        """Raise `BadSchedule` for what Kubeflow Pipelines cannot do."""
        if schedule.zone:
            raise BadSchedule(
                "Kubeflow Pipelines has one time zone for all recurring runs, UTC unless its administrator chose another "
                "(CRON_SCHEDULE_TIMEZONE): leave out the time zone, and write the times in that one"
            )
        if schedule.catch_up == "last":
            raise BadSchedule(
                "Kubeflow Pipelines makes up for all missed times or for none: `--catch-up all`, or `none`"
            )
        if schedule.concurrency == "replace":
            raise BadSchedule("Kubeflow Pipelines replaces no run that goes on: `--concurrency forbid`, or `allow`")

    def create(self, body: dict[str, Any], schedule: Schedule) -> str:
        """Create a recurring run of the body of a run, and return its id."""
        return self._client.create_recurring_run(
            {
                **body,
                "description": f"kfnb: {schedule.notebook}, by {schedule.owner}",
                "trigger": {"cron_schedule": {"cron": f"0 {schedule.timetable.fields}"}},
                "mode": "ENABLE",
                "max_concurrency": CONCURRENT[schedule.concurrency],
                "no_catchup": schedule.catch_up == "none",
            }
        )

    # ---------------------------------------------------------------- what is there
    def schedules(self) -> list[Schedule]:
        return [_schedule(body) for body in self._client.recurring_runs()]

    def history(self, schedule_id: str, count: int = 20) -> list[Firing]:
        """The runs of a schedule, the newest first, as far as the server still has them."""
        self._get(schedule_id)
        return [_firing(run) for run in self._client.newest_runs(count, schedule_id)]

    def newest(self) -> dict[str, Firing]:
        runs = reversed(self._client.newest_runs(NEWEST))
        return {run["recurring_run_id"]: _firing(run) for run in runs if run.get("recurring_run_id")}

    def _get(self, schedule_id: str) -> dict[str, Any]:
        try:
            return self._client.recurring_run(schedule_id)
        except ClusterError as error:
            if error.kind != "missing":
                raise
            raise UnknownSchedule(f"there is no recurring run `{schedule_id}` at {self._client.host}") from None

    # ---------------------------------------------------------------- what can be done with it
    def set_paused(self, schedule_id: str, paused: bool) -> None:
        self._get(schedule_id)
        self._client.act_on_recurring_run(schedule_id, "disable" if paused else "enable")

    def delete(self, schedule_id: str) -> None:
        self._get(schedule_id)
        self._client.delete_recurring_run(schedule_id)

    def run_now(self, schedule_id: str) -> str:
        """Start a run of it and return the run's id."""
        body = self._get(schedule_id)
        kept = {key: body[key] for key in TAKEN if body.get(key)}
        name = f"{body.get('display_name', '')} by hand".strip()
        return self._client.create_run({"display_name": name, "recurring_run_id": schedule_id, **kept})


def _schedule(body: dict[str, Any]) -> Schedule:
    told = DESCRIPTION.fullmatch(body.get("description") or "")
    return Schedule(
        id=body["recurring_run_id"],
        name=body.get("display_name") or body["recurring_run_id"],
        notebook=told["notebook"] if told else "",
        cron=_cron(body.get("trigger") or {}),
        catch_up="none" if body.get("no_catchup") else "all",
        concurrency="forbid" if str(body.get("max_concurrency", "1")) == "1" else "allow",
        parameters=(body.get("runtime_config") or {}).get("parameters") or {},
        owner=told["owner"] if told else str(body.get("namespace") or ""),
        paused=body.get("status") == "DISABLED" or body.get("mode") == "DISABLE",
        created=timestamp_of(body.get("created_at")),
    )


def _cron(trigger: dict[str, Any]) -> str:
    """The trigger's expression in five fields; one that also names seconds, or an interval, as the server has it."""
    fields = str((trigger.get("cron_schedule") or {}).get("cron") or "")
    if fields:
        return fields.removeprefix("0 ") if len(fields.split()) == 6 else fields
    seconds = (trigger.get("periodic_schedule") or {}).get("interval_second")
    return f"@every {seconds}s" if seconds else ""


def _firing(run: dict[str, Any]) -> Firing:
    due = run.get("scheduled_at") or run.get("created_at")
    error = (run.get("error") or {}).get("message") or ""
    return Firing(timestamp_of(due) or 0.0, STATES.get(run.get("state") or "", "pending"), run["run_id"], message=error)
