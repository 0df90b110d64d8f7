"""The inputs and outputs of a run's steps: follows the references of the pipeline through the record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kfnb.pipeline.build.bind_loop_item import taken_items
from kfnb.pipeline.model import (
    Collected,
    Constant,
    ExportRef,
    ItemRef,
    Loop,
    Merge,
    Node,
    OutputRef,
    ParameterRef,
    Pipeline,
    Ref,
    Step,
    bodies_of,
)
from kfnb.runs.kept_pipeline import kept_pipeline
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.run_store import RunStore
from kfnb.runtime.values.failed_iteration import failed
from kfnb.runtime.values.value_previews import preview, type_name


@dataclass(frozen=True)
class Plain:
    """A value that stands in the record itself."""

    value: Any


@dataclass(frozen=True)
class Kept:
    """What the step at ``path`` left under ``name``."""

    path: str
    name: str


@dataclass(frozen=True)
class Lost:
    """What stands in a list for the value of an iteration that was let fail."""

    failure: dict[str, Any]


@dataclass(frozen=True)
class Several:
    """What the iterations of a loop left, in their order."""

    values: tuple[Kept | Lost, ...]


@dataclass(frozen=True)
class Taken:
    """Item ``number`` of what was kept."""

    items: Kept
    number: int


InputValue = Plain | Kept | Several | Taken


def inputs_of(store: RunStore, run_id: str, path: str) -> dict[str, InputValue]:
    """What a step found under each of its names; names that only skipped steps would have made are left out.

    Raises
    ------
    UnknownRun
        When there is no such run or step, or when ``path`` is a step that ran once per item.
    """
    entry = store.find_step(run_id, path)
    pipeline = kept_pipeline(store, run_id)
    step = next((s for s in pipeline.steps() if s.name == entry["step"]), None)
    if step is None:
        raise UnknownRun(f"the pipeline of run {run_id} has no step `{entry['step']}`")
    reader = _Reader(store, run_id, pipeline, path[len(step.name) :])
    found = {i.name: reader.input_value(i.ref) for i in step.inputs}
    for name, (collection, number) in taken_items(step).items():
        items, index = found.get(collection), found.get(number)
        if isinstance(items, Kept) and isinstance(index, Plain):
            found[name] = Taken(items, index.value)
    return {name: input_value for name, input_value in found.items() if input_value is not None and is_name(name)}


def outputs_of(store: RunStore, run_id: str, path: str) -> dict[str, InputValue]:
    """Everything that a step left. Raises `UnknownRun`."""
    result = store.find_step(run_id, path)["result"]
    return {n: Kept(path, n) for n in {**result.get("results", {}), **result.get("outputs", {})} if is_name(n)}


def value_of(store: RunStore, run_id: str, input_value: InputValue) -> Any:
    """The value itself. Raises `UnknownRun` when it was not kept: it was too large, cannot travel, or stayed in a cluster."""
    if isinstance(input_value, Plain):
        return input_value.value
    if isinstance(input_value, Kept):
        return store.value(run_id, input_value.path, input_value.name)
    if isinstance(input_value, Taken):
        return [*store.value(run_id, input_value.items.path, input_value.items.name)][input_value.number]
    return [
        failed(one.failure, index) if isinstance(one, Lost) else store.value(run_id, one.path, one.name)
        for index, one in enumerate(input_value.values)
    ]


def is_name(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_kfnb")


class _Reader:
    """Reads what references stood for in a run. ``indexes``: those of the reading iteration, such as ``[2][0]``."""

    def __init__(self, store: RunStore, run_id: str, pipeline: Pipeline, indexes: str) -> None:
        self.store, self.run_id, self.indexes = store, run_id, indexes
        self.parameters = store.head(run_id)["parameters"]
        self.paths = {s["path"]: s for s in store.steps(run_id)}
        self.pipeline = pipeline

    def input_value(self, ref: Ref) -> InputValue | None:
        """``None`` where only skipped steps would have made it, or where it is no value of the notebook's."""
        if isinstance(ref, Constant):
            return Plain(ref.value)
        if isinstance(ref, ParameterRef):
            return Plain(self.parameters[ref.name]) if ref.name in self.parameters else None
        if isinstance(ref, (OutputRef, ExportRef)):
            return self._produced(ref)
        if isinstance(ref, Merge):
            return next((s for s in map(self.input_value, ref.candidates) if s is not None), None)
        if isinstance(ref, Collected):
            paths = sorted((p for p in self.paths if p.startswith(f"{ref.ref.step}[")), key=_numbers)
            outputs = (self._lost(p) or self._output(p, ref.ref.name) for p in paths)
            return Several(tuple(k for k in outputs if k is not None))
        return self._item(ref.loop) if isinstance(ref, ItemRef) else None

    def _produced(self, ref: OutputRef | ExportRef) -> Kept | None:
        """From the same iteration where the maker stands in the reader's loops, else from the maker itself."""
        own = self.indexes
        while True:
            if ref.step + own in self.paths:
                return self._output(ref.step + own, ref.name)
            if not own:
                return None
            own = own[: own.rindex("[")]

    def _item(self, name: str) -> Plain | None:
        """The item of a loop in this iteration."""
        for depth, loop in _loops(self.pipeline.body, 0):
            if loop.name == name:
                items = self.input_value(loop.items)
                numbers = _numbers(self.indexes)
                if items is not None and depth < len(numbers):
                    return Plain(value_of(self.store, self.run_id, items)[numbers[depth]])
        return None

    def _lost(self, path: str) -> Lost | None:
        failure = self.paths[path]["result"].get("failure")
        return Lost(failure) if failure else None

    def _output(self, path: str, name: str) -> Kept | None:
        """Nothing where the step was skipped, or did not bind the name."""
        step = self.paths[path]
        there = any(name in step["result"].get(kind, {}) for kind in ("outputs", "results", "exports"))
        return Kept(path, name) if there and step["state"] in ("succeeded", "cached") else None


