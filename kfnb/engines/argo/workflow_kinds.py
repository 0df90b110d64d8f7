"""A Workflow as a WorkflowTemplate or a CronWorkflow."""

from __future__ import annotations

from typing import Any

API = "argoproj.io/v1alpha1"


def as_template(workflow: dict[str, Any]) -> dict[str, Any]:
    """The same as a WorkflowTemplate, which stays in the cluster to be started by name."""
    metadata = {k: v for k, v in workflow["metadata"].items() if k != "generateName"}
    return {
        **workflow,
        "kind": "WorkflowTemplate",
        "metadata": {"name": workflow["metadata"]["generateName"].rstrip("-"), **metadata},
    }


def as_cron(workflow: dict[str, Any], schedule: str, timezone: str = "") -> dict[str, Any]:
    """The same, started by the clock."""
    name, spec = workflow["metadata"]["generateName"].rstrip("-")[:52].rstrip("-"), workflow["spec"]
    metadata = {k: v for k, v in workflow["metadata"].items() if k != "generateName"}
    body = {
        "schedules": [schedule],
        **({"timezone": timezone} if timezone else {}),
        "concurrencyPolicy": "Forbid",
        "workflowSpec": spec,
    }
    return {"apiVersion": API, "kind": "CronWorkflow", "metadata": {"name": name, **metadata}, "spec": body}
