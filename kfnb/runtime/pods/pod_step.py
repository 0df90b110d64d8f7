"""One step in a container of its own: what the engine gave becomes a spec, the step runs, and what it leaves is written down.

Lines that begin with ``::kfnb `` are for the engine: how the step ended and its small values, as JSON.
"""

from __future__ import annotations

import os
import sys

from kfnb.runtime.light_json import dumps, loads
from kfnb.runtime.pods.resolve_references import NO_ITEM, Broken, Given, Skipped
from kfnb.runtime.step_failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

MARK = "::kfnb "
LINE = 8000  #: bytes of one line for the engine: container runtimes cut lines at 16 KiB
WHOLE = 4000  #: bytes of a value that is small enough to stand in the log whole
ATTEMPT = "KFNB_ATTEMPT"  #: variable: how many attempts there were before this one, where the engine says it
COULD_NOT = 2  #: exit status of a step that could not be begun


def run_pod(told: dict[str, Any], given: Given, out: dict[str, Any]) -> int:
    """Run the step ``told`` of.

    Parameters
    ----------
    told
        The step as `kfnb.engines.cluster.lowering.lower_pipeline` writes it.
    given
        What the engine gave.
    out
        ``values``: the path of the step's pack; ``small``: by name the paths of the small outputs; ``compress``;
        ``runtime``: sources to hand on; ``tell`` and ``uri``: tell the engine what is left behind, and where the pack is; ``limit``: bytes that the pack may have, with the words for when it has more.

    Returns
    -------
    int
        The exit status. ``out`` has the ``result`` and the step's ``folder`` then, when the step ran and succeeded.
    """
    from tempfile import mkdtemp

    folder = mkdtemp(prefix="kfnb-")
    store = os.path.join(folder, "store")
    try:
        for item in given.items.values():
            if item == NO_ITEM:
                raise Skipped("the loop has no items")
        _enter(told, given)
        prepare = [p for item in told["prepare"] for p in _prepared(item, given, store)]
    except Skipped as why:
        return _skip(told, str(why), store, out, why.failure)
    except Broken as error:
        return _fail(told, {"kind": "condition", "type": "TypeError", "message": str(error)})
    spec = dict(
        told["spec"],
        prepare=prepare,
        store=store,
        folder=os.path.join(folder, "step"),
        cwd=os.path.join(folder, "work"),
    )
    spec["sources"] = _sources(told)
    first: dict[str, Any] = next(iter(spec.get("cells", ())), {})
    spec["made"] = dict(
        {n: {k: first.get(k) for k in ("cell", "line")} for n in spec.get("outputs", ())}, **spec.get("made", {})
    )
    _unpack_files(told.get("files", {}), spec["cwd"])
    if told.get("packages") or told.get("pins") or told.get("optional"):
        from kfnb.runtime.pods.install_packages import install, later

        sources = told.get("sources", {})
        failed = install([_local(r, spec["cwd"]) for r in told.get("packages", ())], sources)
        if failed:
            return _let_fail(told, failed, given, store, out) if may_fail(told) else _fail(told, failed)
        spec["prepare"] = _without(spec["prepare"], told.get("optional", {}))
        later(told.get("pins", {}), sources)
    from kfnb.runtime.run_step import run_step
    from kfnb.runtime.step_exit import adopt_orphans

    adopt_orphans()
    status = run_step(spec)
    with open(os.path.join(spec["folder"], "result.json"), encoding="utf-8") as file:
        result = loads(file.read())
    if result["state"] != "succeeded" and may_fail(told):
        return _let_fail(told, result["error"], given, store, out, _small(result, store))
    if result["state"] != "succeeded":
        _tell({**_small(result, store), "step": told["spec"]["step"], "state": "failed", "error": result["error"]})
        return status or COULD_NOT
    return _leave(told, given, result, store, out)


def _enter(told: dict[str, Any], given: Given) -> None:
    """Go into the branches around. A condition that nobody could work out is one that was not met."""
    for condition in told.get("conditions", ()):
        try:
            given.enter(condition)
        except Skipped as why:
            raise Skipped(str(why)) from None


# -------------------------------------------------------------------- inputs
def _prepared(item: dict[str, Any], given: Given, store: str) -> list[dict[str, Any]]:
    if "run" in item:
        return [item]
    try:
        found = given.value(item["ref"])
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


