"""The kinds of Argo's documents: turns a Workflow into a WorkflowTemplate or a CronWorkflow."""

from __future__ import annotations

from typing import Any

API = "argoproj.io/v1alpha1"


def as_template(workflow: dict[str, Any]) -> dict[str, Any]:
    """The WorkflowTemplate of a Workflow. It stays in the cluster, and can be started by its name."""
    metadata = {k: v for k, v in workflow["metadata"].items() if k != "generateName"}
    return {
        **workflow,
        "kind": "WorkflowTemplate",
        "metadata": {"name": workflow["metadata"]["generateName"].rstrip("-"), **metadata},
    }


def as_cron(workflow: dict[str, Any], schedule: str, timezone: str = "") -> dict[str, Any]:
    """The CronWorkflow of a Workflow, which the cluster starts at the times of a schedule."""
    name, spec = workflow["metadata"]["generateName"].rstrip("-")[:52].rstrip("-"), workflow["spec"]
    metadata = {k: v for k, v in workflow["metadata"].items() if k != "generateName"}
    body = {
        "schedules": [schedule],
        **({"timezone": timezone} if timezone else {}),
        "concurrencyPolicy": "Forbid",
        "workflowSpec": spec,
    }
    return {"apiVersion": API, "kind": "CronWorkflow", "metadata": {"name": name, **metadata}, "spec": body}
