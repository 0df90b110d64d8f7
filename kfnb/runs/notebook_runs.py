"""The runs of one notebook, wherever it has been moved since."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

from kfnb.runs.moved_notebook import id_of_moved
from kfnb.runs.record.notebook_identity import new_id, written_id
from kfnb.runs.record.run_query import RunQuery
from kfnb.runs.record.run_store import RunStore


def of_notebook(store: RunStore, path: str | None, written: str | None) -> RunQuery:
    """The query for the runs of a notebook: where it is, and the id in its metadata."""
    with contextlib.suppress(sqlite3.OperationalError):  # a record that cannot be written has the runs as they were
        found = store.claim_notebook(path, written or id_of_moved(store, path))
        if found is not None:
            return RunQuery(notebook_id=found)
    return RunQuery(notebook=path or "")


def notebook_of_run(store: RunStore, path: str | None, data: Any) -> str:
    """The id of a notebook that is about to run. ``data`` is its JSON."""
    return store.claim_notebook(path, written_id(data) or id_of_moved(store, path)) or new_id()
