"""Finds the runs of a notebook that was moved before its id was saved in it: by its file, its name or its folder, and by its code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kfnb.notebook.formats import notebook_file
from kfnb.problems import NotebookError
from kfnb.runs.kept_notebook import code_of, kept_notebook
from kfnb.runs.record.notebook_identity import file_at
from kfnb.runs.record.private_record_files import DamagedRecord
from kfnb.runs.record.run_store import RunStore

LEAST_SHARE = 0.5  #: of the cells of its newest run that a file must still have


def id_of_moved(store: RunStore, path: str | None) -> str | None:
    """The id of the notebook that was moved to a path; ``None`` where nothing speaks for that.

    A notebook that was moved is gone from where it was run; while it is there, this is a copy. Within its file system it is the same file.
    The system may give the number of a deleted file to another one, so most of the cells must be the same, too. On another disk, or saved by an
    editor that replaces files, it is another file: then it has its name or lies in its folder, and all code is as it was run.
    """
    rows = store.newest_runs_elsewhere(path) if path is not None else []
    gone = [row for row in rows if not os.path.exists(row["notebook"])]
    if path is None or not gone:
        return None
    file = file_at(path)
    own = [row for row in gone if row["file"] == file]
    alike = [row for row in gone if row["file"] != file and _is_near(row["notebook"], path)]
    now = _code_at(path) if own or alike else []
    for row in own:
        before = _code_of_run(store, row["run"])
        if before and sum(code in now for code in before) >= LEAST_SHARE * len(before):
            return str(row["notebook_id"])
    for row in alike:
        if now and now == _code_of_run(store, row["run"]) and not _is_beside(path, row["file"]):
            return str(row["notebook_id"])
    return None


def _is_near(before: str, now: str) -> bool:
    """Whether a file that was renamed, or moved, may be here now; not both at once."""
    return os.path.basename(before) == os.path.basename(now) or os.path.dirname(before) == os.path.dirname(now)


def _is_beside(path: str, file: str | None) -> bool:
    """Whether the file that was run lies in the same folder under another name: then this one is a copy of it."""
    try:
        return file is not None and any(file_at(other.path) == file for other in os.scandir(os.path.dirname(path)))
    except OSError:
        return False  # nobody may list the folder


def _code_of_run(store: RunStore, run_id: str) -> list[str]:
    try:
        return _code(kept_notebook(store, run_id))
    except (OSError, DamagedRecord):
        return []


def _code_at(path: str) -> list[str]:
    try:
        return _code(notebook_file.load(Path(path)))
    except (OSError, NotebookError):
        return []


def _code(notebook: Any) -> list[str]:
    return [code.strip() for code in code_of(notebook) if code.strip()]
