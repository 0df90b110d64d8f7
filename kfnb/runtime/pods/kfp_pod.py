"""Runs a step in a pod of Kubeflow Pipelines: the launcher's ExecutorInput has the inputs, outputs are files."""

from __future__ import annotations

import os

from kfnb.runtime.light_json import dumps, loads
from kfnb.runtime.pods.handover import engine_inputs as engine
from kfnb.runtime.pods.handover.coded_text import coded_for_database
from kfnb.runtime.pods.handover.resolve_references import EngineInputs
from kfnb.runtime.pods.typed_artifacts import MODEL, TABLE

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

#: Where the launcher puts what is stored under a URI (kubeflow/pipelines, `sdk/python/kfp/dsl/types/artifact_types.py`).
MOUNTS = (("gs://", "/gcs/"), ("minio://", "/minio/"), ("s3://", "/s3/"), ("oci://", "/oci/"))


def main(job: dict[str, Any], executor_input: str, runtime: str) -> int:
    """Run the steps of ``job``. ``runtime``, the runtime's sources, is passed on to later steps."""
    from kfnb.runtime.pods.pod_step import hiding_secrets

    return hiding_secrets(job, lambda: _run_all(job, executor_input, runtime))


def _run_all(job: dict[str, Any], executor_input: str, runtime: str) -> int:
    request = loads(executor_input)
    folder = os.path.join(os.environ.get("TMPDIR") or "/tmp", "kfnb-" + os.urandom(8).hex())  # of this pod
    if "members" not in job:
        return _run(job, request, runtime, folder, {})
    from kfnb.runtime.pods.pod_members import numbered, run_members

    def run(number: int, member: dict[str, Any]) -> int:
        made = {}
        for earlier, other in enumerate(job["members"][: number - 1], 1):
            for artifact in _requested(request, numbered("pack", earlier)):
                made["pack-" + other["spec"]["step"]] = [_local_path(artifact)]
        return _run(member, request, runtime, folder, made, lambda name: numbered(name, number))

    return run_members(job["members"], run)


def _requested(request: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The artifacts that the launcher expects as an output."""
    artifacts: list[dict[str, Any]] = request.get("outputs", {}).get("artifacts", {}).get(name, {}).get("artifacts", [])
    return artifacts


def _run(
    job: dict[str, Any],
    request: dict[str, Any],
    runtime: str,
    folder: str,
    made: dict[str, list[str]],
    named: Callable[[str], str] = str,
) -> int:
    """Run one step of the pod.

    Parameters
    ----------
    folder
        A folder for what all steps of the pod share. Nobody has made it yet.
    made
        The paths of the packs that earlier steps of the pod have made, by their inputs.
    named
        The name of an output of this step in the pod.
    """
    from kfnb.runtime.pods.pod_step import run_pod
    from kfnb.runtime.pods.write_outputs import write_file

    inputs, requested = request.get("inputs", {}), request.get("outputs", {})
    artifacts = {k: [_local_path(a) for a in v.get("artifacts", ())] for k, v in inputs.get("artifacts", {}).items()}
    artifacts.update(made)
    by_name = engine.by_kind(job, {**inputs.get("parameterValues", {}), **artifacts})
    parameters, items, statuses = engine.typed_inputs(job, by_name)
    small = {n: p["outputFile"] for n, p in requested.get("parameters", {}).items()}
    values = _requested(request, named("pack"))
    outputs: dict[str, Any] = {"values": "", "small": small, "runtime": runtime, "tell": True, "archived": True}
    if values:
        outputs.update(values=_local_path(values[0]), uri=values[0]["uri"])
    outputs.update(encode=coded_for_database, raw=job.get("raw", ()))
    opened: dict[str, Any] = {}
    if "values" in job and values:
        from kfnb.runtime.pods.handover.url_client import value_store
        from kfnb.runtime.pods.handover.url_pack import UrlPack

        files = value_store(job, folder)
        outputs.update(files=files, place=place_of(values[0]["uri"]), step=job["spec"]["step"])
        opened["open_pack"] = lambda path: UrlPack(files, path)
    choices, texts = by_name["choice"], by_name["text"]
    received = EngineInputs(parameters, items, statuses, by_name["pack"], choices, texts, job.get("names"), **opened)
    status = run_pod(job, received, outputs)
    if not status and requested.get("outputFile"):
        output_artifacts = {
            k: found[0] for k in ("pack", "metrics", "report") if (found := _requested(request, named(k)))
        }
        described = {named(k): {"artifacts": [_describe(a, k, outputs)]} for k, a in output_artifacts.items()}
        if "report" in output_artifacts and "folder" in outputs:
            from kfnb.runtime.pods.display_page import write_page

            write_page(outputs["folder"], job["spec"]["step"], _local_path(output_artifacts["report"]))
        described.update(_values(request, outputs, named))
        write_file(requested["outputFile"], dumps({"artifacts": {**_described(requested["outputFile"]), **described}}))
    return status


def place_of(uri: str) -> str:
    """The place of a step in a value store, from the URI of its pack: ``RUN/TASK/EXECUTION``.

    The backend ends a URI so (kubeflow/pipelines `driver/driver.go`, ``provisionOutputs``). Where the URI has no id of a run there, the
    place is a folder of this step alone, since the folders of a run are removed with it.
    """
    from kfnb.runtime.values.value_store import digest

    parts = uri.split("/")[-4:-1]
    for number, part in enumerate(parts):
        if len(part) == 36 and [len(p) for p in part.split("-")] == [8, 4, 4, 4, 12]:
            return "/".join(parts[number:])
    return digest(uri.rpartition("/")[0].encode())


def _values(request: dict[str, Any], outputs: dict[str, Any], named: Callable[[str], str]) -> dict[str, Any]:
    """The tables and models that the launcher asked for, in its form. They are written as files."""
    asked = request.get("outputs", {}).get("artifacts", {})
    if "result" not in outputs or not any(name.startswith((TABLE, MODEL)) for name in asked):
        return {}
    from kfnb.runtime.pods.typed_artifacts import write_artifacts

    def path_of(name: str) -> str | None:
        found = _requested(request, named(name))
        return _local_path(found[0]) if found else None

    described = {}
    store = os.path.join(os.path.dirname(outputs["folder"]), "store")
    for name, about in write_artifacts(outputs["result"], store, path_of).items():
        artifact = _requested(request, named(name))[0]
        fields = {"name": artifact.get("name", ""), "uri": artifact["uri"]}
        described[named(name)] = {"artifacts": [{**fields, "metadata": {**artifact.get("metadata", {}), **about}}]}
    return described


def _described(path: str) -> dict[str, Any]:
    """What the steps before in this pod have described."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        artifacts: dict[str, Any] = loads(file.read() or "{}").get("artifacts", {})
    return artifacts


def _describe(artifact: dict[str, Any], kind: str, outputs: dict[str, Any]) -> dict[str, Any]:
    """An artifact in the launcher's form. The metadata of a metrics artifact are its numbers."""
    metadata = dict(artifact.get("metadata", {}))
    if kind == "metrics":
        metadata.update((n, v) for n, v in outputs.get("result", {}).get("metrics", {}).items())
    return {"name": artifact.get("name", ""), "uri": artifact["uri"], "metadata": metadata}


def _local_path(artifact: dict[str, Any]) -> str:
    uri: str = artifact.get("customPath") or artifact["uri"]
    for scheme, mount in MOUNTS:
        if uri.startswith(scheme):
            return mount + uri[len(scheme) :]
    return uri
