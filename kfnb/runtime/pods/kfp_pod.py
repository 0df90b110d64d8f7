"""A step in a pod of Kubeflow Pipelines: the launcher's ExecutorInput in, files out."""

from __future__ import annotations

import os

from kfnb.runtime.light_json import dumps, loads
from kfnb.runtime.pods import engine_inputs as engine
from kfnb.runtime.pods.resolve_references import Given

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

#: Where the launcher puts what is stored under a URI (kubeflow/pipelines, `sdk/python/kfp/dsl/types/artifact_types.py`).
MOUNTS = (("gs://", "/gcs/"), ("minio://", "/minio/"), ("s3://", "/s3/"), ("oci://", "/oci/"))


def main(told: dict[str, Any], executor_input: str, runtime: str) -> int:
    """Run the step ``told`` of; ``runtime`` is handed on to the steps that come after."""
    from kfnb.runtime.pods.pod_step import run_pod

    asked = loads(executor_input)
    inputs, outputs = asked.get("inputs", {}), asked.get("outputs", {})
    artifacts = {k: [_path(a) for a in v.get("artifacts", ())] for k, v in inputs.get("artifacts", {}).items()}
    found = engine.split(told, {**inputs.get("parameterValues", {}), **artifacts})
    parameters, items, statuses = engine.values(told, found)
    small = {n: p["outputFile"] for n, p in outputs.get("parameters", {}).items()}
    values = outputs.get("artifacts", {}).get("pack", {}).get("artifacts", ())
    out: dict[str, Any] = {"values": "", "small": small, "runtime": runtime, "tell": True}
    if values:
        out.update(values=_path(values[0]), uri=values[0]["uri"])
    status = run_pod(
        told, Given(parameters, items, statuses, found["pack"], found["choice"], found["text"], told.get("names")), out
    )
    if not status and outputs.get("outputFile"):
        kept = {k: v["artifacts"][0] for k, v in outputs.get("artifacts", {}).items() if v.get("artifacts")}
        told_of = {k: {"artifacts": [_told(a, k, out)]} for k, a in kept.items()}
        if "report" in kept and "folder" in out:
            from kfnb.runtime.pods.display_page import write_page

            write_page(out["folder"], told["spec"]["step"], _path(kept["report"]))
        _put(outputs["outputFile"], dumps({"artifacts": told_of}))
    return status


def _told(artifact: dict[str, Any], kind: str, out: dict[str, Any]) -> dict[str, Any]:
    """An artifact as the launcher takes it over; the numbers of a metrics artifact are its metadata."""
    metadata = dict(artifact.get("metadata", {}))
    if kind == "metrics":
        metadata.update((n, v) for n, v in out.get("result", {}).get("metrics", {}).items())
    return {"name": artifact.get("name", ""), "uri": artifact["uri"], "metadata": metadata}


def _put(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _path(artifact: dict[str, Any]) -> str:
    uri: str = artifact.get("customPath") or artifact["uri"]
    for scheme, mount in MOUNTS:
        if uri.startswith(scheme):
            return mount + uri[len(scheme) :]
    return uri
