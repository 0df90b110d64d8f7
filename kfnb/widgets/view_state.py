"""What a view of a run shows, as plain JSON: the run, and every step with its iterations together. No effects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kfnb.runs.record.run_store import FINAL, INDEX, STEP_FINAL, Event
from kfnb.runtime.values.value_previews import preview
from kfnb.states import ENDED, SYMBOLS, together

Json = dict[str, Any]
TIMED = ("running", "succeeded", "failed", "cancelled")
ERROR = ("step", "cell", "line", "type", "message")
PENDING = {
    "state": "pending", "started": None, "finished": None, "attempts": 0, "reason": None, "path": None,
    "iterations": 0, "ended": 0, "line": None, "percent": None,
}  # fmt: skip


class Standing:
    """A run as it stands: its record, and the events after it.

    Parameters
    ----------
    head, steps
        What the record has of the run and of its steps, up to event ``seq``.
    names
        The steps of the pipeline. While the run goes on, those that the record does not know yet are pending.
    """

    def __init__(self, head: Json, steps: Iterable[Json], seq: int, names: Iterable[str]) -> None:
        self.head, self.seq = head, seq
        self._names = list(names)
        self._paths: dict[str, dict[str, Json]] = {name: {} for name in self._names}
        self._lines: dict[str, tuple[str, int | None]] = {}
        for step in steps:
            self._paths.setdefault(step["step"], {})[step["path"]] = step

    @property
    def id(self) -> str:
        return str(self.head["run"])

    @property
    def ended(self) -> bool:
        return self.head["state"] in FINAL

    def apply(self, events: Iterable[Event]) -> Json:
        """Take events in; give what of the view they change: ``run`` and ``steps``, of which ``None`` was not in the run."""
        touched: dict[str, None] = {}
        run = False
        for event in events:
            self.seq = event.seq
            if event.kind == "run":
                self.head = {**self.head, **event.data}
                run = True
            else:
                path, step = event.data["path"], event.data["step"]
                group = self._paths.setdefault(step, {})
                group[path] = {**group.get(path, {}), **event.data}
                touched[step] = None
        if run and self.ended:
            touched.update((name, None) for name, group in self._paths.items() if not group)
        changes: Json = {"run": self.run()} if run else {}
        return {**changes, "steps": {n: self.step(n) for n in touched}} if touched else changes

    def print(self, path: str, line: str, percent: int | None) -> Json:
        """Take in what a step printed last; give what of the view that changes."""
        if self._lines.get(path) == (line, percent):
            return {}
        self._lines[path] = (line, percent)
        step = path.partition("[")[0]
        shown = self.step(step)
        return {"steps": {step: shown}} if shown is not None and shown["path"] == path else {}

    def running(self) -> list[Json]:
        """The steps and iterations that run now, as the record has them."""
        return [one for group in self._paths.values() for one in group.values() if one["state"] == "running"]

    def paths(self, step: str) -> list[str]:
        """A step's path, or those of its iterations, in their order."""
        found = self._paths.get(step, {})
        inside = sorted((p for p in found if p != step), key=lambda p: [int(n) for n in INDEX.findall(p)])
        return inside or list(found)

    def record(self, path: str) -> Json | None:
        return self._paths.get(path.partition("[")[0], {}).get(path)

    def run(self) -> Json:
        head = self.head
        shown = {n: v if isinstance(v, (int, float, bool)) else str(preview(v)) for n, v in head["parameters"].items()}
        error = {k: v for k, v in head["error"].items() if k in ERROR} if head["error"] else None
        keys = ("state", "engine", "experiment", "started", "finished")
        return {"id": self.id, **{k: head[k] for k in keys}, "error": error, "parameters": shown}

    def step(self, name: str) -> Json | None:
        """A step, its iterations together; ``path`` is the one of interest: what failed, else what runs, else the first."""
        group = list(self._paths.get(name, {}).values())
        if not group:
            return None if self.ended else dict(PENDING)
        parts = [one for one in group if one["path"] != name] or group
        state = together(one["state"] for one in parts)
        shown = next(one for one in parts if one["state"] == state)
        if state == "running" and len(parts) > 1:
            shown = next((one for one in parts if one["state"] == "failed"), shown)
        starts = [one["started"] for one in parts if one.get("started") is not None]
        ends = [one["finished"] for one in parts if one.get("finished") is not None]
        done = [one for one in parts if one["state"] in STEP_FINAL]
        several = parts[0]["path"] != name
        line, percent = self._lines.get(shown["path"], (None, None)) if state == "running" else (None, None)
        return {
            "state": state, "started": min(starts, default=None),
            "finished": max(ends, default=None) if len(done) == len(parts) else None,
            "attempts": max(one.get("attempts") or 0 for one in parts), "reason": shown.get("reason"),
            "path": shown["path"], "iterations": len(parts) if several else 0,
            "ended": sum(one["state"] in ENDED for one in parts) if several else 0, "line": line, "percent": percent,
        }  # fmt: skip

    def steps(self) -> dict[str, Json]:
        found = {name: self.step(name) for name in list(self._paths)}
        return {name: shown for name, shown in found.items() if shown is not None}

    def states(self) -> dict[str, str]:
        """The state of every step and iteration by its path, as a picture has them. Another thread may apply events meanwhile."""
        found: dict[str, str] = {}
        for name, group in list(self._paths.items()):
            if not group and not self.ended:
                found[name] = "pending"
            found.update({path: one["state"] for path, one in list(group.items())})
        return found


