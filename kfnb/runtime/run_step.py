"""Runs one step from its spec to its result: prepare, cells, exports, outputs."""

from __future__ import annotations

import os
import sys

from kfnb.runtime.light_json import NOT_JSON, dumps, to_json
from kfnb.runtime.step_exit import flush
from kfnb.runtime.step_failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

SUCCEEDED, USER_FAILED, OTHER_FAILED = 0, 1, 2


def run_step(spec: dict[str, Any]) -> int:
    """Run the step and return the exit status. ``result.json`` is written whatever happens."""
    result: dict[str, Any] = {
        "state": "failed",
        "outputs": {},
        "results": {},
        "exports": {},
        "metrics": {},
        "late": {},
        "warnings": [],
    }
    mask = _secret_mask(spec)
    try:
        _set_up_process(spec)
        if "group" in spec:
            _join_group(spec["group"])
        if mask is not None:
            spec = dict(spec, secret_mask=mask)
            if spec.get(
                "temporary"
            ):  # on this machine, whoever keeps the log hides them, also those that other programs print
                mask.hide_in(sys.stdout)
                mask.hide_in(sys.stderr)
        if "packages" in spec:
            from kfnb.runtime.pods.kept_packages import add_packages

            add_packages(spec["packages"])
        if spec.get("shell") or spec.get("command"):
            _run_shell(spec, result)
        else:
            _run_python(spec, result)
        if mask is not None:
            _warn_of_secrets(mask, result)
        result["state"] = "succeeded"
    except Failure as failure:
        result["error"] = failure.to_json()
        failure.show()
    except OSError as error:
        disk = Failure("store", type(error).__name__, _disk_message(error))
        result["error"] = disk.to_json()
        disk.show()
    except KeyboardInterrupt:
        result["error"] = Failure("exception", "KeyboardInterrupt", "interrupted").to_json()
    flush()
    status = SUCCEEDED if result["state"] == "succeeded" else USER_FAILED
    if result["state"] == "failed" and result["error"]["kind"] in ("store", "load", "export"):
        status = OTHER_FAILED
    return status if _write_result(spec, result) else OTHER_FAILED


def _secret_mask(spec: dict[str, Any]) -> Any:
    """What hides the values of secrets, when the step has any."""
    if not spec.get("secrets"):
        return None
    from kfnb.runtime.secret_mask import mask_of

    return mask_of(spec["secrets"])


def _join_group(folder: str) -> None:
    """Move this process, and so all that it will start, into the control group with the limits of the step."""
    try:
        with open(os.path.join(folder, "cgroup.procs"), "w") as file:
            file.write("0")
    except OSError as error:
        print("the processors of this step are not limited, because it could not enter its control group: %s" % error)


def _set_up_process(spec: dict[str, Any]) -> None:
    os.environ.update(spec.get("env", {}))
    os.environ.setdefault("MPLBACKEND", "Agg")
    cwd = spec.get("cwd")
    if cwd:
        os.makedirs(cwd, 0o700, exist_ok=True)
        os.chdir(cwd)
        from kfnb.runtime.module_lookup import enter

        enter(cwd)
    os.makedirs(spec["folder"], 0o700, exist_ok=True)
    # Both streams write to the log in one order, and every text can be written. The streams from before the fork write to another file.
    if spec.get("archived"):
        from kfnb.runtime.pods.archived_lines import ArchivedStream

        sys.stdout, sys.stderr = ArchivedStream(1), ArchivedStream(2)
    else:
        sys.stdout = open(1, "w", 1, "utf-8", "backslashreplace", closefd=False)
        sys.stderr = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]


def _run_shell(spec: dict[str, Any], result: dict[str, Any]) -> None:
    from functools import partial

    from kfnb.runtime.components.shell_steps import run_command, run_scripts, run_shell

    if "container" in spec:
        from kfnb.runtime.components.shell_in_container import run_in_container

        run_shell(spec, result, run_in_container)
    elif spec.get("command"):
        run_shell(spec, result, run_command)
    else:
        run_shell(spec, result, partial(run_scripts, announce_cell))


def _run_python(spec: dict[str, Any], result: dict[str, Any]) -> None:
    from kfnb.runtime.cells.run_cells import Session

    if any(name.startswith("@") for name in spec.get("outputs", ())):
        from kfnb.runtime.ambient import ambient_state

        ambient_state.begin()
    session = Session(spec)
    _collect_garbage()
    store = _open_store(spec)
    fingerprints = _fingerprints(spec)
    for item in spec.get("prepare", ()):
        _prepare(item, store, session)
    session.begin()
    for cell in spec.get("cells", ()):
        announce_cell(spec, cell)
        session.run(cell)
    session.end()
    for e in spec.get("exports", ()):
        if e.get("late"):
            _late_export(e["name"], e["expression"], session, result)
        else:
            _export(e["name"], e["expression"], e.get("metric", False), session, spec, result)
    outputs = list(spec.get("outputs", ()))
    results = list(spec.get("results", ()))
    if any(n.startswith("@") or n in session.namespace for n in outputs + results):
        from kfnb.runtime.step_outputs import store_outputs

        store_outputs(spec, session.namespace, outputs, results, result)
    result["warnings"] += session.warnings
    for kind, before in fingerprints.items():
        from kfnb.runtime.ambient.ambient_state import fingerprint

        if fingerprint(kind) != before:
            result["warnings"].append(
                "this step drew from the global generator %s, which the notebook seeds in another cell, and kfnb did not see that use: its numbers may differ from those in the notebook; seed the generator in this step"
                % kind[1:]
            )


