"""Reads from the record the data that a report needs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfnb.pipeline.model import Pipeline
from kfnb.runs.kept_pipeline import kept_pipeline, shown_path
from kfnb.runs.record.private_record_files import read_object
from kfnb.runs.record.run_store import Event, RunStore
from kfnb.states import ENDED, FINAL, together

Json = dict[str, Any]


@dataclass(frozen=True)
class Attempt:
    """One attempt at a step; ``error`` as the record has it. ``folder``: where its log lies."""

    number: int
    folder: Path
    state: str = "failed"
    started: float | None = None
    finished: float | None = None
    error: Json | None = None


@dataclass(frozen=True)
class Entry:
    """A step, or one iteration of it (``path`` such as ``train[2]``; ``label``: what people read), with its attempts, the last one last."""

    path: str
    label: str
    state: str
    started: float | None = None
    finished: float | None = None
    reason: str | None = None
    error: Json | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class StepFacts:
    """A step of the pipeline and what became of it; ``label``: what people read; ``looped``: its entries are iterations."""

    name: str
    label: str
    cells: tuple[int, ...]
    entries: tuple[Entry, ...]
    looped: bool = False

    @property
    def state(self) -> str:
        return together(e.state for e in self.entries)

    @property
    def count(self) -> str:
        """How many iterations have succeeded: ``3/5``."""
        return f"{sum(e.state in ENDED for e in self.entries)}/{len(self.entries)}" if self.looped else ""

    @property
    def started(self) -> float | None:
        return min((e.started for e in self.entries if e.started is not None), default=None)

    @property
    def finished(self) -> float | None:
        """When the last of its entries ended; ``None`` while one has not."""
        ends = [e.finished for e in self.entries if e.started is not None]
        return None if None in ends else max((e for e in ends if e is not None), default=None)

    @property
    def reason(self) -> str:
        """Why it stands where it stands; of a loop, what the first failed iteration says."""
        explained = [e for e in self.entries if e.state == self.state and e.reason]
        if not explained:
            return ""
        return f"{explained[0].path}: {explained[0].reason}" if self.looped else str(explained[0].reason)


@dataclass(frozen=True)
class Facts:
    """A run as it stood at ``now``; ``head`` as `RunStore.head` has it, ``target`` where the record names one."""

    head: Json
    pipeline: Pipeline
    steps: tuple[StepFacts, ...]
    metrics: Json
    target: str
    now: float

    @property
    def ended(self) -> bool:
        return self.head["state"] in FINAL

    def states(self) -> dict[str, str]:
        """The state of every step and iteration, by path."""
        return {e.path: e.state for s in self.steps for e in s.entries}


def read_facts(store: RunStore, run_id: str) -> Facts:
    """Everything but logs, displays and the notebook. Raises `UnknownRun`."""
    head = store.head(run_id)
    folder = store.folder(run_id)
    pipeline = kept_pipeline(store, run_id)
    rows: dict[str, list[Json]] = {}
    for row in store.steps(run_id):
        rows.setdefault(row["step"], []).append(row)
    tries = _attempts(store.events(run_id))
    missing = "omitted" if head["state"] in FINAL else "pending"
    steps = []
    names = {step.name: step.shown_name for step in pipeline.steps()}
    for step in pipeline.steps():
        rows_of_step = rows.pop(step.name, [])
        inside = [r for r in rows_of_step if r["path"] != step.name]
        entries = [
            _entry(store, run_id, shown_path(r["path"], names), r, tries.get(r["path"], {}))
            for r in inside or rows_of_step
        ]
        cells = tuple(dict.fromkeys(c.cell for c in step.cells))
        steps.append(
            StepFacts(
                step.name,
                step.shown_name,
                cells,
                tuple(entries) or (Entry(step.name, step.shown_name, missing),),
                bool(inside),
            )
        )
    return Facts(head, pipeline, tuple(steps), store.summary(run_id)["metrics"], _target(folder), time.time())


def _entry(store: RunStore, run_id: str, label: str, row: Json, tries: Mapping[int, Json]) -> Entry:
    numbers = range(1, (row["attempts"] or 0) + 1)
    folders = {n: store.attempt_folder(run_id, row["path"], n) for n in numbers}
    attempts = [Attempt(n, folders[n], **tries.get(n, {})) for n in numbers if n in tries or folders[n].exists()]
    result = row["result"]
    return Entry(
        row["path"], label, row["state"], row["started"], row["finished"], row["reason"], row["error"],
        result.get("metrics", {}), tuple(result.get("warnings", ())), tuple(attempts),
    )  # fmt: skip


def _attempts(events: Iterable[Event]) -> dict[str, dict[int, Json]]:
    """By path and number, what the events tell of every attempt. One that is to be tried again has failed."""
    found: dict[str, dict[int, Json]] = {}
    for event in events:
        number = event.data.get("attempts")
        if event.kind == "step" and number:
            changes = {k: v for k in ("started", "finished", "error") if (v := event.data.get(k)) is not None}
            changes["state"] = "failed" if event.data["state"] == "pending" else event.data["state"]
            found.setdefault(event.data["path"], {}).setdefault(number, {}).update(changes)
    return found


def _target(folder: Path) -> str:
    """The target of a run on a cluster, where its engine wrote it down."""
    try:
        found = read_object(folder / "remote.json").get("target")
    except FileNotFoundError:
        return ""
    return found if isinstance(found, str) else ""
