"""Which runs are those of a notebook: it has an id, which stays with it when it is renamed or moved.

The id is written into the notebook's metadata, as ``kfnb.id``, when JupyterLab has run it. Where a notebook has none, its
path stands for it, and where no run is recorded with its path, its file or its code (`kfnb.runs.moved_notebook`). A copy has the id of
the notebook that it was copied from until it is run for the first time.
"""

from __future__ import annotations

import os
import uuid
from typing import Any

from kfnb.runs.record.database import Database


def written_id(data: Any) -> str | None:
    """The id in the JSON of a notebook; ``None`` where it has none."""
    metadata = data.get("metadata") if isinstance(data, dict) else None
    own = metadata.get("kfnb") if isinstance(metadata, dict) else None
    found = own.get("id") if isinstance(own, dict) else None
    return found if isinstance(found, str) and found else None


def new_id() -> str:
    """An id for a notebook that is run for the first time."""
    return uuid.uuid4().hex


def claim_notebook(database: Database, path: str | None, written: str | None) -> str | None:
    """The id under which the runs of a notebook are recorded; ``None`` while none is.

    Parameters
    ----------
    path
        Where the notebook is now. The runs of a notebook that was moved are recorded with this path from now on.
    written
        The id in the notebook's metadata.
    """
    recorded = _id_at(database, path)
    found = written if written is not None and _is_own(database, path, written) else recorded
    if found is not None and recorded is not None and not _is_known(database, found):
        # it was run here while its file had no id, and has got one elsewhere
        database.change("update runs set notebook_id = ? where notebook_id = ?", (found, recorded))
    if found is None and _has_runs_at(database, path):
        found = new_id()  # a record of an earlier version has paths alone
    if found is None or path is None:
        return found
    database.change("update runs set notebook_id = ? where notebook = ? and notebook_id is null", (found, path))
    database.change("update runs set notebook = ? where notebook_id = ? and notebook is not ?", (path, found, path))
    return found


def file_at(path: str | None) -> str | None:
    """What stays the same of a file when it is moved within its file system, or is saved; ``None`` where nothing does."""
    try:
        found = os.stat(path) if path is not None else None
    except (OSError, ValueError):
        return None
    return f"{found.st_dev}:{found.st_ino}" if found is not None and found.st_ino else None


def newest_runs_elsewhere(database: Database, path: str) -> list[dict[str, Any]]:
    """The newest runs of the other notebooks (`RunStore.newest_runs_elsewhere`)."""
    if _has_runs_at(database, path):
        return []
    rows = database.rows(
        "select id as run, notebook, notebook_id, file, max(created) from runs where notebook is not null and notebook_id is not null"
        " group by notebook_id order by max(created) desc, max(rowid) desc"
    )
    return [dict(row) for row in rows]


def _is_own(database: Database, path: str | None, written: str) -> bool:
    """Whether an id is that of the notebook itself, and not that of another one of which it is a copy."""
    row = database.row(
        "select notebook from runs where notebook_id = ? order by created desc, rowid desc limit 1", (written,)
    )
    return row is None or path is None or row["notebook"] in (None, path) or not os.path.exists(row["notebook"])


def _id_at(database: Database, path: str | None) -> str | None:
    """The id of the runs that are recorded with a path."""
    row = database.row(
        "select notebook_id from runs where notebook = ? and notebook_id is not null order by created desc, rowid desc limit 1",
        (path,),
    )
    return None if row is None else str(row["notebook_id"])


def _is_known(database: Database, notebook_id: str) -> bool:
    return database.row("select 1 from runs where notebook_id = ? limit 1", (notebook_id,)) is not None


def _has_runs_at(database: Database, path: str | None) -> bool:
    return database.row("select 1 from runs where notebook = ? limit 1", (path,)) is not None
