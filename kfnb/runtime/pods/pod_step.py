"""Runs one step in a pod: makes its spec of the engine's inputs, runs it, and writes its outputs for the engine.

Log lines that begin with ``::kfnb `` are for the engine. They have the state of the step and its small values as JSON.
"""

from __future__ import annotations

import os
import sys

from kfnb.runtime.light_json import dumps, loads
from kfnb.runtime.pods.coded_text import coded, plain_json
from kfnb.runtime.pods.resolve_references import NO_ITEM, Broken, EngineInputs, Skipped
from kfnb.runtime.step_failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

MARK = "::kfnb "
LINE_LIMIT = 8000  #: bytes of one line for the engine: container runtimes cut lines at 16 KiB
INLINE_LIMIT = 4000  #: bytes of a value; smaller values are written to the log
ATTEMPT = "KFNB_ATTEMPT"  #: environment variable: the number of attempts before this one
NOT_STARTED = 2  #: exit status of a step that could not start


def run_pod(job: dict[str, Any], inputs: EngineInputs, outputs: dict[str, Any]) -> int:
    """Run the step of ``job``.

    Parameters
    ----------
    job
        The step as `kfnb.engines.cluster.lowering.lower_pipeline` writes it.
    inputs
        The inputs from the engine.
    outputs
        Where outputs go. ``values`` is the path of the pack, ``small`` has the paths of small outputs by name, and
        ``runtime`` has the runtime's sources to pass on. With ``tell`` the log also has the small outputs and the ``uri``
        of the pack, for a later run. ``encode`` is the code in which texts pass through the engine, except those of ``raw``. ``limit`` has the allowed size of the pack and the message for a larger one.

    Returns
    -------
    int
        The exit status. When the step succeeded, ``outputs`` also has its ``result`` and ``folder``.
    """
    _find_home()
    folder = _new_folder()
    store = os.path.join(folder, "store")
    try:
        for item in inputs.items.values():
            if item == NO_ITEM:
                raise Skipped("the loop has no items")
        _enter_branches(job, inputs)
        prepare = [p for item in job["prepare"] for p in _prepare_entries(item, inputs, store)]
    except Skipped as skipped:
        return _skip(job, str(skipped), store, outputs, skipped.failure)
    except Broken as error:
        return _fail(job, {"kind": "condition", "type": "TypeError", "message": str(error)})
    spec = dict(
        job["spec"],
        prepare=prepare,
        store=store,
        folder=os.path.join(folder, "step"),
        cwd=os.path.join(folder, "work"),
        temporary=True,
    )
    spec["sources"] = _sources(job)
    first: dict[str, Any] = next(iter(spec.get("cells", ())), {})
    spec["made"] = dict(
        {n: {k: first.get(k) for k in ("cell", "line")} for n in spec.get("outputs", ())}, **spec.get("made", {})
    )
    _unpack_files(job.get("files", {}), spec["cwd"])
    if job.get("packages") or job.get("pins") or job.get("optional"):
        from kfnb.runtime.pods.install_packages import prepare_packages

        failed = prepare_packages(job, spec)
        if failed:
            return _tolerate_failure(job, failed, inputs, store, outputs) if may_fail(job) else _fail(job, failed)
    from kfnb.runtime.run_step import run_step
    from kfnb.runtime.step_exit import adopt_orphans_of_later_processes

    adopt_orphans_of_later_processes()
    if "timeout" in job:
        from kfnb.runtime.pods.limited_time import run_limited

        status, result = run_limited(run_step, spec, job["timeout"])
    else:
        status, result = run_step(spec), _result(spec)
    if result["state"] != "succeeded" and may_fail(job):
        return _tolerate_failure(job, result["error"], inputs, store, outputs, _summary(result, store))
    if result["state"] != "succeeded":
        _report({**_summary(result, store), "step": job["spec"]["step"], "state": "failed", "error": result["error"]})
        return status or NOT_STARTED
    return _write_outputs(job, inputs, result, store, outputs)


def _result(spec: dict[str, Any]) -> dict[str, Any]:
    with open(os.path.join(spec["folder"], "result.json"), encoding="utf-8") as file:
        result: dict[str, Any] = loads(file.read())
    return result


def _new_folder() -> str:
    """A temporary folder of the step's own. Where the usual place cannot be used, `tempfile` finds one."""
    folder = os.path.join(os.environ.get("TMPDIR") or "/tmp", "kfnb-" + os.urandom(8).hex())
    try:
        os.mkdir(folder, 0o700)
    except OSError:
        from tempfile import mkdtemp

        return mkdtemp(prefix="kfnb-")
    return folder


def _find_home() -> None:
    """Give a user that the image does not know, or whose home folder it does not let write, a home folder and a name."""
    home = os.path.expanduser("~")
    if not os.access(home, os.W_OK):
        from tempfile import gettempdir

        os.environ["HOME"] = gettempdir()
    if not {"LOGNAME", "USER"} & set(os.environ):
        import pwd

        try:
            pwd.getpwuid(os.getuid())
        except KeyError:
            os.environ["USER"] = "kfnb"  # `getpass.getuser`, which libraries ask, fails without