def first_failed(steps: dict[str, Json], error: Json | None) -> str | None:
    """The step that a look at a failed run begins with."""
    if error and error.get("step") in steps:
        return str(error["step"])
    return next((name for name, step in steps.items() if step["state"] == "failed"), None)


def headline(name: str, run: Json | None, now: float) -> str:
    """One line: what is shown, where it stands, how long it took."""
    if run is None:
        return name
    took = f" · {duration((run['finished'] or now) - run['started'])}" if run["started"] is not None else ""
    return f"{SYMBOLS[run['state']]} {name} · {run['state']}{took} · run {run['id']}"


def error_line(run: Json | None) -> str:
    """What went wrong first, and where; empty when nothing did."""
    error = run["error"] if run else None
    if not error:
        return ""
    place = [f"step {error['step']}"] if error.get("step") else []
    place += [f"cell {error['cell']}, line {error.get('line') or 1}"] if error.get("cell") else []
    return f"{', '.join(place)}{': ' if place else ''}{error['type']}: {error['message']}"


def way_out(run: Json | None) -> str:
    """How to look at what the failing step saw; empty when none failed."""
    step = (run["error"] or {}).get("step") if run else None
    return f"%pipeline load {step} --run {run['id']} puts what it saw into the kernel" if run and step else ""


def text(name: str, run: Json | None, steps: dict[str, Json], now: float) -> str:
    """The view as plain text."""
    width = max((len(n) for n in steps), default=0)
    rows = [headline(name, run, now)]
    rows += [f"  {_row(step, one, width, now)}" for step, one in steps.items()]
    rows += [line for line in (error_line(run), way_out(run)) if line]
    return "\n".join(rows)


def _row(name: str, step: Json, width: int, now: float) -> str:
    state = step["state"] + (f" {step['ended']}/{step['iterations']}" if step["iterations"] else "")
    tries = f" (attempt {step['attempts']})" if step["attempts"] > 1 and not step["iterations"] else ""
    said = step["line"] if step["state"] == "running" else (step["reason"] or "").split("\n")[0]
    return f"{SYMBOLS[step['state']]} {name:{width}}  {state + tries:12} {took(step, now):>9}  {said or ''}".rstrip()


def took(step: Json, now: float) -> str:
    """How long a step took, until now while it runs; empty when it has not run."""
    if step["started"] is None or step["state"] not in TIMED:
        return ""
    return duration((step["finished"] or now) - step["started"])


def duration(seconds: float) -> str:
    """In the fewest letters: ``0.4 s``, ``12 s``, ``3:05 min``, ``2:10 h``."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
