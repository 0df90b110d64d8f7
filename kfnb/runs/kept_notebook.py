"""Keeps the notebook of a run: its cells without outputs, as they were when the run was started or last retried."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from kfnb.runs.record.private_record_files import read_json, write_file
from kfnb.runs.record.run_store import RunStore

NOTEBOOK = "notebook.ipynb"
LEFT_OUT = ("outputs", "execution_count", "prompt_number")  #: keys of a cell that are not stored
STATE = "widgets"  #: of the notebook's metadata: as large as outputs


def keep_notebook(store: RunStore, run_id: str, data: Any) -> None:
    """Keep a run's notebook beside its record.

    Parameters
    ----------
    data
        The notebook's JSON, of any version; it is not changed.

    A run whose notebook cannot be written down goes on: its reports are made of the pipeline's cells then.
    """
    path = _path(store, run_id)
    with contextlib.suppress(OSError):
        write_file(path, json.dumps(_bare(data)))


def kept_notebook(store: RunStore, run_id: str) -> Any | None:
    """The JSON of a run's notebook; ``None`` if none was stored. Raises `DamagedRecord`."""
    try:
        return read_json(_path(store, run_id))
    except FileNotFoundError:
        return None


def cell_sources(notebook: Any) -> dict[str, str]:
    """The code of a kept notebook's cells by their ids. Cells without an id are left out."""
    return {c["id"]: _joined(c.get("source")) for c in _code_cells(notebook) if isinstance(c.get("id"), str)}


def code_of(notebook: Any) -> list[str]:
    """The code of a notebook's cells, in their order."""
    return [_joined(c.get("source")) for c in _code_cells(notebook)]


def _code_cells(notebook: Any) -> list[dict[str, Any]]:
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    return [c for c in cells or () if isinstance(c, dict) and c.get("cell_type") == "code"]


def _joined(source: Any) -> str:
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def _path(store: RunStore, run_id: str) -> Path:
    return store.folder(run_id) / NOTEBOOK


def _bare(data: Any) -> Any:
    """The notebook without the outputs of its cells."""
    if not isinstance(data, dict):
        return data
    found = dict(data)
    if isinstance(data.get("metadata"), dict):
        found["metadata"] = {k: v for k, v in data["metadata"].items() if k != STATE}
    if "cells" in data:
        found["cells"] = _cells(data["cells"])
    if isinstance(data.get("worksheets"), list):
        found["worksheets"] = [
            {**s, "cells": _cells(s.get("cells"))} if isinstance(s, dict) else s for s in data["worksheets"]
        ]
    return found


def _cells(cells: Any) -> Any:
    if not isinstance(cells, list):
        return cells
    return [{k: v for k, v in c.items() if k not in LEFT_OUT} if isinstance(c, dict) else c for c in cells]