def _enter_branches(job: dict[str, Any], inputs: EngineInputs) -> None:
    """Raise `Skipped` unless every branch around the step is taken. A condition without its values takes no branch."""
    for condition in job.get("conditions", ()):
        try:
            inputs.enter(condition)
        except Skipped as skipped:
            raise Skipped(str(skipped)) from None


# -------------------------------------------------------------------- inputs
def _prepare_entries(item: dict[str, Any], inputs: EngineInputs, store: str) -> list[dict[str, Any]]:
    if "run" in item:
        return [item]
    try:
        found = inputs.value(item["ref"])
    except Skipped:
        if item["required"]:
            raise
        return []
    if found is None:
        return []
    name = item["input"]
    if "json" in found:
        return [{"value": name, "json": found["json"]}]
    pairs = found["many"] if "many" in found else [found["one"]]
    for pack, bundle in pairs:
        if pack is not None:
            pack.fetch(bundle, store)
    if "many" in found:
        return [{"collect": name, "bundles": [b for _, b in pairs], "name": found["name"]}]
    return [{"load": name, "bundle": pairs[0][1], "name": found["name"]}]


def _sources(job: dict[str, Any]) -> dict[str, str]:
    """The texts of the cells as far as this step has them: its own code, and the extra lines of the job."""
    found: dict[str, dict[int, str]] = {}
    for code in (*(p["run"] for p in job["prepare"] if "run" in p), *job["spec"].get("cells", ())):
        lines = found.setdefault(str(code["cell"]), {})
        lines.update(enumerate(code["source"].split("\n"), code["line"]))
    for cell, more_lines in job["spec"].get("lines", {}).items():
        found.setdefault(cell, {}).update((int(n), t) for n, t in more_lines.items())
    return {c: "\n".join(lines.get(n, "") for n in range(1, max(lines) + 1)) for c, lines in found.items()}


def _unpack_files(files: dict[str, str], folder: str) -> None:
    """Write the modules and small data files of the notebook's folder."""
    from binascii import a2b_base64

    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(a2b_base64(text))


# -------------------------------------------------------------------- outputs
def _write_outputs(
    job: dict[str, Any], inputs: EngineInputs, result: dict[str, Any], store: str, outputs: dict[str, Any]
) -> int:
    outputs["result"], outputs["folder"] = result, os.path.join(os.path.dirname(store), "step")
    head = {
        "state": "succeeded", "exports": result["exports"], "late": result["late"],
        "outputs": {n: {"bundle": e["bundle"]} for n, e in result["outputs"].items()},
    }  # fmt: skip
    failed = _write_values(head, store, outputs)
    if failed:
        return _fail(job, failed)
    inputs.own_heads = {job["spec"]["step"]: head}
    for name, branches in job.get("decides", {}).items():
        _write_file(outputs["small"][name], _choice(inputs, branches))
    for name, ref in job.get("texts", {}).items():
        failed = _write_text(name, inputs, ref, store, outputs)
        if failed:
            return _fail(job, failed)
    for name, ref in job.get("lists", {}).items():
        try:
            texts = _loop_items(inputs, ref)
        except Broken as error:
            message = "the items of `%s` %s" % (name.partition("-")[2], error)
            return _fail(job, {"kind": "condition", "type": "TypeError", "message": message})
        _write_file(outputs["small"][name], dumps(texts))
    _report(
        {
            **_summary(result, store),
            "left": _reusable_outputs(job, outputs),
            "step": job["spec"]["step"],
            "state": "succeeded",
        }
    )
    return 0


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
    _write_file(outputs["small"][name], encode(text))
    return None


def _skip(job: dict[str, Any], reason: str, store: str, outputs: dict[str, Any], failure: Any = None) -> int:
    _write_no_values({"state": "skipped", "reason": reason}, failure, job, store, outputs)
    failure_field = {"failure": failure} if failure else {}
    _report({"step": job["spec"]["step"], "state": "skipped", "reason": reason, **failure_field})
    return 0


def may_fail(job: dict[str, Any]) -> bool:
    """Whether a failure of this attempt is tolerated: the step has ``on-failure:continue`` and this is its last attempt."""
    if not job.get("may_fail"):
        return False
    return bool(int(os.environ.get(ATTEMPT) or 0) >= job["may_fail"]["retry"])


def _tolerate_failure(
    job: dict[str, Any],
    error: dict[str, Any],
    inputs: EngineInputs,
    store: str,
    outputs: dict[str, Any],
    small: Any = None,
) -> int:
    """End the pod successfully although the step failed. Steps that need its values are skipped."""
    failure = {"step": job["spec"]["step"], "type": error["type"], "message": error["message"]}
    item = next(
        (p["ref"]["loop"] for p in job["prepare"] if p.get("ref", {}).get("kind") == "item" and p["input"][0] != "_"),
        None,
    )
    if item in inputs.items:
        failure["item"] = inputs.items[item]
    _write_no_values({"state": "failed"}, failure, job, store, outputs)
    _report(
        {
            **(small or {}),
            "step": job["spec"]["step"],
            "state": "failed",
            "error": dict(error, let=True),
            "failure": failure,
        }
    )
    return 0


