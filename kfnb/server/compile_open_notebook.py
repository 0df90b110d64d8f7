"""Reads and explains a notebook as it is open in JupyterLab, saved or not. Nothing of it is run."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kfnb.notebook import notebook_from_json
from kfnb.notebook.parsed_notebook import METRICS, PARAMETERS, SKIP, Notebook
from kfnb.pipeline.build.build_pipeline import Built, build, pipelines_of
from kfnb.pipeline.drawing.explain_pipeline import describe
from kfnb.pipeline.drawing.graph_elements import graph_of
from kfnb.pipeline.model import Pipeline, Replay, Step
from kfnb.pipeline.units.sort_into_drafts import OUTSIDE, SHARED
from kfnb.problems import NotebookError, errors

OTHER_ROLES = {PARAMETERS: "parameters", SKIP: "outside"}
MOST_PROBLEMS = 500  #: problems in one answer, because nobody reads more


class BadNotebook(Exception):
    """A notebook that does not become a pipeline. ``problems`` has the reasons in the form of `Problem.to_json`."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__(problems[0]["message"] if problems else "the notebook has errors")
        self.problems = problems


def pipeline_of(data: Any, path: str, name: str | None) -> Pipeline:
    """The pipeline of a notebook's JSON, to be run; ``name`` selects one of several. Raises `BadNotebook`."""
    try:
        return build(notebook_from_json(data, path), name).require()
    except NotebookError as error:
        raise BadNotebook([p.to_json() for p in errors(error.problems)][:MOST_PROBLEMS]) from None


def explained(data: Any, path: str, name: str | None, folded: Collection[str] = ()) -> dict[str, Any]:
    """What the browser shows of a notebook: steps, parameters, the graph with its places, problems.

    Parameters
    ----------
    name
        Which of several pipelines; the first, when the notebook has none of that name.
    folded
        The ids of the graph's frames of which one box is drawn.
    """
    names: list[str] = []
    marked, others = True, list[dict[str, Any]]()
    try:
        notebook = notebook_from_json(data, path)
        names, marked = pipelines_of(notebook), notebook.marked
        built = build(notebook, name if name in names else names[0])
        others = _others(notebook, built)
    except NotebookError as error:
        built = Built(None, error.problems)
    description = describe(built)
    description.update(
        pipelines=names,
        problems=description["problems"][:MOST_PROBLEMS],
        target=_target(data),
        marked=marked,
        others=others,
    )
    if built.pipeline is not None:
        description.update(shown(built.pipeline, folded))
    return description


def shown(pipeline: Pipeline, folded: Collection[str] = ()) -> dict[str, Any]:
    """The graph of a pipeline with its layout, and the cells of its steps."""
    return {"graph": graph_of(pipeline, folded).to_json(), "cells": cells_of(pipeline)}


def cells_of(pipeline: Pipeline) -> list[dict[str, Any]]:
    """For every cell that steps come from: its number and id, and the steps. The cell that defines a component has the steps of all its calls."""
    entries: dict[int, dict[str, Any]] = {}
    for step in pipeline.steps():
        for number, identity in _places(step):
            entry = entries.setdefault(number, {"cell": number, "id": identity, "steps": []})
            if step.name not in entry["steps"]:
                entry["steps"].append(step.name)
    return [entries[n] for n in sorted(entries)]


def _others(notebook: Notebook, built: Built) -> list[dict[str, Any]]:
    """The cells of a notebook that are in no step, each with what it is instead."""
    outside = {cell.number for unit in built.units if unit.kind == OUTSIDE for cell in unit.cells}
    shared = {cell.number for unit in built.units if unit.kind == SHARED for cell in unit.cells} - outside
    found: list[dict[str, Any]] = []
    for cell in notebook.cells if built.units else ():
        if cell.step is None and cell.source.strip() and cell.role != METRICS:
            role = OTHER_ROLES.get(cell.role) or ("shared" if cell.number in shared else "outside")
            found.append({"cell": cell.number, "id": cell.id, "role": role})
    return found


def _places(step: Step) -> list[tuple[int, str]]:
    if step.component:
        definition = f"def {step.component}("
        shared = [p.code for p in step.prepare if isinstance(p, Replay)]
        cells = [(c.cell, c.cell_id) for c in shared if definition in c.source]
        return [*cells, *((c.cell, c.cell_id) for c in step.cells)]
    return [(c.cell, c.cell_id) for c in step.cells]


def _target(data: Any) -> str | None:
    """The target that the notebook names."""
    metadata = data.get("metadata") if isinstance(data, dict) else None
    settings = metadata.get("kfnb") if isinstance(metadata, dict) else None
    target = settings.get("target") if isinstance(settings, dict) else None
    return target if isinstance(target, str) else None
