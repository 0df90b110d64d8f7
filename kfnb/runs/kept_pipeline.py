"""Reads the pipeline of a run from the file that is kept in the folder of the run."""

from __future__ import annotations

import difflib

from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.serialize import from_json
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.private_record_files import DamagedRecord, read_object
from kfnb.runs.record.run_store import RunStore

PIPELINE = "pipeline.json"


def kept_pipeline(store: RunStore, run_id: str) -> Pipeline:
    """What was run. Raises `UnknownRun` when its folder is gone, `DamagedRecord`. Any thread may ask: the database is not."""
    path = store.folder(run_id) / PIPELINE
    try:
        return from_json(read_object(path))
    except FileNotFoundError:
        raise UnknownRun(f"what run {run_id} kept is gone: there is no {path}; run the notebook again") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise DamagedRecord(path, f"it is no pipeline ({type(error).__name__}: {error})") from None


def check_step(pipeline: Pipeline, run_id: str, name: str) -> None:
    """Raise `UnknownRun` with the nearest name when the pipeline of a run has no step of that name."""
    names = [s.name for s in pipeline.steps()]
    if name in names:
        return
    near = difflib.get_close_matches(name.partition("[")[0], names, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"the steps are {', '.join(names[:20])}"
    raise UnknownRun(f"run {run_id} has no step `{name}`; {hint}")