def _write_no_values(
    head: dict[str, Any], failure: Any, job: dict[str, Any], store: str, outputs: dict[str, Any]
) -> None:
    """Write a pack without values, and the text for "no value" to every small output."""
    _write_values(dict(head, exports={}, outputs={}, **({"failure": failure} if failure else {})), store, outputs)
    for name in job.get("decides", {}):
        _write_file(outputs["small"][name], "none")
    for name in job.get("lists", {}):
        _write_file(outputs["small"][name], dumps([NO_ITEM]))
    for name in job.get("texts", {}):
        _write_file(outputs["small"][name], "")


def _write_values(head: dict[str, Any], store: str, outputs: dict[str, Any]) -> dict[str, Any] | None:
    """Write the pack. Return the error when it is too large to be passed on."""
    from kfnb.runtime.pods.handover_pack import write_pack

    path = outputs.get("values")
    if not path:
        return None
    if not outputs.get("limit"):
        write_pack(path, head, store, outputs.get("runtime", ""))
        return None
    from binascii import b2a_base64

    write_pack(path, head, store, compress=True)
    with open(path, "rb") as file:
        text = "v:" + b2a_base64(file.read(), newline=False).decode()
    if len(text) > outputs["limit"]["bytes"]:
        os.remove(path)  # an engine takes the outputs of failed steps too
        sizes = ", ".join("`%s`" % n for n in head["outputs"])
        message = outputs["limit"]["words"] % {"names": sizes, "size": "%.1f kB" % (len(text) / 1000)}
        return {"kind": "store", "type": "ValueError", "message": message}
    _write_file(path, text)
    return None


def _write_file(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


# -------------------------------------------------------------------- telling the engine
def _fail(job: dict[str, Any], error: dict[str, Any]) -> int:
    Failure(error["kind"], error["type"], error["message"]).show()
    _report({"step": job["spec"]["step"], "state": "failed", "error": error})
    return NOT_STARTED


def _summary(result: dict[str, Any], store: str) -> dict[str, Any]:
    job = {k: result[k] for k in ("exports", "metrics", "warnings") if result.get(k)}
    for kind in ("outputs", "results"):
        job[kind] = {
            n: {k: e[k] for k in ("type", "preview", "bytes", "skipped") if k in e} for n, e in result[kind].items()
        }
    job["bundles"] = _bundles(result, store)
    return job


def _bundles(result: dict[str, Any], store: str) -> dict[str, Any]:
    """Values that are small enough for the log: the address and content of their bundles by name."""
    from binascii import b2a_base64

    from kfnb.runtime.pods.handover_pack import buffers_of
    from kfnb.runtime.values.value_store import Store

    found: dict[str, Any] = {}
    for kind in ("results", "outputs"):
        for name, entry in result[kind].items():
            if "bundle" not in entry or name.startswith("@") or entry.get("bytes", INLINE_LIMIT) >= INLINE_LIMIT:
                continue
            path = Store(store).path(entry["bundle"])
            if os.path.getsize(path) < INLINE_LIMIT and not buffers_of(path):
                with open(path, "rb") as file:
                    found[name] = [entry["bundle"], b2a_base64(file.read(), newline=False).decode()]
    return found


def _report(job: dict[str, Any]) -> None:
    """Print the lines for the engine. The state comes last, so that a reader of the state has read everything."""
    bundles = job.pop("bundles", {})
    lines = [{"bundle": {n: b}} for n, b in bundles.items()]
    for part in ("exports", "outputs", "results", "metrics", "left"):
        lines += [{part: {n: v}} for n, v in job.pop(part, {}).items()]
    error = dict(job.get("error") or {})
    if len(error.get("traceback", "")) > LINE_LIMIT // 2:
        error["traceback"] = "…" + error["traceback"][-LINE_LIMIT // 2 :]
    if len(error.get("message", "")) > LINE_LIMIT // 4:
        error["message"] = error["message"][: LINE_LIMIT // 4] + "…"
    lines.append({**job, **({"error": error} if error else {})})
    sys.stdout.write("\n")  # the step, or a program that it ran, may have left a line without its end
    for line in _join_lines(lines):
        sys.stdout.write(MARK + line + "\n")
    sys.stdout.flush()


def _join_lines(lines: list[dict[str, Any]]) -> list[str]:
    """Join parts to few lines. A part that is too long for a line is left out."""
    found: list[str] = []
    current: dict[str, Any] = {}
    for part in lines[:-1]:
        ((kind, entry),) = part.items()
        if len(dumps(part)) > LINE_LIMIT:
            continue
        joined = dict(current, **{kind: dict(current.get(kind, {}), **entry)})
        if len(dumps(joined)) > LINE_LIMIT:
            found.append(dumps(current))
            joined = part
        current = joined
    if current:
        found.append(dumps(current))
    return [*found, dumps(lines[-1])]
