"""Writes what a step hands on: its pack of values, and the small texts that the engine reads."""

from __future__ import annotations

import os

from kfnb.runtime.light_json import dumps
from kfnb.runtime.pods.handover.coded_text import coded, plain_json
from kfnb.runtime.pods.handover.resolve_references import NO_ITEM, Broken, EngineInputs, Skipped
from kfnb.runtime.pods.report_lines import fail, report, summary
from kfnb.runtime.step_failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any


def write_outputs(
    job: dict[str, Any], inputs: EngineInputs, result: dict[str, Any], store: str, outputs: dict[str, Any]
) -> int:
    """Write the outputs of a step that succeeded, report them, and return the exit status."""
    outputs["result"], outputs["folder"] = result, os.path.join(os.path.dirname(store), "step")
    head = {
        "state": "succeeded", "exports": result["exports"], "late": result["late"],
        "outputs": {n: {"bundle": e["bundle"]} for n, e in result["outputs"].items()},
    }  # fmt: skip
    failed = _write_values(head, store, outputs)
    if failed:
        return fail(job, failed)
    inputs.own_heads = {job["spec"]["step"]: head}
    for name, branches in job.get("decides", {}).items():
        write_file(outputs["small"][name], _choice(inputs, branches))
    for name, ref in job.get("texts", {}).items():
        failed = _write_text(name, inputs, ref, store, outputs)
        if failed:
            return fail(job, failed)
    for name, ref in job.get("lists", {}).items():
        try:
            texts = _loop_items(inputs, ref)
        except Broken as error:
            message = "the items of `%s` %s" % (name.partition("-")[2], error)
            return fail(job, {"kind": "condition", "type": "TypeError", "message": message})
        write_file(outputs["small"][name], dumps(texts))
    report(
        {
            **summary(result, store),
            "stored": _stored(result, outputs),
            "left": _reusable_outputs(job, outputs),
            "step": job["spec"]["step"],
            "state": "succeeded",
        }
    )
    return 0


def _stored(result: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """The values that are in a value store, by name: the place of the pack and the address of the bundle."""
    if "files" not in outputs:
        return {}
    place = "%s/%s" % (outputs["place"], os.path.basename(outputs["values"]))
    entries = {**result["results"], **result["outputs"]}
    return {n: [place, e["bundle"]] for n, e in entries.items() if "bundle" in e and not n.startswith("@")}


def _reusable_outputs(job: dict[str, Any], outputs: dict[str, Any]) -> dict[str, str]:
    """The place of the pack and the small outputs, for a later run that reuses this step."""
    if not outputs.get("tell"):
        return {}
    reusable = {"pack": outputs["uri"]} if "uri" in outputs else {}
    for kind in ("decides", "texts", "lists"):
        for name in job.get(kind, ()):
            with open(outputs["small"][name], encoding="utf-8") as file:
                reusable[name] = file.read()
    return reusable


def _choice(inputs: EngineInputs, branches: list[Any]) -> str:
    try:
        chosen = inputs.choose(branches)
    except Skipped:
        return "none"
    except Broken as error:
        return coded("error: %s" % error)
    return "none" if chosen is None else str(chosen)


def _loop_items(inputs: EngineInputs, ref: dict[str, Any]) -> list[str]:
    """The items of a loop, each as JSON text, so that the engine needs no types."""
    try:
        items = inputs.plain_value(ref)
    except Skipped:
        items = []
    if not isinstance(items, list):
        raise Broken(("are no list but %r" % (items,))[:300])
    return [plain_json(i) for i in items] or [NO_ITEM]


def _write_text(
    name: str, inputs: EngineInputs, ref: dict[str, Any], store: str, outputs: dict[str, Any]
) -> dict[str, Any] | None:
    """Write a value as the text that a command gets. Return the error when it has no text."""
    from kfnb.runtime.components.shell_steps import as_text
    from kfnb.runtime.values.value_store import Store

    found = inputs.value(ref)
    value = None
    if found is not None:
        value = found["json"] if "json" in found else Store(store).load(found["one"][1], found["name"])
    text = as_text(value)
    if found is None or text is None:
        message = "a command gets text, numbers and lists; `%s` is a %s: turn it into text" % (
            ref["name"],
            type(value).__name__,
        )
        return {"kind": "load", "type": type(value).__name__, "message": message}
    encode = str if name in outputs.get("raw", ()) else outputs.get("encode", str)
    write_file(outputs["small"][name], encode(text))
    return None


def write_no_values(
    head: dict[str, Any], failure: Any, job: dict[str, Any], store: str, outputs: dict[str, Any]
) -> None:
    """Write a pack without values, and the text for "no value" to every small output. Raises `Failure`."""
    head = dict(head, exports={}, outputs={}, **({"failure": failure} if failure else {}))
    failed = _write_values(head, store, outputs)
    if failed:
        raise Failure(failed["kind"], failed["type"], failed["message"])
    for name in job.get("decides", {}):
        write_file(outputs["small"][name], "none")
    for name in job.get("lists", {}):
        write_file(outputs["small"][name], dumps([NO_ITEM]))
    for name in job.get("texts", {}):
        write_file(outputs["small"][name], "")


def _write_values(head: dict[str, Any], store: str, outputs: dict[str, Any]) -> dict[str, Any] | None:
    """Write the pack. Return the error when it is too large to be passed on."""
    from kfnb.runtime.pods.handover.handover_pack import write_pack

    path = outputs.get("values")
    if not path:
        return None
    if "files" in outputs:
        return _send_values(head, store, outputs)
    if not outputs.get("limit"):
        write_pack(path, head, store, outputs.get("runtime", ""))
        return None
    from kfnb.runtime.pods.handover.pack_text import text_of_pack

    write_pack(path, head, store)
    text = text_of_pack(path)
    if len(text) > outputs["limit"]["bytes"]:
        os.remove(path)  # an engine takes the outputs of failed steps too
        sizes = ", ".join("`%s`" % n for n in head["outputs"])
        message = outputs["limit"]["words"] % {"names": sizes, "size": "%.1f kB" % (len(text) / 1000)}
        return {"kind": "store", "type": "ValueError", "message": message}
    write_file(path, text)
    return None


def _send_values(head: dict[str, Any], store: str, outputs: dict[str, Any]) -> dict[str, Any] | None:
    """Write the pack to the value store at a URL. Return the error when that fails."""
    from kfnb.runtime.pods.handover.url_pack import send_pack

    result = outputs.get("result", {}) if head["state"] == "succeeded" else {}
    entries = {**result.get("results", {}), **result.get("outputs", {})}
    try:
        where, runtime = (outputs["place"], outputs["step"]), outputs.get("runtime", "")
        send_pack(outputs["files"], where, outputs["values"], head, entries, store, runtime)
    except Failure as failure:
        return {"kind": failure.kind, "type": failure.type, "message": failure.message}
    return None


def write_file(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