def _without(prepare: list[dict[str, Any]], optional: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Without the imports that the image has not, where the step can do without them."""
    from importlib.util import find_spec

    return [p for p in prepare if all(find_spec(m) for m in optional.get(p.get("run", {}).get("source", ""), ()))]


def _sources(told: dict[str, Any]) -> dict[str, str]:
    """The cells' texts as far as the step knows them: its own code, and lines that are told."""
    found: dict[str, dict[int, str]] = {}
    for code in (*(p["run"] for p in told["prepare"] if "run" in p), *told["spec"].get("cells", ())):
        lines = found.setdefault(str(code["cell"]), {})
        lines.update(enumerate(code["source"].split("\n"), code["line"]))
    for cell, told_lines in told["spec"].get("lines", {}).items():
        found.setdefault(cell, {}).update((int(n), t) for n, t in told_lines.items())
    return {c: "\n".join(lines.get(n, "") for n in range(1, max(lines) + 1)) for c, lines in found.items()}


def _local(requirement: str, folder: str) -> str:
    """An archive that travelled with the step, by its whole path."""
    return os.path.join(folder, requirement[2:]) if requirement.startswith("./") else requirement


def _unpack_files(files: dict[str, str], folder: str) -> None:
    """Modules and small data files that lie beside the notebook."""
    from binascii import a2b_base64

    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(a2b_base64(text))


# -------------------------------------------------------------------- outputs
def _leave(told: dict[str, Any], given: Given, result: dict[str, Any], store: str, out: dict[str, Any]) -> int:
    out["result"], out["folder"] = result, os.path.join(os.path.dirname(store), "step")
    head = {
        "state": "succeeded", "exports": result["exports"], "late": result["late"],
        "outputs": {n: {"bundle": e["bundle"]} for n, e in result["outputs"].items()},
    }  # fmt: skip
    failed = _write(head, store, out)
    if failed:
        return _fail(told, failed)
    given.own = {told["spec"]["step"]: head}
    for name, branches in told.get("decides", {}).items():
        _put(out["small"][name], _decided(given, branches))
    for name, ref in told.get("texts", {}).items():
        failed = _put_text(out["small"][name], given, ref, store)
        if failed:
            return _fail(told, failed)
    for name, ref in told.get("lists", {}).items():
        try:
            texts = _listed(given, ref)
        except Broken as error:
            message = "the items of `%s` %s" % (name.partition("-")[2], error)
            return _fail(told, {"kind": "condition", "type": "TypeError", "message": message})
        _put(out["small"][name], dumps(texts))
    _tell({**_small(result, store), "left": _left(told, out), "step": told["spec"]["step"], "state": "succeeded"})
    return 0


def _left(told: dict[str, Any], out: dict[str, Any]) -> dict[str, str]:
    """Where the pack is and what the small outputs have, for a later run that does not run the step again."""
    if not out.get("tell"):
        return {}
    left = {"pack": out["uri"]} if "uri" in out else {}
    for kind in ("decides", "texts", "lists"):
        for name in told.get(kind, ()):
            with open(out["small"][name], encoding="utf-8") as file:
                left[name] = file.read()
    return left


def _decided(given: Given, branches: list[Any]) -> str:
    try:
        chosen = given.choose(branches)
    except Skipped:
        return "none"
    except Broken as error:
        return "error: %s" % error
    return "none" if chosen is None else str(chosen)


def _listed(given: Given, ref: dict[str, Any]) -> list[str]:
    """The items of a loop, each as JSON text: an engine need not know their types."""
    try:
        items = given.plain(ref)
    except Skipped:
        items = []
    if not isinstance(items, list):
        raise Broken(("are no list but %r" % (items,))[:300])
    return [plain_json(i) for i in items] or [NO_ITEM]


def _put_text(path: str, given: Given, ref: dict[str, Any], store: str) -> dict[str, Any] | None:
    """A value as the text that a command gets."""
    from kfnb.runtime.components.shell_steps import as_text
    from kfnb.runtime.values.value_store import Store

    found = given.value(ref)
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
    _put(path, text)
    return None


def _skip(told: dict[str, Any], reason: str, store: str, out: dict[str, Any], failure: Any = None) -> int:
    _nothing({"state": "skipped", "reason": reason}, failure, told, store, out)
    told_failure = {"failure": failure} if failure else {}
    _tell({"step": told["spec"]["step"], "state": "skipped", "reason": reason, **told_failure})
    return 0


def may_fail(told: dict[str, Any]) -> bool:
    """Whether this attempt may fail without failing the run: the step may, and no further attempt comes."""
    if not told.get("may_fail"):
        return False
    return bool(int(os.environ.get(ATTEMPT) or 0) >= told["may_fail"]["retry"])


def _let_fail(
    told: dict[str, Any], error: dict[str, Any], given: Given, store: str, out: dict[str, Any], small: Any = None
) -> int:
    """The step has failed and the run goes on: its pod ends well, and whoever needs its values is skipped."""
    failure = {"step": told["spec"]["step"], "type": error["type"], "message": error["message"]}
    item = next(
        (p["ref"]["loop"] for p in told["prepare"] if p.get("ref", {}).get("kind") == "item" and p["input"][0] != "_"),
        None,
    )
    if item in given.items:
        failure["item"] = given.items[item]
    _nothing({"state": "failed"}, failure, told, store, out)
    _tell(
        {
            **(small or {}),
            "step": told["spec"]["step"],
            "state": "failed",
            "error": dict(error, let=True),
            "failure": failure,
        }
    )
    return 0


def _nothing(head: dict[str, Any], failure: Any, told: dict[str, Any], store: str, out: dict[str, Any]) -> None:
    """Leave no values, and in every small output what stands for none."""
    _write(dict(head, exports={}, outputs={}, **({"failure": failure} if failure else {})), store, out)
    for name in told.get("decides", {}):
        _put(out["small"][name], "none")
    for name in told.get("lists", {}):
        _put(out["small"][name], dumps([NO_ITEM]))
    for name in told.get("texts", {}):
        _put(out["small"][name], "")


def _write(head: dict[str, Any], store: str, out: dict[str, Any]) -> dict[str, Any] | None:
    """Write the pack; what to say when it is too large to travel."""
    from kfnb.runtime.pods.handover_pack import write_pack

    path = out.get("values")
    if not path:
        return None
    if not out.get("limit"):
        write_pack(path, head, store, out.get("runtime", ""))
        return None
    from binascii import b2a_base64

    write_pack(path, head, store, compress=True)
    with open(path, "rb") as file:
        text = "v:" + b2a_base64(file.read(), newline=False).decode()
    if len(text) > out["limit"]["bytes"]:
        sizes = ", ".join("`%s`" % n for n in head["outputs"])
        message = out["limit"]["words"] % {"names": sizes, "size": "%.1f kB" % (len(text) / 1000)}
        return {"kind": "store", "type": "ValueError", "message": message}
    _put(path, text)
    return None


def _put(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def plain_json(value: Any) -> str:
    """JSON without the signs that Argo (``{{``) and kubelet (``$(``, ``$$``) look for; both stand in its texts only."""
    return dumps(value).replace("{{", "{\\u007b").replace("$", "\\u0024")


# -------------------------------------------------------------------- telling the engine
def _fail(told: dict[str, Any], error: dict[str, Any]) -> int:
    Failure(error["kind"], error["type"], error["message"]).show()
    _tell({"step": told["spec"]["step"], "state": "failed", "error": error})
    return COULD_NOT


def _small(result: dict[str, Any], store: str) -> dict[str, Any]:
    told = {k: result[k] for k in ("exports", "metrics", "warnings") if result.get(k)}
    for kind in ("outputs", "results"):
        told[kind] = {
            n: {k: e[k] for k in ("type", "preview", "bytes", "skipped") if k in e} for n, e in result[kind].items()
        }
    told["bundles"] = _bundles(result, store)
    return told


def _bundles(result: dict[str, Any], store: str) -> dict[str, Any]:
    """Values that are small enough to stand in the log: by name the bundle's address and content."""
    from binascii import b2a_base64

    from kfnb.runtime.pods.handover_pack import buffers_of
    from kfnb.runtime.values.value_store import Store

    found: dict[str, Any] = {}
    for kind in ("results", "outputs"):
        for name, entry in result[kind].items():
            if "bundle" not in entry or name.startswith("@") or entry.get("bytes", WHOLE) >= WHOLE:
                continue
            path = Store(store).path(entry["bundle"])
            if os.path.getsize(path) < WHOLE and not buffers_of(path):
                with open(path, "rb") as file:
                    found[name] = [entry["bundle"], b2a_base64(file.read(), newline=False).decode()]
    return found


def _tell(told: dict[str, Any]) -> None:
    """Print lines for the engine: the state last, so that whoever has it has everything."""
    bundles = told.pop("bundles", {})
    lines = [{"bundle": {n: b}} for n, b in bundles.items()]
    for part in ("exports", "outputs", "results", "metrics", "left"):
        lines += [{part: {n: v}} for n, v in told.pop(part, {}).items()]
    error = dict(told.get("error") or {})
    if len(error.get("traceback", "")) > LINE // 2:
        error["traceback"] = "…" + error["traceback"][-LINE // 2 :]
    if len(error.get("message", "")) > LINE // 4:
        error["message"] = error["message"][: LINE // 4] + "…"
    lines.append({**told, **({"error": error} if error else {})})
    sys.stdout.flush()
    for line in _joined(lines):
        sys.stdout.write(MARK + line + "\n")
    sys.stdout.flush()


def _joined(lines: list[dict[str, Any]]) -> list[str]:
    """Few lines of many parts; a part that is too long for a line is left out."""
    found: list[str] = []
    now: dict[str, Any] = {}
    for part in lines[:-1]:
        ((kind, entry),) = part.items()
        if len(dumps(part)) > LINE:
            continue
        wider = dict(now, **{kind: dict(now.get(kind, {}), **entry)})
        if len(dumps(wider)) > LINE:
            found.append(dumps(now))
            wider = part
        now = wider
    if now:
        found.append(dumps(now))
    return [*found, dumps(lines[-1])]
