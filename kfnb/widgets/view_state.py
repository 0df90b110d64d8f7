"""The state of a run as a view shows it, in plain JSON: the run, and every step with its iterations combined. No effects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kfnb.runs.record.run_store import INDEX, Event
from kfnb.runtime.values.value_previews import preview
from kfnb.states import ENDED, FINAL, STEP_FINAL, together
from kfnb.wording import error_line, load_hint

Json = dict[str, Any]
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
        problem = "\n".join(line for line in (error_line(error), load_hint(self.id, error)) if line)
        keys = ("state", "engine", "experiment", "started", "finished")
        return {"id": self.id, **{k: head[k] for k in keys}, "error": error, "problem": problem, "parameters": shown}

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
