"""Reads from the record what a comparison needs of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kfnb.engines.engine_interface import options_set
from kfnb.pipeline.model import Pipeline
from kfnb.runs.kept_notebook import kept_notebook
from kfnb.runs.kept_pipeline import kept_pipeline, shown_path
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.run_environment import recorded_environment
from kfnb.runs.run_summary import metrics_of
from kfnb.runs.step_inputs_outputs import is_name
from kfnb.wording import elapsed

Json = Any
#: The options that say where and how steps ran, in the order in which they are shown.
PLACES = ("python", "folder", "containers", "image", "isolated", "cache", "fuse")


@dataclass(frozen=True)
class ComparedCell:
    """A code cell of a run's notebook.

    Parameters
    ----------
    number
        Among the code cells, from 1.
    id
        By which the notebook knows it; empty where it has none.
    steps
        What people read for the steps that it belongs to.
    """

    number: int
    id: str
    source: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparedOutput:
    """A value that a step left. ``content`` is equal for equal values: the hash of what is stored, or the value itself."""

    preview: Json
    type: str | None
    content: str


@dataclass(frozen=True)
class ComparedStep:
    """A step or one of its iterations.

    Parameters
    ----------
    label
        What people read in place of the path, such as ``train[2]``.
    seconds
        How long it took, or has taken until now; ``None`` where it did not begin.
    """

    label: str
    state: str
    seconds: float | None
    outputs: Mapping[str, ComparedOutput]


@dataclass(frozen=True)
class ComparedRun:
    """A run as it stands.

    Parameters
    ----------
    steps
        By their paths, in the order of the pipeline.
    environment
        Where and how the steps ran, by name.
    settings
        The settings of each step, by ``STEP.SETTING``; ``setting_labels``: what people read for these names.
    packages
        The version of each package by its name; ``None`` where the record does not say which there were.
    """

    run: str
    pipeline: str
    notebook: str | None
    experiment: str | None
    state: str
    created: float
    seconds: float | None
    parameters: Mapping[str, Json]
    metrics: Mapping[str, Json]
    steps: Mapping[str, ComparedStep]
    cells: tuple[ComparedCell, ...]
    environment: Mapping[str, Json]
    settings: Mapping[str, Json]
    setting_labels: Mapping[str, str]
    packages: Mapping[str, str] | None


def read_run(store: RunStore, run_id: str) -> ComparedRun:
    """What a comparison needs of a run. Raises `UnknownRun`, and `DamagedRecord`."""
    head, rows = store.head(run_id), store.steps(run_id)
    pipeline = kept_pipeline(store, run_id)
    names = {step.name: step.shown_name for step in pipeline.steps()}
    folder = store.folder(run_id)
    found = recorded_environment(folder)
    environment = {
        "target": head["target"],
        **({"version": found.python} if found else {}),
        **options_set(folder, PLACES),
    }
    settings = [(step, name, value) for step in pipeline.steps() for name, value in step.settings.to_json().items()]
    return ComparedRun(
        run_id, head["pipeline"], head["notebook"], head["experiment"], head["state"], head["created"], elapsed(head),
        head["parameters"], metrics_of(rows),
        {row["path"]: _step(shown_path(row["path"], names), row) for row in rows},
        tuple(_cells(pipeline, kept_notebook(store, run_id))), environment,
        {f"{step.name}.{name}": value for step, name, value in settings},
        {f"{step.name}.{name}": f"{step.shown_name}.{name}" for step, name, _ in settings},
        found.packages if found else None,
    )  # fmt: skip


def _step(label: str, row: dict[str, Any]) -> ComparedStep:
    result = row["result"]
    exports = ((name, value) for name, value in result.get("exports", {}).items() if is_name(name))
    outputs = {name: ComparedOutput(value, type(value).__name__, canonical_text(value)) for name, value in exports}
    for kind in ("results", "outputs"):
        for name, entry in ((n, e) for n, e in result.get(kind, {}).items() if is_name(n)):
            shown = f"not kept: {entry['skipped']}" if "skipped" in entry else entry.get("preview")
            content = entry.get("bundle") or canonical_text([shown, entry.get("bytes")])
            outputs[name] = ComparedOutput(shown, entry.get("type"), content)
    return ComparedStep(label, row["state"], elapsed(row), outputs)


def canonical_text(value: Json) -> str:
    """A text that is the same for the same values only: 1 is not true, and the order of keys does not count."""
    return json.dumps(value, sort_keys=True, default=repr)


def _cells(pipeline: Pipeline, notebook: Any) -> Iterator[ComparedCell]:
    """The code cells of the notebook that was kept, or else those that the pipeline has."""
    steps: dict[int, list[str]] = {}
    for step in pipeline.steps():
        for code in step.cells:
            steps.setdefault(code.cell, []).append(step.shown_name)
    listed = notebook.get("cells") if isinstance(notebook, dict) else None
    code_cells = [c for c in listed or () if isinstance(c, dict) and c.get("cell_type") == "code"]
    found = [(n, str(c.get("id") or ""), _source(c)) for n, c in enumerate(code_cells, 1)]
    for number, identity, source in found or [(n, "", text) for n, text in pipeline.sources]:
        yield ComparedCell(number, identity, source, tuple(dict.fromkeys(steps.get(number, ()))))


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))
