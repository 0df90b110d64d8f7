"""Runs one step in a pod: makes its spec of the engine's inputs, runs it, and writes its outputs for the engine."""

from __future__ import annotations

import os

from kfnb.runtime.light_json import loads
from kfnb.runtime.pods.handover.resolve_references import NO_ITEM, Broken, EngineInputs, Skipped
from kfnb.runtime.pods.report_lines import NOT_STARTED, fail, report, summary
from kfnb.runtime.pods.write_outputs import write_no_values, write_outputs
from kfnb.runtime.step_failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

ATTEMPT = "KFNB_ATTEMPT"  #: environment variable: the number of attempts before this one


def hiding_secrets(job: dict[str, Any], run: Callable[[], int]) -> int:
    """Run the steps of a pod, and hide the values of their secrets in all that is printed there. Return the exit status of the pod."""
    names = [name for one in job.get("members", [job]) for name in one["spec"].get("secrets", ())]
    if not names:
        return run()
    from kfnb.runtime.pods.hidden_output import run_hidden
    from kfnb.runtime.secret_mask import mask_of

    mask = mask_of(names)
    return run() if mask is None else run_hidden(mask, run)


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
        of the pack, for a later run. ``archived`` says that an archive changes some lines of the log. ``encode`` is the code in which texts pass through the engine, except those of ``raw``. ``limit`` has the allowed size of the pack and the message for a larger one. ``files`` is the value store at a URL that takes
        the pack, at the step's ``place``.

    Returns
    -------
    int
        The exit status. When the step succeeded, ``outputs`` also has its ``result`` and ``folder``.
    """
    find_home()
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
        return fail(job, {"kind": "condition", "type": "TypeError", "message": str(error)})
    except Failure as failure:
        return fail(job, {"kind": failure.kind, "type": failure.type, "message": failure.message})
    finally:
        if "files" in outputs:
            outputs["files"].close()  # its process waits for nothing while the step runs
    spec = dict(
        job["spec"],
        prepare=prepare,
        store=store,
        folder=os.path.join(folder, "step"),
        cwd=os.path.join(folder, "work"),
        temporary=True,
        archived=outputs.get("archived", False),
        tables=job.get("values", {}).get("tables", ""),
    )
    spec["sources"] = _sources(job)
    first: dict[str, Any] = next(iter(spec.get("cells", ())), {})
    spec["made"] = dict(
        {n: {k: first.get(k) for k in ("cell", "line")} for n in spec.get("outputs", ())}, **spec.get("made", {})
    )
    _unpack_files(job.get("files", {}), spec["cwd"])
    if job.get("code"):
        from kfnb.runtime.pods.image_code import take_code

        lacking = take_code(job["code"], spec["cwd"])
        if lacking:
            return fail(job, lacking)
    if job.get("packages") or job.get("pins") or job.get("optional"):
        from kfnb.runtime.pods.install_packages import prepare_packages

        failed = prepare_packages(job, spec)
        if failed:
            return _tolerate_failure(job, failed, inputs, store, outputs) if may_fail(job) else fail(job, failed)
    from kfnb.runtime.run_step import run_step
    from kfnb.runtime.step_exit import adopt_orphans_of_later_processes

    adopt_orphans_of_later_processes()
    if "timeout" in job:
        from kfnb.runtime.pods.limited_time import run_limited

        status, result = run_limited(run_step, spec, job["timeout"])
    else:
        status, result = run_step(spec), _result(spec)
    if result["state"] != "succeeded" and may_fail(job):
        return _tolerate_failure(job, result["error"], inputs, store, outputs, summary(result, store))
    if result["state"] != "succeeded":
        report({**summary(result, store), "step": job["spec"]["step"], "state": "failed", "error": result["error"]})
        return status or NOT_STARTED
    return write_outputs(job, inputs, result, store, outputs)


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


def find_home() -> None:
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


def may_fail(job: dict[str, Any]) -> bool:
    """Whether a failure of this attempt is tolerated: the step has ``on-failure:continue`` and this is its last attempt."""
    if not job.get("may_fail"):
        return False
    return bool(int(os.environ.get(ATTEMPT) or 0) >= job["may_fail"]["retry"])


def _skip(job: dict[str, Any], reason: str, store: str, outputs: dict[str, Any], failure: Any = None) -> int:
    write_no_values({"state": "skipped", "reason": reason}, failure, job, store, outputs)
    failure_field = {"failure": failure} if failure else {}
    report({"step": job["spec"]["step"], "state": "skipped", "reason": reason, **failure_field})
    return 0


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
    write_no_values({"state": "failed"}, failure, job, store, outputs)
    report(
        {
            **(small or {}),
            "step": job["spec"]["step"],
            "state": "failed",
            "error": dict(error, let=True),
            "failure": failure,
        }
    )
    return 0
