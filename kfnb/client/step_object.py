"""`RunStep`: a step of a run as a Python object, with its state, its log and its values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.step_inputs_outputs import inputs_of, is_name, value_of
from kfnb.runtime.values.failed_iteration import Failed, failed
from kfnb.states import NO_ITEMS
from kfnb.wording import duration, elapsed


class RecordedRun(Protocol):
    """What a step needs of its run."""

    id: str

    def summary(self) -> dict[str, Any]: ...

    def record(self) -> AbstractContextManager[RunStore]: ...


class RunStep:
    """A step of a run, or one iteration of it. ``step["name"]`` is a value that it produced.

    Of a step that ran once per item, ``step["name"]`` is the list of what its iterations left, in their order, and
    ``step[2]`` is the third iteration. An iteration that failed, or did not come to run, is a `kfnb.Failed` in the list.
    """

    def __init__(self, run: RecordedRun, path: str) -> None:
        self.run, self.path = run, path

    def _entry(self) -> dict[str, Any]:
        name = self.path.partition("[")[0]
        entry: dict[str, Any] = self.run.summary()["steps"][name]
        if name == self.path:
            return entry
        found: dict[str, Any] = entry["iterations"][self.path]
        return found

    @property
    def name(self) -> str:
        return self.path

    @property
    def state(self) -> str:
        return str(self._entry()["state"])

    @property
    def reason(self) -> str | None:
        """Why it is in this state, if the reason is known."""
        found: str | None = self._entry()["reason"]
        return found

    @property
    def attempts(self) -> int:
        return int(self._entry()["attempts"] or 0)

    @property
    def started(self) -> float | None:
        found: float | None = self._entry()["started"]
        return found

    @property
    def finished(self) -> float | None:
        found: float | None = self._entry()["finished"]
        return found

    @property
    def duration(self) -> float | None:
        """Seconds, until now while it runs; ``None`` when it has not run."""
        return elapsed(self._entry())

    @property
    def log(self) -> str:
        """What its last attempt printed; of a step that ran once per item, what all iterations printed."""
        with self.run.record() as store:
            paths = self._iterations() or [self.path]
            return "\n".join(line.text for p in paths for line in store.logs(self.run.id, p))

    @property
    def iterations(self) -> list[RunStep]:
        """The iterations of a step that ran once per item, in their order."""
        return [RunStep(self.run, p) for p in self._iterations()]

    def _iterations(self) -> list[str]:
        if "[" in self.path:
            return []
        with self.run.record() as store:
            return [s["path"] for s in store.steps(self.run.id) if s["path"].startswith(f"{self.path}[")]

    # ---------------------------------------------------------------- values
    def __getitem__(self, key: str | int) -> Any:
        """A value that the step produced, or an iteration. Raises `UnknownRun` with the nearest name."""
        if isinstance(key, int):
            found = self._iterations()
            if not -len(found) <= key < len(found):
                raise IndexError(f"step {self.path} has {len(found)} iterations")
            return RunStep(self.run, found[key])
        inside = self._iterations()
        with self.run.record() as store:
            if not inside:
                return [] if self.reason == NO_ITEMS else store.value(self.run.id, self.path, key)
            steps = {s["path"]: s for s in store.steps(self.run.id)}
            values: list[Any] = []
            for path in inside:
                if steps[path]["state"] in ("succeeded", "cached"):
                    values.append(store.value(self.run.id, path, key))
                elif steps[path]["state"] != "skipped" or steps[path]["result"].get("failure"):
                    values.append(_failed(steps[path], len(values)))
            return values

    def __contains__(self, name: str) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> list[str]:
        """The names of the values that it produced."""
        found: list[str] = []
        with self.run.record() as store:
            results = [store.find_step(self.run.id, path)["result"] for path in self._iterations() or [self.path]]
        for result in results:
            for kind in ("outputs", "results", "exports"):
                found += [n for n in result.get(kind, {}) if n not in found and is_name(n)]
        return found

    @property
    def inputs(self) -> StepInputs:
        """The values that the step received, each a fresh copy. Values that were not kept are omitted. Raises `UnknownRun`."""
        found = StepInputs(self.path)
        with self.run.record() as store:
            for name, seen in inputs_of(store, self.run.id, self.path).items():
                try:
                    found[name] = value_of(store, self.run.id, seen)
                except UnknownRun as error:
                    found.lost[name] = error
        return found

    def __repr__(self) -> str:
        time = duration(self.duration)
        return f"<step {self.path}: {self.state}{f' in {time}' if time else ''}>"


class StepInputs(dict[str, Any]):
    """The values that a step received. Those that were not kept are not among them: who asks for one learns why.

    Parameters
    ----------
    path
        The step.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.lost: dict[str, UnknownRun] = {}

    def __missing__(self, name: str) -> Any:
        raise self.lost.get(name) or UnknownRun(f"step `{self.path}` has no `{name}` among its inputs")


def _failed(step: dict[str, Any], index: int) -> Failed:
    """The `kfnb.Failed` in the place of the value of an iteration that has none."""
    if step["result"].get("failure"):
        return failed(step["result"]["failure"], index)
    error = step["error"] or {"type": step["state"], "message": step["reason"] or "it has not ended"}
    return Failed(step["step"], index, error["type"], error["message"])
