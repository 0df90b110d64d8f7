"""Values of a run, put into the live kernel: what a step saw, or what it left."""

from __future__ import annotations

import json
from typing import Any

from kfnb.pipeline.model import (
    Collected,
    Constant,
    ExportRef,
    ItemRef,
    Merge,
    OutputRef,
    ParameterRef,
    Pipeline,
    Ref,
    StatusRef,
)
from kfnb.pipeline.serialize import from_json
from kfnb.runs.store import RunStore, UnknownRun


def load(run: str, path: str, what: str = "inputs") -> None:
    """Bind the inputs (or ``outputs``) of a step of a run in the kernel's namespace, and say which.

    Parameters
    ----------
    run, path
        The run's id, and the step or iteration, such as ``train[2]``.

    Raises
    ------
    UnknownRun
        When there is no such run or step, or it left no such value.
    """
    from IPython import get_ipython

    store = RunStore()
    try:
        run_id = store.resolve(run)
        found = outputs_of(store, run_id, path) if what == "outputs" else inputs_of(store, run_id, path)
    finally:
        store.close()
    get_ipython().user_ns.update(found)
    names = ", ".join(sorted(found)) or "nothing"
    print(f"loaded {names}: what step {path} of run {run_id} {'left' if what == 'outputs' else 'saw'}")


def outputs_of(store: RunStore, run_id: str, path: str) -> dict[str, Any]:
    """Everything that a step left and that was kept."""
    result = store.find_step(run_id, path)["result"]
    kept = {**result.get("results", {}), **result.get("outputs", {})}
    names = [n for n, e in kept.items() if "bundle" in e and n.isidentifier() and not n.startswith("_kfnb")]
    return {n: store.value(run_id, path, n) for n in names}


def inputs_of(store: RunStore, run_id: str, path: str) -> dict[str, Any]:
    """The values that a step saw, by the names it had for them."""
    entry = store.find_step(run_id, path)
    pipeline = from_json(json.loads((store.folder(run_id) / "pipeline.json").read_text("utf-8")))
    step = next((s for s in pipeline.steps() if s.name == entry["step"]), None)
    if step is None:
        raise UnknownRun(f"the pipeline of run {run_id} has no step `{entry['step']}`")
    reader = _Reader(store, run_id, pipeline, path[len(step.name) :])
    found: dict[str, Any] = {}
    for item in step.inputs:
        if item.name.isidentifier() and not item.name.startswith("_kfnb"):
            value = reader.value(item.ref)
            if value is not _MISSING:
                found[item.name] = value
    return found


_MISSING = object()


class _Reader:
    """Reads what references stood for in a run. ``indexes``: those of the reading iteration, such as ``[2][0]``."""

    def __init__(self, store: RunStore, run_id: str, pipeline: Pipeline, indexes: str) -> None:
        self.store, self.run_id, self.indexes = store, run_id, indexes
        self.head = store.head(run_id)
        self.paths = {s["path"]: s for s in store.steps(run_id)}
        self.pipeline = pipeline

    def value(self, ref: Ref) -> Any:
        """The value; ``_MISSING`` where only skipped steps would have made it, or where it is no value of the notebook's."""
        if isinstance(ref, Constant):
            return ref.value
        if isinstance(ref, ParameterRef):
            return self.head["parameters"].get(ref.name, _MISSING)
        if isinstance(ref, (OutputRef, ExportRef)):
            return self._made(ref)
        if isinstance(ref, Merge):
            found = (self.value(c) for c in ref.candidates)
            return next((v for v in found if v is not _MISSING), _MISSING)
        if isinstance(ref, Collected):
            paths = sorted((p for p in self.paths if p.startswith(f"{ref.ref.step}[")), key=_numbers)
            values = (self._at(p, ref.ref.name) for p in paths)
            return [v for v in values if v is not _MISSING]
        assert isinstance(ref, (ItemRef, StatusRef))
        return _MISSING

    def _made(self, ref: OutputRef | ExportRef) -> Any:
        """From the same iteration where the maker stands in the reader's loops, else from the maker itself."""
        own = self.indexes
        while True:
            if ref.step + own in self.paths:
                return self._at(ref.step + own, ref.name)
            if not own:
                return _MISSING
            own = own[: own.rindex("[")]

    def _at(self, path: str, name: str) -> Any:
        if self.paths[path]["state"] not in ("succeeded", "cached"):
            return _MISSING
        return self.store.value(self.run_id, path, name)


def _numbers(path: str) -> list[int]:
    return [int(n) for n in path[path.index("[") + 1 : -1].split("][")]
