"""The notebook file: JSON of nbformat 3 or 4, repaired where a field is missing or of the wrong type; or text with cells.

Format: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kfnb.notebook.formats import text_notebooks
from kfnb.problems import NotebookError, Problem


@dataclass(frozen=True)
class RawCell:
    """A cell as the file has it.

    Parameters
    ----------
    kind
        ``code``, ``markdown``, ``raw`` or ``heading-N``.
    line
        The file's line on which the cell begins, where the file is text; 1 elsewhere.
    """

    kind: str
    source: str
    tags: tuple[str, ...]
    metadata: dict[str, Any]
    id: str | None
    language: str | None = None
    attachments: dict[str, Any] = field(default_factory=dict)
    line: int = 1


@dataclass(frozen=True)
class RawNotebook:
    cells: tuple[RawCell, ...]
    metadata: dict[str, Any]
    language: str
    problems: tuple[Problem, ...] = field(default=())
    form: str | None = None  #: of a text file


def load(path: str | Path) -> Any:
    """The JSON of a notebook file; of a text file, JSON made of its cells. Raises `NotebookError` (KF101) when there is none."""
    if Path(path).is_dir():
        raise NotebookError([Problem("KF101", f"{path}: Is a directory", "name a notebook in it")])
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise NotebookError([Problem("KF101", f"{path}: {error.strerror or error}")]) from None
    if text_notebooks.is_text(path):
        return text_notebooks.parse(text_notebooks.decoded(data, str(path)), str(path))
    if data.strip() and data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"[") and b"<<<<<<<" not in data:
        raise text_notebooks.refused(str(path), data)
    return parse(decoded(data, str(path)), str(path))


def decoded(data: bytes, path: str) -> str:
    """The text of a notebook file. Raises `NotebookError` (KF101) when it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotebookError(
            [Problem("KF101", f"{path} is not a notebook: it is not text in UTF-8 (byte {error.start})")]
        ) from None


def parse(text: str, path: str = "the notebook") -> Any:
    if not text.strip():
        raise NotebookError([Problem("KF101", f"{path} is empty", "save the notebook again")])
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{path} is not a notebook: not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        hint = "it holds git's conflict marks: resolve them" if "<<<<<<<" in text else ""
        raise NotebookError([Problem("KF101", message, hint)]) from None
    except RecursionError:
        raise NotebookError([Problem("KF101", f"{path} is not a notebook: its JSON is nested too deep")]) from None


def raw_notebook(data: Any, path: str | None = None) -> RawNotebook:
    """Cells and metadata of notebook JSON of any version. Raises `NotebookError` when it has no cells at all."""
    shown = path or "the notebook"
    if not isinstance(data, dict) or not ("cells" in data or "worksheets" in data):
        raise NotebookError([Problem("KF101", f"{shown} is JSON, but not a notebook: it has no cells")])
    problems: list[Problem] = []
    metadata = _table(data.get("metadata", {}), "the notebook's metadata", None, problems)
    if "cells" in data:
        found = data["cells"]
    else:
        sheets = data["worksheets"] if isinstance(data["worksheets"], list) else []
        found = [c for s in sheets if isinstance(s, dict) for c in _list(s.get("cells"))]
    if not isinstance(found, list):
        raise NotebookError([Problem("KF101", f"{shown} is not a notebook: `cells` is not a list")])
    form = data.get("form") if isinstance(data.get("form"), str) else None
    if form == "script":
        hint = 'begin cells with a line `# %%`, and mark them: `# %% tags=["step:NAME"]`'
        problems.append(Problem("KF114", "this script has no cells: all of it is one step", hint))
    cells: list[RawCell] = []
    number = 0
    for item in found:
        number += isinstance(item, dict) and item.get("cell_type") == "code"
        cell = _cell(item, number or None, problems)
        if cell is not None and form is not None:
            cell = replace(cell, line=max(1, item["line"]) if type(item.get("line")) is int else 1)
        if cell is not None and cell.kind == "code" and (form is not None or text_notebooks.is_text(path)):
            cell = replace(cell, source=text_notebooks.with_mark(cell.source))
        if cell is not None:
            cells.append(cell)
    return RawNotebook(tuple(cells), metadata, _language(metadata), tuple(problems), form)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _table(value: Any, what: str, number: int | None, problems: list[Problem]) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    problems.append(Problem("KF102", f"{what} should be an object; taken as empty", cell=number))
    return {}


def _cell(item: Any, number: int | None, problems: list[Problem]) -> RawCell | None:
    if not isinstance(item, dict):
        problems.append(Problem("KF102", "something among the cells is no cell; it was left out", cell=number))
        return None
    kind = item.get("cell_type")
    if kind not in ("code", "markdown", "raw", "heading", "html"):
        problems.append(Problem("KF102", f"a cell has the type {kind!r}; it was left out", cell=number))
        return None
    source = item.get("source", item.get("input"))
    if isinstance(source, list):
        source = "".join(s for s in source if isinstance(s, str))
    if not isinstance(source, str):
        problems.append(Problem("KF102", "a cell has no source; taken as empty", cell=number))
        source = ""
    metadata = _table(item.get("metadata", {}), "a cell's metadata", number, problems)
    tags = metadata.get("tags", [])
    if not isinstance(tags, list):
        problems.append(Problem("KF102", "a cell's tags should be a list; taken as none", cell=number))
        tags = []
    if kind == "heading":
        kind = f"heading-{item.get('level', 1)}"
    cell_id = item.get("id")
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    return RawCell(
        kind, source, tuple(t for t in tags if isinstance(t, str)), metadata,
        cell_id if isinstance(cell_id, str) else None, item.get("language") if isinstance(item.get("language"), str) else None,
        item["attachments"] if isinstance(item.get("attachments"), dict) else {},
    )  # fmt: skip


def _language(metadata: dict[str, Any]) -> str:
    """The language of the kernel, in lower case; Python when the notebook does not say."""
    spec, info = metadata.get("kernelspec"), metadata.get("language_info")
    for value in (
        info.get("name") if isinstance(info, dict) else None,
        spec.get("language") if isinstance(spec, dict) else None,
    ):
        if isinstance(value, str) and value:
            return value.lower()
    name = spec.get("name") if isinstance(spec, dict) else ""
    known = {"ir": "r", "julia": "julia", "scala": "scala", "bash": "bash"}
    return next((v for k, v in known.items() if isinstance(name, str) and name.lower().startswith(k)), "python")
