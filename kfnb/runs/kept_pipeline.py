"""Reads the pipeline of a run from the file that is kept in the folder of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.serialize import from_json
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.private_record_files import DamagedRecord, read_object
from kfnb.runs.record.run_store import RunStore
from kfnb.wording import did_you_mean

PIPELINE = "pipeline.json"


def kept_pipeline(store: RunStore, run_id: str) -> Pipeline:
    """The pipeline of a run. Raises `UnknownRun` if its folder is gone, and `DamagedRecord`. Safe in any thread: it does not use the database."""
    path = store.folder(run_id) / PIPELINE
    try:
        return from_json(read_object(path))
    except FileNotFoundError:
        raise UnknownRun(f"what run {run_id} kept is gone: there is no {path}; run the notebook again") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise DamagedRecord(path, f"it is no pipeline ({type(error).__name__}: {error})") from None


def shown_names(store: RunStore, run_id: str) -> dict[str, str]:
    """What people read in place of the names of the steps that kfnb added to a run; empty where what it kept is gone."""
    try:
        steps = kept_pipeline(store, run_id).steps()
    except (UnknownRun, DamagedRecord):
        return {}
    return {step.name: step.shown_name for step in steps if step.label}


def shown_path(path: str, names: Mapping[str, str]) -> str:
    """The path of a step as people read it: ``if x > 1[2]`` for an iteration of a step that kfnb added."""
    name, bracket, index = path.partition("[")
    return names.get(name, name) + bracket + index


def begun_step(store: RunStore, run_id: str, path: str) -> dict[str, Any] | None:
    """The record of a step or iteration; ``None`` for a step that has not begun, as each is for a moment when its run is taken up again.

    Raises `UnknownRun` when the pipeline of the run has no such step, and for a loop's step whose iterations have begun.
    """
    try:
        return store.find_step(run_id, path)
    except UnknownRun:
        if any(s["path"].startswith(f"{path}[") for s in store.steps(run_id)):
            raise
        check_step(kept_pipeline(store, run_id), run_id, path.partition("[")[0])
        return None


def check_step(pipeline: Pipeline, run_id: str, name: str) -> None:
    """Raise `UnknownRun` with the nearest name when the pipeline of a run has no step of that name."""
    names = [s.name for s in pipeline.steps()]
    if name in names:
        return
    hint = did_you_mean(name.partition("[")[0], names, f"the steps are {', '.join(names[:20])}")
    raise UnknownRun(f"run {run_id} has no step `{name}`; {hint}")
