"""From an engine's texts to what a step is given: parameters by their declared type, items, how a guard ended."""

from __future__ import annotations

import os
from time import time

from kfnb.runtime.light_json import dumps, loads
from kfnb.runtime.pods.resolve_references import NO_ITEM

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

ESCAPED = "kfnb+json:"  #: before a text that holds signs which an engine would change
RUN, STARTED = (
    "KFNB_RUN",
    "KFNB_STARTED",
)  #: variables: of a handler's run the id and its beginning, where the engine says them
ENDED = {
    "COMPLETE": "succeeded", "SUCCEEDED": "succeeded", "Succeeded": "succeeded", "CANCELED": "cancelled",
    "CANCELLED": "cancelled", "Omitted": "succeeded", "Skipped": "succeeded",
}  # fmt: skip


def split(told: dict[str, Any], keyed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the engine gave, by kind and name: its keys are ``pack-train``, ``parameter-a``, ``choice-flip`` and so on."""
    found: dict[str, dict[str, Any]] = {k: {} for k in ("pack", "text", "choice", "parameter", "item", "status")}
    renamed = told.get("renamed", {})
    for key, value in keyed.items():
        kind, _, name = renamed.get(key, key).partition("-")
        if kind in found:
            found[kind][name] = value
    return found


def parameter(value: Any, kind: str) -> Any:
    """The value of a parameter of a declared type, from the engine's text or JSON.

    Raises
    ------
    ValueError
        When the text is no value of the type.
    """
    if isinstance(value, str):
        if value.startswith(ESCAPED):
            value = loads(value[len(ESCAPED) :])
            if kind == "str" or not isinstance(value, str):
                return value
        if kind == "str":
            return value
        value = loads({"True": "true", "False": "false", "None": "null"}.get(value.strip(), value))
    if kind in ("list", "dict"):
        return plain(value)
    if kind == "int" and isinstance(value, float) and value == int(value):
        return int(value)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def plain(value: Any) -> Any:
    """A list or object with the texts that were written in it."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items()}
    return loads(value[len(ESCAPED) :]) if isinstance(value, str) and value.startswith(ESCAPED) else value


def item(text: Any, source: dict[str, Any] | None, parameters: dict[str, Any]) -> Any:
    """The item that an engine's text stands for: an index of constant items, an element of a list parameter, or JSON."""
    if text == NO_ITEM or source is None:
        return text if text == NO_ITEM else loads(text)
    if "constant" in source:
        return source["constant"][int(text)]
    if isinstance(text, str) and text.startswith(ESCAPED):
        return loads(text[len(ESCAPED) :])
    values = parameters[source["parameter"]]
    for value in values:
        if text == value or text in texts_of(value):
            return value
    return text


def texts_of(value: Any) -> tuple[str, ...]:
    """The texts that an engine may make of an element of a list."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, float) and value == int(value):
        return (dumps(value), str(int(value)))
    return (dumps(value), dumps(value).replace(", ", ",").replace(": ", ":"))


def status(value: Any, pipeline: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """How a guard's body ended, and what a cluster tells of its run; what it does not tell is ``None``.

    A cluster does not say which step failed first, nor where the others stand; Kubeflow Pipelines not when the run began.
    """
    told: dict[str, Any] = value if isinstance(value, dict) else {"state": str(value)}
    started = os.environ.get(STARTED, "")
    begun = float(started) if started.replace(".", "", 1).isdigit() else None
    return {
        "state": ENDED.get(told.get("state", ""), "failed"),
        "step": None,
        "message": (told.get("error") or {}).get("message", ""),
        "run": told.get("pipelineJobResourceName") or os.environ.get(RUN) or None,
        "pipeline": pipeline,
        "parameters": parameters,
        "started": begun,
        "duration": None if begun is None else time() - begun,
        "steps": None,
    }


def values(
    told: dict[str, Any], found: dict[str, dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The parameters, items and statuses of what `split` found."""
    types = told.get("types", {})
    parameters = {n: parameter(v, types.get(n, "any")) for n, v in found["parameter"].items()}
    parameters.update((n, v) for n, v in told.get("whole", {}).items() if parameters.get(n) == v)
    sources = told.get("loops", {})
    items = {n: item(v, sources.get(n), parameters) for n, v in found["item"].items()}
    about = told.get("about", {})
    ordered = {n: parameters[n] for n in about.get("parameters", ()) if n in parameters}
    return parameters, items, {n: status(v, about.get("pipeline", ""), ordered) for n, v in found["status"].items()}
