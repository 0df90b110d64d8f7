"""Lines in the pod's log that begin with ``::kfnb `` and are for the engine: the state of a step and its small values as JSON."""

from __future__ import annotations

import os
import sys

from kfnb.runtime.light_json import dumps
from kfnb.runtime.step_failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

MARK = "::kfnb "
LINE_LIMIT = 8000  #: bytes of one line for the engine: container runtimes cut lines at 16 KiB
INLINE_LIMIT = 4000  #: bytes of a value; smaller values are written to the log
NOT_STARTED = 2  #: exit status of a step that could not start


def report(job: dict[str, Any]) -> None:
    """Print the lines for the engine. The state comes last, so that a reader of the state has read everything."""
    bundles = job.pop("bundles", {})
    lines = [{"bundle": {n: b}} for n, b in bundles.items()]
    for part in ("exports", "outputs", "results", "metrics", "stored", "left"):
        lines += [{part: {n: v}} for n, v in job.pop(part, {}).items()]
    error = dict(job.get("error") or {})
    if len(error.get("traceback", "")) > LINE_LIMIT // 2:
        error["traceback"] = "…" + error["traceback"][-LINE_LIMIT // 2 :]
    if len(error.get("message", "")) > LINE_LIMIT // 4:
        error["message"] = error["message"][: LINE_LIMIT // 4] + "…"
    lines.append({**job, **({"error": error} if error else {})})
    end_line()
    for line in _join_lines(lines):
        sys.stdout.write(MARK + line + "\n")
    sys.stdout.flush()


def end_line() -> None:
    """End the line that the step, or a program that it ran, may have left without its end. No archive needs to keep it."""
    write = getattr(sys.stdout, "write_unmarked", sys.stdout.write)
    write("\n")


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


def summary(result: dict[str, Any], store: str) -> dict[str, Any]:
    """The parts of a step's result that the lines for the engine hold."""
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

    from kfnb.runtime.pods.handover.handover_pack import buffers_of
    from kfnb.runtime.values.value_store import Store

    found: dict[str, Any] = {}
    for kind in ("results", "outputs"):
        for name, entry in result[kind].items():
            if (
                "bundle" not in entry
                or entry.get("secret")
                or name.startswith("@")
                or entry.get("bytes", INLINE_LIMIT) >= INLINE_LIMIT
            ):
                continue
            path = Store(store).path(entry["bundle"])
            if os.path.getsize(path) < INLINE_LIMIT and not buffers_of(path):
                with open(path, "rb") as file:
                    found[name] = [entry["bundle"], b2a_base64(file.read(), newline=False).decode()]
    return found


def fail(job: dict[str, Any], error: dict[str, Any]) -> int:
    """Show and report the error of a step that did not run its cells to their end, and return the exit status."""
    Failure(error["kind"], error["type"], error["message"]).show()
    report({"step": job["spec"]["step"], "state": "failed", "error": error})
    return NOT_STARTED
