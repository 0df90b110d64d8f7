"""Finds the runs of a notebook that was moved before its id was saved in it: by its file, and by its cells."""

from __future__ import annotations

import json
import os
from pathlib import Path

from kfnb.runs.kept_notebook import code_of, kept_notebook
from kfnb.runs.record.private_record_files import DamagedRecord
from kfnb.runs.record.run_store import RunStore

LEAST_SHARE = 0.5  #: of the cells of its newest run that a notebook must still have


def id_of_moved(store: RunStore, path: str | None) -> str | None:
    """The id of the notebook that was moved to a path; ``None`` where nothing speaks for that.

    A notebook that was moved is the same file, which is gone from where it was run. The file system may give the number of a file that was
    deleted to another one, so most cells must be the same, too. A copy is another file.
    """
    row = store.newest_run_of_file(path) if path is not None else None
    if path is None or row is None or row["notebook"] == path or os.path.exists(row["notebook"]):
        return None
    return row["notebook_id"] if _has_cells_of(path, store, row["run"]) else None


def _has_cells_of(path: str, store: RunStore, run_id: str) -> bool:
    try:
        before = [code for code in code_of(kept_notebook(store, run_id)) if code.strip()]
        text = Path(path).read_text("utf-8")
        now = "\n".join(code_of(json.loads(text))) if path.endswith(".ipynb") else text
    except (OSError, ValueError, DamagedRecord):
        return False
    return bool(before) and sum(code in now for code in before) >= LEAST_SHARE * len(before)