def _loops(nodes: tuple[Node, ...], depth: int) -> Iterator[tuple[int, Loop]]:
    """Every loop, and how many loops stand around it."""
    for node in nodes:
        if isinstance(node, Step):
            continue
        if isinstance(node, Loop):
            yield depth, node
        for body in bodies_of(node):
            yield from _loops(body, depth + isinstance(node, Loop))


def _numbers(path: str) -> list[int]:
    return [int(n) for n in path[path.index("[") + 1 : -1].split("][")] if "[" in path else []


# ---------------------------------------------------------------- words for values, none of which is loaded
def previews(store: RunStore, run_id: str, path: str) -> dict[str, list[dict[str, Any]]]:
    """What a step saw (``inputs``) and left (``outputs``): each with ``name``, ``type``, ``preview`` and ``bytes``.

    ``preview`` is the value itself where it is small and plain, else a short text; ``bytes`` and ``type`` are null where
    the record does not say. Raises `UnknownRun`.
    """
    shown_values = _Previews({s["path"]: s["result"] for s in store.steps(run_id)})
    result = store.find_step(run_id, path)["result"]
    outputs = [n for kind in ("outputs", "results", "exports") for n in result.get(kind, {}) if is_name(n)]
    saw = inputs_of(store, run_id, path)
    return {
        "inputs": [{"name": n, **shown_values.of(one)} for n, one in saw.items()],
        "outputs": [{"name": n, **shown_values.of(Kept(path, n))} for n in dict.fromkeys(outputs)],
    }


class _Previews:
    def __init__(self, results: dict[str, dict[str, Any]]) -> None:
        self.results = results

    def of(self, input_value: InputValue) -> dict[str, Any]:
        if isinstance(input_value, Plain):
            return _preview_json(type_name(input_value.value), preview(input_value.value), None)
        if isinstance(input_value, Kept):
            return self._kept(input_value)
        if isinstance(input_value, Taken):
            return _preview_json(None, f"item {input_value.number} of {self._kept(input_value.items)['preview']}", None)
        kept = [
            _preview_json("Failed", repr(failed(k.failure, n)), None) if isinstance(k, Lost) else self._kept(k)
            for n, k in enumerate(input_value.values)
        ]
        sizes, shown = [k["bytes"] for k in kept], [k["preview"] for k in kept]
        return _preview_json("list", preview(shown), sum(s for s in sizes if s is not None))

    def _kept(self, kept: Kept) -> dict[str, Any]:
        result = self.results[kept.path]
        for kind in ("outputs", "results"):
            entry = result.get(kind, {}).get(kept.name)
            if entry is not None:
                shown = entry["preview"] if "skipped" not in entry else f"not kept: {entry['skipped']}"
                return _preview_json(entry.get("type"), shown, entry.get("bytes"))
        value = result["exports"][kept.name]
        return _preview_json(type_name(value), preview(value), None)


def _preview_json(kind: str | None, shown: Any, size: int | None) -> dict[str, Any]:
    return {"type": kind, "preview": shown, "bytes": size}
