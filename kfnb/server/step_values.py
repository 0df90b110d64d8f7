"""Shows and saves values of steps, each in a short-lived process of the run's interpreter: loading one may run the notebook's code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from kfnb.client import value_program
from kfnb.engines.engine_interface import OPTIONS
from kfnb.problems import UserError
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.private_record_files import DamagedRecord, read_object
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.record.values_at_url import UnreachableStore, bring_value
from kfnb.runs.step_inputs_outputs import InputValue, Kept, Lost, Plain, Several, inputs_of, outputs_of
from kfnb.runtime.step_failures import Failure

PATIENCE = 60  #: seconds that a value may take to load and to be shown
LARGEST = 16_000_000  #: bytes of an answer
STDERR = 2_000  #: characters of what the process printed that a message has

Json = dict[str, Any]


class NotShown(UserError, Exception):
    """A value cannot be shown or saved; the message says why."""


def value_page(store: RunStore, run_id: str, path: str, name: str, way: str, start: int) -> Json:
    """A value as `kfnb.client.value_pages` shows it. ``way``: ``inputs`` or ``outputs``. Raises `UnknownRun`, `NotShown`."""
    return _asked(store, run_id, _place(store, run_id, path, name, way), {"start": start})


def value_file(store: RunStore, run_id: str, path: str, name: str, way: str, ending: str | None, folder: Path) -> Path:
    """Write a value into ``folder``, in a format or in the usual one for it, and return the file. Raises `UnknownRun`, `NotShown`."""
    place = _place(store, run_id, path, name, way)
    return Path(_asked(store, run_id, place, {"file": str(folder / name), "format": ending})["file"])


def _place(store: RunStore, run_id: str, path: str, name: str, way: str) -> Json:
    """Where a value is. Values in other stores are brought to this machine; none is loaded."""
    step = store.find_step(run_id, path)
    found = (inputs_of if way == "inputs" else outputs_of)(store, run_id, step["path"])
    exported = step["result"].get("exports", {})
    if name in found:
        return _described(store, run_id, found[name])
    if way == "outputs" and name in exported:
        return {"plain": exported[name]}
    raise UnknownRun(f"step `{path}` has no `{name}` among its {way}")


def _described(store: RunStore, run_id: str, value: InputValue | Lost) -> Json:
    if isinstance(value, Plain):
        return {"plain": value.value}
    if isinstance(value, Several):
        return {"several": [_described(store, run_id, one) for one in value.values]}
    if isinstance(value, Lost):
        return {"plain": f"failed: {value.failure.get('message', '')}"}
    if not isinstance(value, Kept):
        return {"of": _described(store, run_id, value.items), "item": value.number}
    result = store.find_step(run_id, value.path)["result"]
    entry = {**result.get("results", {}), **result.get("outputs", {})}.get(value.name)
    if entry is None:
        return {"plain": result.get("exports", {})[value.name]}
    if "bundle" not in entry:
        raise NotShown(f"`{value.name}` of `{value.path}` was not kept: {entry.get('skipped')}")
    try:
        bring_value(entry, store.folder(run_id), store.values)
    except (UnreachableStore, Failure) as error:
        raise NotShown(f"`{value.name}` of `{value.path}`: {getattr(error, 'message', error)}") from None
    return {"bundle": entry["bundle"], "name": value.name}


def _asked(store: RunStore, run_id: str, value: Json, more: Json) -> Json:
    """Ask the program for the value."""
    try:
        options = read_object(store.folder(run_id) / OPTIONS)
    except (FileNotFoundError, DamagedRecord):
        options = {}  # of a run on a cluster
    python, folder = options.get("python") or sys.executable, options.get("folder") or ""
    with tempfile.TemporaryDirectory() as made:
        answer = Path(made) / "answer.json"
        request = {"store": str(store.values), "folder": folder, "value": value, "answer": str(answer), **more}
        words = [python, value_program.__file__]
        environment = {**os.environ, "MPLBACKEND": "Agg"}
        try:
            done = subprocess.run(
                words, input=json.dumps(request), capture_output=True, text=True, timeout=PATIENCE, env=environment,
                cwd=folder if os.path.isdir(folder) else None,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise NotShown(f"the value was not loaded within {PATIENCE} seconds: load it in a kernel") from None
        except OSError as error:
            raise NotShown(f"the interpreter of the run, {python}, cannot be started: {error}") from None
        if done.returncode or not answer.exists():
            raise NotShown(f"the value cannot be loaded: {done.stderr[-STDERR:].strip() or done.returncode}")
        if answer.stat().st_size > LARGEST:
            raise NotShown("the value is too large to be shown: load it in a kernel")
        found: Json = json.loads(answer.read_text("utf-8"))
    if "problem" in found:
        raise NotShown(found["problem"])
    return found