def _collect_garbage() -> None:
    """Collect garbage as usual from here on: a pod does not, while it loads what never becomes garbage."""
    import gc

    gc.enable()


def announce_cell(spec: dict[str, Any], cell: dict[str, Any]) -> None:
    """Mark in the log that the output from here on belongs to this cell, when the spec has a ``mark``."""
    if spec.get("mark"):
        flush()
        try:
            os.write(1, ("\x1e%s %d\x1e" % (spec["mark"], cell["cell"])).encode())
        except OSError:
            return  # the user's code has closed standard output


def _open_store(spec: dict[str, Any]) -> Any:
    """The store, when the step loads something; else ``None``."""
    if not any("load" in item or "collect" in item for item in spec.get("prepare", ())):
        return None
    from kfnb.runtime.values.value_store import Store

    return Store(spec["store"])


def _fingerprints(spec: dict[str, Any]) -> dict[str, Any]:
    kinds = spec.get("watch", ())
    if not kinds:
        return {}
    from kfnb.runtime.ambient.ambient_state import fingerprint

    return {kind: fingerprint(kind) for kind in kinds}


def _prepare(item: dict[str, Any], store: Any, session: Any) -> None:
    """Do one entry of ``prepare``: bind a value, or run a statement of shared code."""
    if "run" in item:
        session.replay(item["run"])
        return
    if "value" in item:
        session.namespace[item["value"]] = item["json"]
        return
    if "collect" in item:
        from kfnb.runtime.values.failed_iteration import collected

        session.namespace[item["collect"]] = collected(item, store)
        return
    value = store.load(item["bundle"], item.get("name", item["load"]))
    if item["load"].startswith("@"):
        from kfnb.runtime.ambient.ambient_state import restore

        restore(item["load"], value)
    else:
        session.namespace[item["load"]] = value


def _export(
    name: str, expression: str, metric: bool, session: Any, spec: dict[str, Any], result: dict[str, Any]
) -> None:
    """Evaluate one export. A metric that is no number, text or truth value is left out."""
    cells = spec.get("cells") or [{}]
    where = cells[-1].get("cell")
    try:
        value = eval(compile(expression, "<export>", "eval"), session.namespace)
    except NameError:
        if metric or expression == name:
            return  # the code binds it under a condition that did not hold; its reader learns that it is missing
        raise Failure(
            "export", "NameError", "`%s` cannot be evaluated: a name in it was not bound" % expression, where
        ) from None
    except Exception as error:
        raise Failure(
            "export", type(error).__name__, "`%s` cannot be evaluated: %s" % (expression, error), where
        ) from None
    plain = to_json(value)
    if plain is NOT_JSON:
        if metric:
            return
        message = "`%s` is a %s; a condition or loop needs a number, text, truth value or a list of these" % (
            expression,
            type(value).__name__,
        )
        raise Failure("export", type(value).__name__, message, where)
    if metric:
        if isinstance(plain, (bool, int, float, str)):
            result["metrics"][name] = plain
        return
    result["exports"][name] = plain


def _late_export(name: str, expression: str, session: Any, result: dict[str, Any]) -> None:
    """Evaluate an export that a condition may need later. An error is kept for that condition and does not fail the step."""
    try:
        plain = to_json(eval(compile(expression, "<export>", "eval"), session.namespace))
    except Exception as error:
        result["late"][name] = "%s: %s" % (type(error).__name__, error)
        return
    if plain is NOT_JSON:
        result["late"][name] = "TypeError: `%s` is no number, text, truth value or list of these" % expression
    else:
        result["exports"][name] = plain


def _warn_of_secrets(mask: Any, result: dict[str, Any]) -> None:
    """Warn of values that travel although a secret is in them."""
    exported = [n for n, v in result["exports"].items() if mask.parts(v) != v]
    stored = [n for n, entry in result["outputs"].items() if entry.get("secret")]
    for name in dict.fromkeys((*exported, *stored)):
        result["warnings"].append(
            "`%s` has the value of a secret in it and travels to another step with the values of the run: read the variable in that step instead, with a mark `secret:` of its own"
            % name
        )


def _disk_message(error: OSError) -> str:
    where = " (%s)" % error.filename if error.filename else ""
    if error.errno in (28, 122, 27):
        return (
            "the disk is full or a limit is reached%s: free some space or set KFNB_HOME to another disk, then `kfnb retry`"
            % where
        )
    return "%s%s" % (error.strerror or error, where)


def _write_result(spec: dict[str, Any], result: dict[str, Any]) -> bool:
    path = os.path.join(spec["folder"], "result.json")
    if "secret_mask" in spec:  # what conditions and loops read stays as it is
        result.update((k, spec["secret_mask"].parts(v)) for k, v in result.items() if k != "exports")
    try:
        text = dumps(result)
        with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if not spec.get("temporary"):
                os.fsync(file.fileno())
        os.replace(path + ".new", path)
    except OSError as error:
        Failure("store", type(error).__name__, _disk_message(error)).show()
        return False
    return True
