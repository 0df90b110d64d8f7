"""Converts an engine's texts to the inputs of a step: typed parameters, items of loops, and statuses of guards."""

from __future__ import annotations

import os
from time import time

from kfnb.runtime.light_json import dumps, loads
from kfnb.runtime.pods.handover.coded_text import decoded
from kfnb.runtime.pods.handover.resolve_references import NO_ITEM

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

RUN, STARTED = (
    "KFNB_RUN",
    "KFNB_STARTED",
)  #: environment variables of an exit handler: the id and the start time of the run
ENGINE_STATES = {
    "COMPLETE": "succeeded", "SUCCEEDED": "succeeded", "Succeeded": "succeeded", "CANCELED": "cancelled",
    "CANCELLED": "cancelled", "Omitted": "succeeded", "Skipped": "succeeded",
}  # fmt: skip
CANCELLED = "Cancelled"  #: what kfnb adds to the state of a block on Argo, where a cancelled run is a failed one
#: Kubeflow Pipelines does not always learn that a guard has ended, when its last branch was not taken.
UNSURE_STATES = {**ENGINE_STATES, "RUNNING": "succeeded"}


def by_kind(job: dict[str, Any], keyed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The engine's inputs by kind and name, from keys such as ``pack-train``, ``parameter-a`` and ``choice-flip``."""
    by_kind_and_name: dict[str, dict[str, Any]] = {
        k: {} for k in ("pack", "text", "choice", "parameter", "item", "status")
    }
    renamed = job.get("renamed", {})
    for key, value in keyed.items():
        kind, _, name = renamed.get(key, key).partition("-")
        if kind in by_kind_and_name:
            by_kind_and_name[kind][name] = value
    return by_kind_and_name


def typed_parameter(value: Any, kind: str) -> Any:
    """The value of a parameter with a declared type, from the engine's text or JSON.

    Raises
    ------
    ValueError
        When the text is not a value of the type.
    """
    if isinstance(value, str):
        value = decoded(value)
        if kind == "str":
            return value
        value = loads({"True": "true", "False": "false", "None": "null"}.get(value.strip(), value))
    elif kind in ("list", "dict"):  # an engine that takes the value itself got each text in it coded
        value = decoded_texts(value)
    if kind == "int" and isinstance(value, float) and value == int(value):
        return int(value)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def decoded_texts(value: Any) -> Any:
    """A JSON value with all coded texts in it decoded."""
    if isinstance(value, list):
        return [decoded_texts(v) for v in value]
    if isinstance(value, dict):
        return {decoded_texts(k): decoded_texts(v) for k, v in value.items()}
    return decoded(value) if isinstance(value, str) else value


def loop_item(text: Any, source: dict[str, Any] | None, parameters: dict[str, Any]) -> Any:
    """The item of a loop from the engine's text: an index, an element of a list parameter, or JSON.

    The text is an index for constant items, and for a list parameter whose source says ``index``.
    """
    if text == NO_ITEM or source is None:
        return text if text == NO_ITEM else loads(text)
    if "constant" in source:
        return source["constant"][int(text)]
    elements = parameters[source["parameter"]]
    if source.get("index"):
        return elements[int(text)]
    text = decoded(text) if isinstance(text, str) else text
    for value in elements:
        if text == value or text in texts_of(value):
            return value
    return text


def texts_of(value: Any) -> tuple[str, ...]:
    """The texts that an engine may write for an element of a list."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, float) and value == int(value):
        return (dumps(value), str(int(value)))
    return (dumps(value), dumps(value).replace(", ", ",").replace(": ", ":"))


def run_status(value: Any, pipeline: str, parameters: dict[str, Any], states: dict[str, str]) -> dict[str, Any]:
    """The status that an exit handler reads: how the guard's body ended, and facts of the run.

    ``states`` are kfnb's words for the engine's states; any other state means that the body failed. Facts that a cluster does not
    provide are ``None``: which step failed first, and the states of the others. Kubeflow Pipelines does not provide the start time
    either.
    """
    reported: dict[str, Any] = value if isinstance(value, dict) else {"state": str(value)}
    state = reported.get("state", "")
    started = os.environ.get(STARTED, "")
    start_time = float(started) if started.replace(".", "", 1).isdigit() else None
    return {
        "state": "cancelled" if state.endswith(CANCELLED) else states.get(state, "failed"),
        "step": None,
        "message": (reported.get("error") or {}).get("message", ""),
        "run": reported.get("pipelineJobResourceName") or os.environ.get(RUN) or None,
        "pipeline": pipeline,
        "parameters": parameters,
        "started": start_time,
        "duration": None if start_time is None else time() - start_time,
        "steps": None,
    }


def typed_inputs(
    job: dict[str, Any], by_kind_and_name: dict[str, dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The parameters, items and statuses with their types, from the result of `by_kind`."""
    types = job.get("types", {})
    parameters = {n: typed_parameter(v, types.get(n, "any")) for n, v in by_kind_and_name["parameter"].items()}
    parameters.update((n, v) for n, v in job.get("whole", {}).items() if parameters.get(n) == v)
    sources = job.get("loops", {})
    items = {n: loop_item(v, sources.get(n), parameters) for n, v in by_kind_and_name["item"].items()}
    run_facts = job.get("about", {})
    ordered = {n: parameters[n] for n in run_facts.get("parameters", ()) if n in parameters}
    statuses = {}
    for name, value in by_kind_and_name["status"].items():
        states = UNSURE_STATES if name in job.get("unsure", ()) else ENGINE_STATES
        statuses[name] = run_status(value, run_facts.get("pipeline", ""), ordered, states)
    return parameters, items, statuses
